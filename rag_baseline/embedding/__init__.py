"""Texts to vectors, by a model on this machine."""
