"""The questions that can still change the advice."""
