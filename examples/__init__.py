"""Worked examples and the recipes behind the bundled parts."""
