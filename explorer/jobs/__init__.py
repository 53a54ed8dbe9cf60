"""Long analyses off the page's script: asked for by a value, computed once in a process of their own, kept on disk.

Who asks makes a :class:`~explorer.jobs.request.Request`; :mod:`~explorer.jobs.service` starts, watches and ends its
process and hands out the result; :mod:`~explorer.jobs.registry` has a line for each kind of computation, and
:mod:`explorer.jobs.kinds` what each one does. Torch is loaded in the worker alone.
"""
