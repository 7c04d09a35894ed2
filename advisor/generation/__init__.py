"""New samples written by a stronger model, kept only where they stand up to every check."""
