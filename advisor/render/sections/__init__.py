"""Sections of the report as blocks, the same for HTML and Markdown."""
