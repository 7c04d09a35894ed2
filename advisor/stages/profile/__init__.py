"""Facts of task, data and machine, asked or measured, with where each comes from."""
