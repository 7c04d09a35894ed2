"""Our own advice on the cases, by rules that have not seen the case's source where they can."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from advisor.errors import AdvisorError
from advisor.rulebook.engine import rank
from advisor.schema.rule import Rulebook
from benchmarks.decisions.cases import Case
from benchmarks.decisions.firing import firing, leaning_on, switched_off
from benchmarks.decisions.ranking import SECOND_FAMILY, Answer, answer_of
from benchmarks.decisions.table import Row

Refit = Callable[[Rulebook, Sequence[Case]], Rulebook]
FITTING = "benchmarks.decisions.fit"


@dataclass
class Books:
    """The rulebook to judge a source by: fitted without it, or as shipped where it is unseen."""

    shipped: Rulebook
    training: Sequence[Case]
    refit: Refit | None
    is_strict: bool = False
    """Leave out with a source the rules that too few other sources speak for."""
    _fitted: dict[str, Rulebook] = field(default_factory=dict, init=False)

    def book_for(self, source: str) -> Rulebook:
        """The rules as they would be without the source."""
        if self.evidence_of(source) == "unseen":
            return self.shipped
        if source not in self._fitted:
            off = self.leaning_on(source) if self.is_strict else frozenset()
            book = switched_off(self.shipped, off)
            others = [case for case in self.training if case.source != source]
            self._fitted[source] = self.refit(book, others) if self.refit else book
        return self._fitted[source]

    def evidence_of(self, source: str) -> str:
        """How honest the figure of a source is: left_out, unseen or in_sample (no fit to redo)."""
        if source not in {case.source for case in self.training}:
            return "unseen"
        return "left_out" if self.refit else "in_sample"

    def leaning_on(self, source: str) -> frozenset[str]:
        """The rules that would hardly have been written without the source."""
        return leaning_on(source, self._fires)

    @cached_property
    def _fires(self) -> dict[str, frozenset[str]]:
        return firing(self.shipped, self.training)


def refitting() -> Refit | None:
    """The fit of strengths and chances; None, with a note, where its libraries are missing."""
    try:
        module = importlib.import_module(FITTING)
    except ModuleNotFoundError as error:
        print(f"Nothing is fitted again: {error.name} is not installed.", file=sys.stderr)
        return None
    refit: Refit | None = getattr(module, "refit", None)
    return refit


def advice(
    rows: Sequence[Row], book_for: Callable[[str], Rulebook], *, with_score: bool
) -> tuple[dict[str, Answer], Mapping[str, tuple[str, ...]]]:
    """Answers by case id, and the ids that the rules could not answer by reason."""
    answers: dict[str, Answer] = {}
    unanswered: dict[str, tuple[str, ...]] = {}
    for row in rows:
        case = row.case
        profile = case.scored if with_score else case.profile
        try:
            decision = rank(profile, book_for(case.source))
        except AdvisorError as error:
            reason = f"no decision ({type(error).__name__})"
            unanswered[reason] = (*unanswered.get(reason, ()), case.id)
        else:
            answers[case.id] = answer_of(decision, SECOND_FAMILY)
    return answers, unanswered
