"""The last lines of an interview: advice, files, the next command, and what was not answered."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from advisor.cli.width import filled
from advisor.interview.closing import DATA, FEWEST, ROW, LeftOpen, NextCommand, left_open
from advisor.interview.language import Language
from advisor.interview.next_question import next_question
from advisor.schema.decide import Advice, Decision
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Rulebook

MOST_NAMED = 6
"""Facts named in one line."""


@dataclass(frozen=True)
class Edited:
    """What a call with --edit changed."""

    changes: Sequence[str]
    earlier: Approach | None
    """What was advised before."""


@dataclass(frozen=True)
class End:
    """Everything the last lines rest on."""

    advice: Advice
    next: NextCommand
    rulebook: Rulebook
    language: Language
    answers: Path | None
    """The file that the answers lie in."""
    is_saved: bool
    """Whether this call wrote it."""
    options: tuple[str, ...] = ()
    """Words that a further call needs too."""
    edited: Edited | None = None

    @cached_property
    def _left(self) -> LeftOpen:
        return left_open(self.advice.decision, self.advice.profile, self.rulebook)

    @property
    def decision(self) -> Decision:
        """The decision as it is shown here: what is open stands in the last lines instead.

        Where nothing can be advised and nobody knew what would be needed, it says so.
        """
        decision = self.advice.decision
        changes: dict[str, object] = {"open_questions": ()}
        if decision.recommended is None and self._left.deciding:
            names = self._names(self._left.deciding)
            changes["next_step"] = self.language.say("find_out", facts=names)
        return decision.model_copy(update=changes)

    def lines(self) -> Iterator[str]:
        """What an edit changed, decision, runner-up, file, next command, what was not answered."""
        say, decision = self.language.say, self.advice.decision
        if self.edited is not None:
            yield from self._edited(self.edited)
        key = "close_call" if decision.close_call else "advice"
        yield filled(say(key, approach=self.language.approach(decision.recommended)))
        if decision.runner_up is not None:
            yield filled(say("runner_up", approach=self.language.approach(decision.runner_up)))
        if self.is_saved:
            yield say("saved", path=self.answers)
        yield from self._onward()
        yield from self._unanswered()
        if self.answers is not None:
            yield say("change_later", command=self._again("--edit"))

    def _edited(self, edited: Edited) -> Iterator[str]:
        say = self.language.say
        if not edited.changes:
            yield say("changed_nothing")
            return
        yield say("changed_head")
        yield from (filled(line, first="  ", other="    ") for line in edited.changes)
        new = self.advice.decision.recommended
        key = "advice_same" if edited.earlier == new else "advice_changed"
        names = {"old": self.language.approach(edited.earlier), "new": self.language.approach(new)}
        yield filled(say(key, **names))

    def _onward(self) -> Iterator[str]:
        """The next command, with what has to be put into it."""
        say = self.language.say
        yield say("next")
        yield f"  {self.next.line}"
        for blank in self.next.blanks:
            key = "put_samples" if blank == DATA else "put_documents"
            yield filled(say(key, blank=blank), first="  ")
        if DATA in self.next.blanks or self.next.needs_rows:
            yield filled(say("row_form", row=ROW), first="  ")
        if self.next.needs_rows:
            yield filled(say("write_rows", least=FEWEST), first="  ")

    def _unanswered(self) -> Iterator[str]:
        """What nobody knew or was asked, and the commands to answer it."""
        say, left = self.language.say, self._left
        groups = (
            ("did_not_know_deciding", left.deciding),
            ("did_not_know", left.unknown),
            ("not_asked_deciding", left.not_asked),
        )
        for key, facts in groups:
            if facts:
                yield filled(say(key, facts=self._names(facts)))
        if self.answers is None:
            return
        goes_on = left.not_asked and next_question(self.advice.profile, self.rulebook) is not None
        first = left.deciding or (() if goes_on else left.not_asked)
        if first and self.advice.decision.recommended is not None:
            yield say("answer_later", command=self._again("--edit", first[0].id))
        if goes_on:
            yield say("go_on_later", command=self._again())

    def _names(self, facts: Sequence[Fact]) -> str:
        names = [self.language.of(fact).label for fact in facts[:MOST_NAMED]]
        if len(facts) > MOST_NAMED:
            names.append(self.language.say("and_more", number=len(facts) - MOST_NAMED))
        return "; ".join(names)

    def _again(self, *words: str) -> str:
        """The interview once more on the same answers."""
        known = ("advisor", "interview", "--answers", str(self.answers), *self.options)
        return shlex.join((*known, *words))
