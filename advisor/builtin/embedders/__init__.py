"""Embedders that ship with us and need no model on this machine."""
