"""Compare: the current network beside others: what differs, how they learned, and who reads what right."""

from explorer.ui import shell

shell.enter("Compare", settle="explorer.ui.compared")

from explorer.ui import compare

with shell.sentences():
    compare.show()
