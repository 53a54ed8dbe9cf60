"""Your digits: drawn, photographed or uploaded, prepared as MNIST's were, and read."""

from explorer.ui import shell

shell.enter("Your digits", pictures=True)

from explorer.ui import digits

with shell.sentences():
    digits.show()
