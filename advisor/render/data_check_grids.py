"""A check of a data file as facts and tables of plain text, the same for every view."""

from __future__ import annotations

import shlex
from collections import Counter
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

from advisor.render.grid import Grid, short_number
from advisor.render.safe import percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from advisor.schema.dataset import DataCheck, Histogram, Problem, Repeats

KINDS = {
    "answers": "answers to inputs",
    "preference": "better and worse answers",
    "unpaired": "answers marked good or bad",
    "text": "plain text",
}
LABELS_SHOWN = 12
LANGUAGES_SHOWN = 5
FEWEST_JUDGED = 20
"""Rows of a known language below which their shares say nothing of the file."""


def facts(check: DataCheck) -> Iterator[tuple[str, str]]:
    """What was recognised and counted, as named lines."""
    yield "file", check.path
    encoding = "" if check.encoding.lower() in {"utf-8", "utf8", "ascii"} else f", {check.encoding}"
    yield "format", f"{check.format}{encoding}"
    yield "teaches", KINDS[check.kind]
    yield "usable rows", f"{check.usable_rows:,} of {check.rows:,}"
    yield "licence", check.licence or "not stated in the rows"
    if (judged := sum(check.languages.values())) >= FEWEST_JUDGED:
        told = f"{shares(check.languages, LANGUAGES_SHOWN)} ({judged:,} rows show theirs)"
        yield "languages", told
    yield "splits in the file", listed(check.splits.given)
    used = check.splits.used
    yield "splits as used", listed(used) if used else "no test split possible"
    yield "repeated inputs", _repeats(check.duplicates, check.usable_rows)
    if check.near_duplicates is not None:
        yield "nearly repeated", _repeats(check.near_duplicates, check.usable_rows)
    inputs = check.contradictions.inputs
    yield "contradictions", f"{inputs:,} input{'' if inputs == 1 else 's'}"
    leaks = f"{check.leakage.leaked_rows:,} of {check.leakage.test_rows:,} test rows"
    yield "leakage", leaks if check.leakage.test_rows else "no test rows in the file"
    if check.sequence_length is not None:
        yield "sequence length", f"{check.sequence_length:,} tokens"
    for name, seen in sorted(check.looked_at.items()):
        yield "looked at", f"{seen:,} rows for {name.replace('_', ' ')}"


def _repeats(repeats: Repeats, rows: int) -> str:
    return f"{repeats.rows:,} of {rows:,} rows ({percent(repeats.share)})"


