"""Prompt builders that need no retrieval."""
