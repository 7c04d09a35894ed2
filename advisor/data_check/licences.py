"""Rows under different licences, or under none although others name one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from advisor.data_check.looks import ROWS_LISTED
from advisor.schema.dataset import Problem

SHOWN = 4
Rows = Sequence[tuple[str, int]]
"""File and line of each."""


def licence_problems(named: Mapping[str, int], rows: Mapping[str, Rows]) -> Iterator[Problem]:
    """The problems to show for rows by licence; those that name none stand under the empty text.

    Of several licences the rows under other ones than the commonest are listed.
    """
    told = {name: count for name, count in named.items() if name}
    silent = named.get("", 0)
    if len(told) > 1:
        ranked = sorted(told, key=lambda name: (-told[name], name))
        shown = ", ".join(f"{name} ({told[name]})" for name in ranked[:SHOWN])
        more = f" and {len(ranked) - SHOWN} more" if len(ranked) > SHOWN else ""
        others = [row for name in ranked[1:] for row in rows.get(name, ())]
        yield _problem(
            "licence_mixed",
            others,
            count=sum(told[name] for name in ranked[1:]),
            message=f"The rows stand under {len(told)} licences: {shown}{more}.",
            hint="The strictest binds what is tuned on all; look whether it allows your use.",
        )
    if told and silent:
        yield _problem(
            "licence_missing",
            rows.get("", ()),
            count=silent,
            message=f"{silent} rows name no licence, {sum(told.values())} do.",
            hint="Find out where these rows come from, or leave them out.",
        )


def _problem(
    code: str, rows: Iterable[tuple[str, int]], *, count: int, message: str, hint: str
) -> Problem:
    listed = sorted(rows)[:ROWS_LISTED]
    return Problem(
        code=code,
        severity="warning",
        rows=tuple(line for _, line in listed),
        message=message,
        hint=hint,
        files=tuple(file for file, _ in listed) if any(file for file, _ in listed) else (),
        count=count if count > len(listed) else None,
    )
