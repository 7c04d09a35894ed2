"""Rules as data: loading, conditions, engine."""
