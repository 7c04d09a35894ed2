"""Generator and scoring of the bundled tasks."""
