"""Rows under different licences, or under none although others name one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from advisor.schema.dataset import Problem

SHOWN = 4


def licence_problems(named: Mapping[str, int]) -> Iterator[Problem]:
    """The problems to show for rows by licence; those that name none stand under the empty text."""
    told = {name: count for name, count in named.items() if name}
    silent = named.get("", 0)
    if len(told) > 1:
        ranked = sorted(told, key=lambda name: (-told[name], name))
        shown = ", ".join(f"{name} ({told[name]})" for name in ranked[:SHOWN])
        more = f" and {len(ranked) - SHOWN} more" if len(ranked) > SHOWN else ""
        yield Problem(
            code="licence_mixed",
            severity="warning",
            rows=(),
            message=f"The rows stand under {len(told)} licences: {shown}{more}.",
            hint="The strictest binds what is tuned on all; look whether it allows your use.",
        )
    if told and silent:
        yield Problem(
            code="licence_missing",
            severity="warning",
            rows=(),
            message=f"{silent} rows name no licence, {sum(told.values())} do.",
            hint="Find out where these rows come from, or leave them out.",
        )
