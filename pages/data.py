"""Data: the images behind the current network, class by class and one by one."""

from explorer.ui import shell

shell.enter("Data")

from explorer.ui import data

with shell.sentences():
    data.show()
