"""Look inside: the current digit on its way through the current network."""

from explorer.ui import shell

shell.enter("Look inside")

from explorer.ui import inside

with shell.sentences():
    inside.show()
