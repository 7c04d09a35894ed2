"""Leaves out rows that only a person may leave out: those the check lists under a wished code."""

from __future__ import annotations

from pathlib import Path

from advisor.data_check.check import check_file
from advisor.data_check.mend_between import Between, between_source
from advisor.data_check.mend_choice import Choice
from advisor.data_check.mend_last import LastPass
from advisor.data_check.mend_write import Target, passing, rows_writer
from advisor.formats.source import Source

ASKED = (
    "answer_in_input", "boilerplate", "contradictions", "html_remnants", "injected_instructions",
    "licence_missing", "licence_mixed", "long_rows", "mixed_languages", "near_duplicates",
    "near_leakage", "odd_encoding", "personal_data", "rare_labels",
    "refusals", "repeated_text", "roles_out_of_order", "secrets", "several_references",
    "truncated_targets",
)  # fmt: skip
"""Codes of rows that are left out when the user says so."""
MOST_ROUNDS = 100
"""Each leaves out as many rows as a problem lists at most; so many rounds are a million rows."""


def drop_asked(
    source: Source, between: Between, choice: Choice, codes: frozenset[str], *, out: Path, seed: int
) -> None:
    """Check what would be written and leave out what has a wished code, until nothing has."""
    for _ in range(MOST_ROUNDS if codes else 0):
        numbers = [n for n in range(len(between.lines)) if n not in choice.dropped]
        with passing(out) as place:
            last = LastPass(source, between, choice)
            with rows_writer(place, Target("jsonl")) as add:
                for _entry in last.entries(add):
                    pass
            found = _found(between_source(source, place), codes, seed=seed)
        for line, code in found.items():
            choice.dropped[numbers[line - 1]] = code
        if not found:
            return


def _found(source: Source, codes: frozenset[str], *, seed: int) -> dict[int, str]:
    """Lines of the copy to leave out, with the code of each."""
    problems = check_file(source, seed=seed).problems
    return {
        line: problem.code
        for problem in reversed(problems)  # the gravest names the row
        if problem.code in codes
        for line in problem.rows
    }
