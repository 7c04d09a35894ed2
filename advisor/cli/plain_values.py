"""Values of NAME=VALUE options, read as the plainest thing they can be."""

from __future__ import annotations

import click


def named_value(text: str, option: str) -> tuple[str, bool | int | float | str]:
    """NAME=VALUE as name and plain value; a usage error for anything else."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        msg = f"--{option} '{text}' is not of the form NAME=VALUE."
        raise click.UsageError(msg)
    if value.lower() in {"true", "false"}:
        return name.strip(), value.lower() == "true"
    for kind in (int, float):
        try:
            return name.strip(), kind(value)
        except ValueError:
            continue
    return name.strip(), value
