"""Launchers: jobs that run advisor itself where the GPUs are."""
