"""How many questions the interview needs: python economy.py --cases FILE --json.

Every case is interviewed from an empty profile. What the case states is answered, all else is
"don't know". A fixed questionnaire asks every fact that has a question and makes sense, in the
order of the vocabulary.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import __version__  # noqa: E402
from advisor.errors import AdvisorError  # noqa: E402
from advisor.interview.next_question import next_question  # noqa: E402
from advisor.rulebook.conditions import stated_facts  # noqa: E402
from advisor.rulebook.engine import rank  # noqa: E402
from advisor.rulebook.load import load_rulebook  # noqa: E402
from advisor.schema.facts import Fact  # noqa: E402
from advisor.schema.profile import Profile  # noqa: E402
from advisor.schema.rule import Rulebook, Scalar  # noqa: E402
from benchmarks.decisions import script  # noqa: E402
from benchmarks.decisions.judge import judged  # noqa: E402
from benchmarks.decisions.ranking import Answer, answer_of  # noqa: E402
from benchmarks.decisions.table import Row, Table, load  # noqa: E402
from benchmarks.decisions.votes import average, mean, rounded  # noqa: E402

TARGET = "decisions_economy.json"
OURS = {"without_score": False, "with_score": True}
STEPS = 10
"""Points of the curve: shares of the fixed questionnaire."""
Facts = Mapping[str, Scalar]


@dataclass(frozen=True)
class Interview:
    """The profile after 0, 1, 2 ... questions."""

    row: Row
    profiles: tuple[Profile, ...]
    answered: int
    """Questions that were not answered with "don't know"."""

    @property
    def questions(self) -> int:
        """How many were asked until it ended."""
        return len(self.profiles) - 1

    def at(self, questions: int) -> tuple[Row, Profile]:
        """The case with what was known then; an interview that had ended keeps what it knew."""
        return self.row, self.profiles[min(questions, self.questions)]


def main(argv: list[str] | None = None) -> int:
    """Interview, compare and print; the last thing on standard output is the JSON document."""
    wanted = script.read(script.options(__doc__, TARGET), argv)
    document = measured(load(wanted.cases), load_rulebook(wanted.rules))
    if not wanted.json:
        _print_table(document)
    return script.tell(document, wanted, TARGET)


def measured(table: Table, rulebook: Rulebook) -> script.Document:
    """The document: questions asked and acceptable advice, with and without the measured score."""
    asker, judge = Asker(rulebook), _Judge(rulebook)
    return {
        **{
            name: _figures(
                [Respondent.of(row, with_score=scored) for row in table.rows], asker, judge
            )
            for name, scored in OURS.items()
        },
        "unmapped": {reason: len(ids) for reason, ids in table.unmapped.items()},
        "versions": {"advisor": __version__, "rules": rulebook.digest},
        "date": datetime.now(UTC).date().isoformat(),
    }


@dataclass(frozen=True)
class Respondent:
    """Somebody who knows what a case states, and nothing else."""

    row: Row
    profile: Profile
    known: Facts

    @classmethod
    def of(cls, row: Row, *, with_score: bool) -> Respondent:
        """Who has measured the prompted score, or who has not."""
        profile = row.case.scored if with_score else row.case.profile
        return cls(row, profile, stated_facts(profile))


class Asker:
    """Puts questions; who knows the same is asked the same."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self._next: dict[tuple[str, frozenset[str]], Fact | None] = {}

    def interviewed(self, who: Respondent) -> Interview:
        """The adaptive interview, until no answer could change the advice."""
        profiles, skipped, answered = [Profile()], frozenset[str](), 0
        while (fact := self._question(profiles[-1], skipped)) is not None:
            profiles.append(_told(profiles[-1], fact, who.known))
            if fact.id in who.known:
                answered += 1
            else:
                skipped = skipped | {fact.id}
        return Interview(who.row, tuple(profiles), answered)

    def filled_in(self, who: Respondent) -> Interview:
        """The fixed questionnaire: every question but those that follow one answered no."""
        profiles = [Profile()]
        asked = [
            fact
            for fact in self.rulebook.vocabulary
            if fact.question and who.known.get(fact.follows) is not False
        ]
        for fact in asked:
            profiles.append(_told(profiles[-1], fact, who.known))
        return Interview(who.row, tuple(profiles), sum(fact.id in who.known for fact in asked))

    def _question(self, profile: Profile, skipped: frozenset[str]) -> Fact | None:
        key = (_key(profile), skipped)
        if key not in self._next:
            try:
                self._next[key] = next_question(profile, self.rulebook, skipped=skipped)
            except AdvisorError:  # rules that contradict each other here end the interview
                self._next[key] = None
        return self._next[key]


def _told(profile: Profile, fact: Fact, known: Facts) -> Profile:
    if fact.id not in known:
        return profile
    group, _, name = fact.id.partition(".")
    facts = getattr(profile, group).model_copy(update={name: known[fact.id]})
    return profile.model_copy(update={group: facts})


def _figures(people: Sequence[Respondent], asker: Asker, judge: _Judge) -> script.Document:
    adaptive = [asker.interviewed(who) for who in people]
    fixed = [asker.filled_in(who) for who in people]
    most = max((interview.questions for interview in fixed), default=0)
    full = judge.rate([(who.row, who.profile) for who in people])
    reached = judge.rate([i.at(most) for i in adaptive])
    asked = average(interview.questions for interview in adaptive)
    shares = (a.questions / f.questions for a, f in zip(adaptive, fixed, strict=True))
    return {
        "n": len(people),
        "questions_fixed": rounded(average(interview.questions for interview in fixed)),
        "questions_asked": rounded(asked),
        "questions_answered": rounded(average(interview.answered for interview in adaptive)),
        "questions_most": max((interview.questions for interview in adaptive), default=0),
        "share_asked": rounded(average(shares)),
        "acceptable_full": rounded(full),
        "acceptable_adaptive": rounded(reached),
        "points_lost": None if full is None or reached is None else rounded(100 * (full - reached)),
        "curve": [
            {
                "share": step / STEPS,
                "adaptive": rounded(
                    judge.rate([i.at(round(most * step / STEPS)) for i in adaptive])
                ),
                "fixed": rounded(judge.rate([i.at(round(most * step / STEPS)) for i in fixed])),
            }
            for step in range(STEPS + 1)
        ],
    }


class _Judge:
    """Decides every profile once."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self._answers: dict[str, Answer | None] = {}

    def rate(self, profiles: Sequence[tuple[Row, Profile]]) -> float | None:
        """The acceptable rate of the advice for these profiles, one vote per source."""
        return mean([judged(row, self._answer(profile)) for row, profile in profiles], "acceptable")

    def _answer(self, profile: Profile) -> Answer | None:
        key = _key(profile)
        if key not in self._answers:
            try:
                self._answers[key] = answer_of(rank(profile, self.rulebook))
            except AdvisorError:
                self._answers[key] = None
        return self._answers[key]


def _key(profile: Profile) -> str:
    return json.dumps(stated_facts(profile), sort_keys=True)


def _print_table(document: script.Document) -> None:
    for name in OURS:
        row = document[name]
        print(
            f"{name:14} {row['questions_asked']} of {row['questions_fixed']} questions, "
            f"acceptable {row['acceptable_adaptive']} (all facts: {row['acceptable_full']})"
        )
        for point in row["curve"]:
            print(f"  {point['share']:5.0%}  adaptive {point['adaptive']}  fixed {point['fixed']}")


if __name__ == "__main__":
    sys.exit(main())
