"""Compare: the current network beside others: what differs, how they learned, and who reads what right."""

from explorer.ui import shell

shell.enter("Compare")

from explorer.ui import compare

with shell.sentences():
    compare.show()
