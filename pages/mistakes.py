"""Mistakes: what the current network gets wrong on the test set."""

from explorer.ui import shell

shell.enter("Mistakes")

from explorer.ui import mistakes

with shell.sentences():
    mistakes.show()