def listed(counts: Mapping[str, int]) -> str:
    """'train 20, test 5'."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def shares(counts: Mapping[str, int], shown: int) -> str:
    """'en 98 %, de 2 %': the commonest first, the rest as a number."""
    total = sum(counts.values()) or 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{name} {percent(count / total, 0)}" for name, count in ranked[:shown]]
    more = len(ranked) - shown
    return ", ".join([*words, f"{more} more"] if more > 0 else words)


def headline(check: DataCheck) -> str:
    """'2 errors, 1 warning, 3 notes', or that there is none."""
    found = Counter(problem.severity for problem in check.problems)
    words = [
        f"{found[name]} {name}{'s' if found[name] > 1 else ''}"
        for name in ("error", "warning", "note")
        if found[name]
    ]
    return ", ".join(words) or "No problem found."


def onward(check: DataCheck) -> str:
    """The command that mends what can be mended."""
    path = PurePath(check.path)
    whole = f"clean-{path.name}"
    name = whole if _keeps_ending(path, check) else f"clean-{path.stem or 'data'}.jsonl"
    out = path.with_name(name) if path.name not in ("", "..") else path.parent / ".." / name
    given = ",".join(f"{word}={field}" for word, field in check.mapping.items())
    mapped = ["--map", given] if given else []
    words = shlex.join(["advisor", "data", "fix", check.path, *mapped, "--out", str(out)])
    return f"A cleaned copy: {words}"


def _keeps_ending(path: PurePath, check: DataCheck) -> bool:
    """Whether a copy with the same ending can be written: as JSON always, else as it is."""
    packed = path.suffix.lower() in (".gz", ".bz2", ".xz")
    ending = PurePath(path.stem).suffix.lower() if packed else path.suffix.lower()
    container = check.format.partition("/")[0].partition(".")[0]
    of_container = {"csv": (".csv",), "tsv": (".tsv", ".tab"), "parquet": (".parquet",)}
    always = (".json", ".jsonl", ".ndjson")
    return ending in (*always, *of_container.get(container, (".arrow", ".feather")))


def row_count(problem: Problem) -> int:
    """Rows that have the problem, listed or not."""
    return len(problem.rows) if problem.count is None else problem.count


def places(problem: Problem, shown: int) -> str:
    """'35, 36 and 4 more'; with the file in front of each line where data is a folder."""
    if len(problem.files) == len(problem.rows):
        named = [f"{name}:{row}" for name, row in zip(problem.files, problem.rows, strict=True)]
    else:
        named = [str(row) for row in problem.rows]
    more = row_count(problem) - min(len(named), shown)
    return ", ".join(named[:shown]) + (f" and {more:,} more" if more > 0 and named else "")


def problems_grid(check: DataCheck, shown: int) -> Grid:
    """One row per problem: how grave, its code, how many rows, the first of them."""
    rows = tuple(
        (p.severity, p.code, f"{row_count(p):,}" if p.rows else "", places(p, shown))
        for p in check.problems
    )
    return Grid(("Severity", "Problem", "Rows", f"First {check.numbered}s"), rows, right=(2,))


def lengths_title(check: DataCheck) -> str:
    """How the tokens were counted; empty where no row is usable."""
    if check.token_lengths is None:
        return ""
    way = check.token_lengths.estimated_from
    return f"Tokens per row, {way if way.startswith('counted') else f'estimated as {way}'}"


def lengths_grid(check: DataCheck) -> Grid:
    """Tokens per row: smallest, median, 95 % point and largest."""
    found = check.token_lengths
    spreads = [] if found is None else [
        ("input", found.input), ("target", found.target), ("whole row", found.total)
    ]  # fmt: skip
    rows = tuple(
        (name, *(f"{count:,}" for count in (s.smallest, s.p50, s.p95, s.largest)))
        for name, s in spreads
    )
    return Grid(("", "least", "median", "95 %", "most"), rows, right=(1, 2, 3, 4))


def usefulness_grid(check: DataCheck) -> Grid:
    """What each cause takes away, worst first."""
    parts = check.usefulness.parts if check.usefulness else {}
    ranked = sorted(parts.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((cause.replace("_", " "), f"{count:,}") for cause, count in ranked if count)
    return Grid(("Cause", "Rows lost"), rows, right=(1,))


def usefulness_words(check: DataCheck) -> str:
    """The score and what it rests on, as a sentence."""
    found = check.usefulness
    if found is None:
        return ""
    return (
        f"Usefulness {found.score:.0f} of 100: {found.remaining:,} of {check.rows:,} rows remain"
        " when everything doubtful is taken out."
    )


def label_counts(check: DataCheck) -> list[tuple[str, int]]:
    """The commonest labels with their rows."""
    ranked = sorted((check.labels or {}).items(), key=lambda item: (-item[1], item[0]))
    return ranked[:LABELS_SHOWN]


def label_title(check: DataCheck) -> str:
    """'Rows by label', with how many labels are not shown and the rows they have."""
    rest = len(check.labels or {}) - LABELS_SHOWN
    if rest <= 0:
        return "Rows by label"
    shown = sum(count for _, count in label_counts(check))
    rows = sum((check.labels or {}).values()) - shown
    return f"Rows by label, the {LABELS_SHOWN} commonest ({rest:,} more with {rows:,} rows)"


def bin_names(histogram: Histogram) -> list[str]:
    """'0-16' with an en dash, and so on."""
    named = [
        f"{edge:,.0f}" if edge == int(edge) else short_number(edge) for edge in histogram.edges
    ]
    return [f"{low}–{high}" for low, high in pairwise(named)]  # noqa: RUF001 - a range


def histogram_title(histogram: Histogram) -> str:
    """'Target length, tokens'."""
    name = histogram.name.replace("_", " ")
    return f"{name[:1].upper()}{name[1:]}, {histogram.unit}" if histogram.unit else name
