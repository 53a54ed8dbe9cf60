"""What each kind of job does: its :class:`~explorer.jobs.context.Context` opened, an analysis called, arrays returned.

``compute(context, params, progress) -> dict[str, np.ndarray]``; a line in :data:`explorer.jobs.registry.KINDS` makes
it a kind. No array may hold Python objects.
"""
