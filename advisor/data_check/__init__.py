"""Faults in a dataset, and its split."""
