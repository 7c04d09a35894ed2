"""The line that says everything a metric's values depend on, in the manner of sacrebleu."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version

from advisor.errors import InputError


def signed(metric: str, **parts: object) -> str:
    """'metric|key:value|...'; booleans read yes and no, and a bar in a value becomes a slash."""
    words = [f"{key}:{_word(value)}" for key, value in parts.items()]
    return "|".join([metric, *words])


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "/").split())


def library(name: str) -> str:
    """The installed version of a library, or 'missing'."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def digest(text: str) -> str:
    """Twelve hexadecimal digits that change with the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def lacking(metric: str, option: str, example: str) -> InputError:
    """The error for a metric that was used without the option it cannot do without."""
    return InputError(
        f"The metric {metric} needs the option '{option}'.",
        hint=f"Give it, for example: --metric-option {option}={example}",
        where=f"metric {metric}",
    )
