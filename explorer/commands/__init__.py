"""The command line's commands, one module a subject; :mod:`explorer.cli` puts them together. No torch on import."""
