"""Kernelscope: shape a convolutional network, train it, and look at every number inside it."""

__version__ = "0.6.0"
