"""Training runs: what is known of them, where their files lie, and the processes that do the work.

:mod:`~explorer.runs.service` is what pages and the command line call; :mod:`~explorer.runs.store` is the sole source
of truth; :mod:`~explorer.runs.artifacts` holds files, :mod:`~explorer.runs.executors` processes. Nothing here trains,
and nothing here imports torch: a worker is a process of its own, started by module name.
"""
