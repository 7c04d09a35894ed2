"""Measured results in the forms that other tools read; no value is made here."""
