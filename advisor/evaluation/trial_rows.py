"""Answers that people have judged, read from a data file for the trial of a judge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import DatasetError
from advisor.formats.layout import detect_layout
from advisor.formats.rows import Row
from advisor.schema.judge import TrialKind

FIELDS = {
    "input": ("input", "question", "prompt", "instruction", "query"),
    "answer": ("answer", "output", "completion", "response", "prediction", "model_answer"),
    "answer_a": ("answer_a", "response_a", "output_a", "a"),
    "answer_b": ("answer_b", "response_b", "output_b", "b"),
    "target": ("target", "reference", "expected", "gold"),
    "human": ("human", "human_label", "human_score", "label", "score", "winner", "preference"),
    "passages": ("passages", "contexts", "context", "documents"),
}
CERTAIN = frozenset(("answer", "prediction", "model_answer", "response"))
"""Names under which an answer stands, never a target."""
GOOD, BAD = "good", "bad"
WORDS: dict[TrialKind, dict[str, tuple[str, ...]]] = {
    "labels": {
        GOOD: ("good", "yes", "true", "correct", "pass", "passed", "right", "1", "1.0"),
        BAD: ("bad", "no", "false", "incorrect", "fail", "failed", "wrong", "0", "0.0"),
    },
    "pairs": {
        "a": ("a", "answer_a", "response_a", "model_a", "first", "left", "1"),
        "b": ("b", "answer_b", "response_b", "model_b", "second", "right", "2"),
        "tie": ("tie", "both", "neither", "equal", "draw", "same"),
    },
    "scale": {},
}
SHOWN = 5


@dataclass(frozen=True)
class TrialRow:
    """One answer, or two, and what people said of it."""

    line: int
    input: str
    answer: str
    other: str = ""
    target: str = ""
    human: str = ""
    """A verdict of the kind's words or a whole number; empty where nobody has judged."""
    passages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """What is to be judged, and on which scale."""

    kind: TrialKind
    scale: str
    """As the judge takes it: yes-no or 1-5; for pairs empty."""
    rows: tuple[TrialRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """The verdicts there are, in order."""
        if self.kind != "scale":
            return (BAD, GOOD) if self.kind == "labels" else ("a", "tie", "b")
        low, high = map(int, self.scale.split("-"))
        return tuple(map(str, range(low, high + 1)))


def read_trial(path: Path, *, scale: str | None = None, limit: int | None = None) -> Trial:
    """The rows of a file: JSON Lines, JSON, CSV and whatever `advisor data check` reads.

    Raises DatasetError when the file cannot be read, has no answers, or holds human verdicts that
    follow no kind of trial.
    """
    found, left_out = _sorted_out(detect_layout(path).rows(path), path)
    kept = found[:limit] if limit else found
    verdicts = [_text(row.fields, "human") for row in kept]
    _refuse_data(kept, verdicts, path)
    is_pairs = bool(_text(kept[0].fields, "answer_b"))
    kind, chosen = _kind(verdicts, is_pairs=is_pairs, scale=scale, path=path)
    rows = tuple(_row(row, kind, chosen, path, is_pairs=is_pairs) for row in kept)
    notes = []
    if left_out:
        shown = ", ".join(map(str, left_out[:SHOWN])) + (" ..." if len(left_out) > SHOWN else "")
        notes.append(f"{len(left_out)} rows have no answer or are broken: line {shown}.")
    if len(found) > len(kept):
        notes.append(f"{len(kept)} of {len(found)} rows are judged; --limit N takes more.")
    return Trial(kind=kind, scale=chosen, rows=rows, notes=tuple(notes))


def _sorted_out(rows: Iterable[object], path: Path) -> tuple[list[Row], list[int]]:
    """Rows with an answer (or two, if the first such row has two), and lines of the others."""
    usable: list[Row] = []
    left_out: list[int] = []
    for row in rows:
        if not isinstance(row, Row):
            left_out.append(int(getattr(row, "line", 0) or 0))
            continue
        wanted = _needed(usable[0].fields if usable else row.fields)
        if all(_text(row.fields, name) for name in wanted):
            usable.append(row)
        else:
            left_out.append(row.line)
    if not usable:
        raise DatasetError(
            f"{path.name} has no row with an answer to judge.",
            hint="Each row needs `answer` (or `answer_a` and `answer_b`), and `human` with what "
            "people said of it.",
            where=str(path),
        )
    return usable, left_out


def _refuse_data(rows: Sequence[Row], verdicts: Sequence[str], path: Path) -> None:
    """Rows to learn from hold targets, not answers of a model, and nobody has judged them."""
    names = {name for row in rows for name in row.fields}
    if (
        any(verdicts)
        or names & {*CERTAIN, *FIELDS["human"]}
        or _needed(rows[0].fields) != ("answer",)
    ):
        return
    raise DatasetError(
        f"{path.name} has no field `answer`, and no field `human` with what people said of it;"
        f" found: {', '.join(sorted(names)[:SHOWN])}.",
        hint="Name the field that holds the model's answers `answer`.",
        where=str(path),
    )


def _needed(fields: Mapping[str, object]) -> tuple[str, ...]:
    return ("answer_a", "answer_b") if _text(fields, "answer_b") else ("answer",)


def _kind(
    verdicts: Sequence[str], *, is_pairs: bool, scale: str | None, path: Path
) -> tuple[TrialKind, str]:
    """The kind of trial by what people said, and the judge's scale."""
    if is_pairs:
        return "pairs", ""
    if scale and scale != "yes-no":
        return "scale", scale
    said = {verdict for verdict in verdicts if verdict}
    if scale or not said or all(_meaning("labels", verdict) for verdict in said):
        return "labels", "yes-no"
    numbers = [_whole(verdict) for verdict in said]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        odd = next(v for v, n in zip(said, numbers, strict=True) if n is None)
        raise DatasetError(
            f"The human verdict '{odd[:40]}' is neither good or bad nor a whole number.",
            hint="Use yes and no, or whole numbers on one scale such as 1-5; for pairs a, b, tie.",
            where=str(path),
        )
    usual = next((s for s in ((1, 5), (1, 10), (0, 100)) if _within(known, s)), None)
    low, high = usual or (min(known), max(known))
    return "scale", f"{low}-{high}"


def _within(numbers: Sequence[int], bounds: tuple[int, int]) -> bool:
    return bounds[0] <= min(numbers) and max(numbers) <= bounds[1]


def _row(row: Row, kind: TrialKind, scale: str, path: Path, *, is_pairs: bool) -> TrialRow:
    said = _text(row.fields, "human")
    human = _verdict(said, kind, scale) if said else ""
    if human is None:
        raise DatasetError(
            f"The human verdict '{said[:40]}' does not belong to a trial of {kind} {scale}".rstrip()
            + ".",
            hint="Use one kind of verdict in all rows, or say the scale with --scale.",
            where=f"{path}:{row.line}",
        )
    return TrialRow(
        line=row.line,
        input=_text(row.fields, "input"),
        answer=_text(row.fields, "answer_a" if is_pairs else "answer"),
        other=_text(row.fields, "answer_b") if is_pairs else "",
        target=_text(row.fields, "target"),
        human=human,
        passages=_passages(row.fields),
    )


def _verdict(said: str, kind: TrialKind, scale: str) -> str | None:
    if kind != "scale":
        return _meaning(kind, said)
    number = _whole(said)
    low, high = map(int, scale.split("-"))
    return str(number) if number is not None and low <= number <= high else None


def _meaning(kind: TrialKind, said: str) -> str | None:
    word = said.casefold()
    return next((name for name, words in WORDS[kind].items() if word in words), None)


def _whole(text: str) -> int | None:
    return int(float(text)) if re.fullmatch(r"\d{1,3}(?:\.0+)?", text) else None


def _text(fields: Mapping[str, object], name: str) -> str:
    """The first of the names a field goes by, as text; empty where there is none."""
    for alias in FIELDS[name]:
        value = fields.get(alias)
        if value is not None and str(value).strip():
            return str(value).strip()
    return ""


def _passages(fields: Mapping[str, object]) -> tuple[str, ...]:
    for alias in FIELDS["passages"]:
        value = fields.get(alias)
        if isinstance(value, str) and value.strip():
            return (value,)
        if isinstance(value, (list, tuple)):
            return tuple(str(passage) for passage in value if str(passage).strip())
    return ()
