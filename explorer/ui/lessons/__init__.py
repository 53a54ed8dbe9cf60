"""The lessons: one idea a screen, each with a live widget on the current digit and one question.

A chapter is a frozen description (:mod:`.chapters`); each subject has a module with its widget and its question, and
:mod:`.page` puts a chapter on the screen. The order follows the project's founding article and the review that it
cites: Yamashita, Nishio, Do & Togashi 2018, 'Convolutional neural networks: an overview and application in radiology'.
"""

from explorer.ui.lessons.page import show

__all__ = ["show"]
