"""Tokens to operations to hours and energy."""
