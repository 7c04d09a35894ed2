"""Reads an export job's options: one of some, and none that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.errors import PlanError
from advisor.schema.export import ExportJob
from advisor.schema.plugin import PluginInfo


def refuse_unknown(job: ExportJob, info: PluginInfo) -> None:
    """Raise PlanError naming the options that the exporter does not take."""
    strange = sorted(set(job.options) - set(info.options))
    if strange:
        known = ", ".join(info.options)
        raise PlanError(
            f"The exporter '{info.id}' takes no option '{strange[0]}'.",
            hint=f"It takes {known}." if known else "It takes none.",
            where=f"exporter {info.id}",
        )


def one_of(job: ExportJob, name: str, allowed: Sequence[str], default: str = "") -> str:
    """An option's value, which must be one of some. Raises PlanError for another."""
    value = job.options.get(name, default)
    if value and value not in allowed:
        raise PlanError(
            f"The option '{name}' is '{value}'.",
            hint=f"Give one of {', '.join(allowed)}.",
            where=f"{name}={value}",
        )
    return value
