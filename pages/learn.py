"""Learn: how a convolutional network works, in short chapters, each with a live widget and a question."""

from explorer.ui import shell

shell.enter("Learn")

from explorer.ui import lessons

with shell.sentences():
    lessons.show()
