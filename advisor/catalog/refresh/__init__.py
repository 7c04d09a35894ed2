"""Fetching current prices from open sources into the user's own series."""

NAMES = ("gpuhunt", "skypilot", "genai-prices")
"""The sources, in the order they are read: an earlier one is not asked again by a later one."""
