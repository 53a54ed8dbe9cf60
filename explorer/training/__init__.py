"""Training: an engine that yields events, and the worker process that writes them to the run store.

:func:`explorer.training.engine.train` is the whole of it for tests and notebooks; :mod:`explorer.training.worker` is
what the app and the command line start. Importing this package, its events, schedule or snapshots needs no torch.
"""
