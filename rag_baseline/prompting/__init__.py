"""Prompts with retrieved passages."""
