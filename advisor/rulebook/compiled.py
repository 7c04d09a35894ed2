"""A rulebook prepared for asking it thousands of times: bits for facts, sums for sets of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_

from advisor.rulebook.atoms import Atoms, Watched
from advisor.rulebook.derived import DERIVED, bases_of, fed_by
from advisor.rulebook.ordering import active_rules
from advisor.rulebook.scores import Scores, places
from advisor.rulebook.values import Cell, can_change, cells_of, shares_of, values_worth_trying
from advisor.schema.decide import OpenQuestion, Reason
from advisor.schema.rule import Rule, Rulebook, RuleKind, Scalar

KINDS: tuple[RuleKind, ...] = ("decision", "warning", "gate", "default")
MOST_REMEMBERED = 200_000
RULEBOOKS_KEPT = 8

Checks = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, Watched], ...]]
"""Bits of rules with the bits that they need, and of rules to be asked."""


class Compiled:
    """The active rules of a rulebook, with their conditions as bits and their weights packed."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        rules = {kind: active_rules(rulebook, kind) for kind in KINDS}
        conditions = [rule.when for kind in KINDS for rule in rules[kind]]
        self.atoms = Atoms([*conditions, *(band.when for band in rulebook.gains)])
        self.tested = {
            kind: [(rule, Watched(rule.when, self.atoms, rule.id)) for rule in rules[kind]]
            for kind in KINDS
        }
        self.own = [
            pair
            for kind in KINDS
            if kind != "gate"
            for pair in self.tested[kind]
            if pair[0].id in rulebook.added
        ]
        """The rules that a user's policy added, but for gate rules, which wait to be measured."""
        self.decisions = [tested for _, tested in self.tested["decision"]]
        self.needs = {1 << place: rule.needs or 0 for place, rule in enumerate(self.decisions)}
        """By the bit of a decision rule: the bits that it cannot fire without."""
        self.entangled = [
            [bases for name in rule.named if len(bases := frozenset(bases_of(name))) > 1]
            for rule in self.decisions
        ]
        """For every decision rule: the stated facts from which derived ones follow together."""
        self.rules: list[Rule] = rules["decision"]
        self.naming: dict[str, int] = {}
        """The decision rules that name a fact, one bit a rule."""
        for place, tested in enumerate(self.decisions):
            for fact in tested.named:
                self.naming[fact] = self.naming.get(fact, 0) | 1 << place
        self.vocabulary = {fact.id: fact for fact in rulebook.vocabulary}
        self.values = values_worth_trying(rulebook)
        self.cells = cells_of(self.vocabulary, self.values, self.atoms)
        self.scores = Scores(self.rules, rulebook.strengths, rulebook.tie)
        self._reasons: dict[tuple[object, ...], tuple[Reason, ...]] = {}
        self._looked_at: dict[int, int] = {}
        self._checks: dict[int, Checks] = {}
        self._shares = shares_of(self.cells, self.atoms)
        self._chances: list[dict[int, float]] = [{} for _ in self.rules]
        self._prepare_questions(rulebook)
        self._prepare_derived()
        self._prepare_changes(rulebook)

    def _prepare_questions(self, rulebook: Rulebook) -> None:
        self.questions = [fact for fact in rulebook.vocabulary if fact.question]
        self.idle_questions = {
            fact.id: OpenQuestion(
                fact=fact.id,
                question=fact.question,
                could_change=False,
                measured_by=fact.measured_by,
            )
            for fact in self.questions
        }
        """For every fact that can be asked: the question while no answer changes the advice."""
        self.asked_first = frozenset(fact.id for fact in self.questions if fact.ask == "first")
        self.asked = frozenset(fact.id for fact in self.questions)
        self.follows = [(fact.id, fact.follows) for fact in rulebook.vocabulary if fact.follows]

    def _prepare_derived(self) -> None:
        self._following = {
            fact: tuple(name for name in fed_by(fact) if name in self.atoms.mask)
            for fact in self.vocabulary
            if fed_by(fact)
        }
        self.beside = {
            fact: tuple(dict.fromkeys(b for name in names for b in bases_of(name) if b != fact))
            for fact, names in self._following.items()
        }
        """The other stated facts from which follows what follows from a fact."""
        self.tried: dict[tuple[Scalar | None, ...], tuple[Cell, ...]] = {}
        """Cells of such facts, by the fact and the values of those others."""
        self.behind = tuple(
            dict.fromkeys(
                base for name in DERIVED if name in self.naming for base in bases_of(name)
            )
        )
        """Stated facts from which a derived one follows that some decision rule names."""
        self._unsettled = {
            fact: reduce(or_, (self.naming.get(name, 0) for name in names), 0)
            for fact, names in self._following.items()
        }

    def _prepare_changes(self, rulebook: Rulebook) -> None:
        self._touched = {
            fact: reduce(or_, (self.naming.get(name, 0) for name in (fact, *fed_by(fact))))
            for fact in self.vocabulary
        }
        self._masks = {
            fact: reduce(or_, (self.atoms.mask.get(name, 0) for name in (fact, *fed_by(fact))))
            for fact in self.vocabulary
        }
        self.changeable = [
            fact for fact in rulebook.vocabulary if self._touched[fact.id] and can_change(fact)
        ]
        """Facts on which the advice rests and that could be otherwise."""
        self.given = frozenset(fact.id for fact in self.changeable if fact.flips == "last")
        """Those of them that are given with the task."""
        self.free = [fact for fact in self.changeable if fact.id not in self.given]

    def reasons(self, rule: Rule, because: Mapping[str, Scalar]) -> tuple[Reason, ...]:
        """What a firing rule says of approaches; decisions share reasons that are the same."""
        key = (rule.id, *because.items())
        found = self._reasons.get(key)
        if found is None:
            if len(self._reasons) > MOST_REMEMBERED:
                self._reasons.clear()
            sources = tuple(source.ref for source in rule.sources)
            found = tuple(
                Reason(
                    rule_id=rule.id,
                    title=rule.title,
                    effect=action.effect,
                    approach=action.approach,
                    strength=action.strength,
                    because=dict(because),
                    why=rule.why.strip(),
                    sources=sources,
                )
                for action in rule.then
                if action.approach is not None
            )
            self._reasons[key] = found
        return found

    def touched(self, facts: Iterable[str]) -> int:
        """The decision rules that name any of these facts, or one that follows from them."""
        found = 0
        for fact in facts:
            found |= self._touched.get(fact, 0)
        return found

    def touched_by(self, fact: str) -> int:
        """The decision rules that name a fact, or one that follows from it."""
        return self._touched.get(fact, 0)

    def checks(self, rules: int) -> Checks:
        """How to tell which of these decision rules fire: by the bits they need, or by asking."""
        found = self._checks.get(rules)
        if found is None:
            if len(self._checks) > MOST_REMEMBERED:
                self._checks.clear()
            each = [(1 << place, self.decisions[place]) for place in places(rules)]
            found = (
                tuple((bit, rule.needs) for bit, rule in each if rule.needs is not None),
                tuple((bit, rule) for bit, rule in each if rule.needs is None),
            )
            self._checks[rules] = found
        return found

    def mask_of_rules(self, rules: int) -> int:
        """What these decision rules look at, of all that can be known."""
        found = self._looked_at.get(rules)
        if found is None:
            if len(self._looked_at) > MOST_REMEMBERED:
                self._looked_at.clear()
            found = reduce(or_, (self.decisions[place].mask for place in places(rules)), 0)
            self._looked_at[rules] = found
        return found

    def following(self, facts: Iterable[str]) -> tuple[str, ...]:
        """The derived facts that some rule names and that follow from any of these."""
        found: tuple[str, ...] = ()
        for fact in facts:
            if fact in self._following:
                found += tuple(n for n in self._following[fact] if n not in found)
        return found

    def overlap(self, facts: Iterable[str]) -> bool:
        """Whether some derived fact follows from two of these."""
        names = [
            name for fact in facts if fact in self._following for name in self._following[fact]
        ]
        return len(names) > 1 and len(set(names)) < len(names)

    def unsettled(self, facts: Iterable[str]) -> int:
        """The decision rules that name a derived fact which follows from any of these."""
        return reduce(or_, (self._unsettled.get(fact, 0) for fact in facts), 0)

    def mask_of(self, fact: str) -> int:
        """What is known of a fact and of those that follow from it."""
        return self._masks.get(fact, 0)

    def chance(self, place: int, known: int) -> float:
        """How likely a decision rule fires, every answer as likely as its cell weighs."""
        tested = self.decisions[place]
        part = known & tested.mask
        found = self._chances[place].get(part)
        if found is None:
            found = self._chances[place][part] = tested.chance(part, self._shares)
        return found


_KEPT: dict[int, Compiled] = {}


def compiled(rulebook: Rulebook) -> Compiled:
    """The rulebook prepared; the last few are kept, each known by being the very same object."""
    found = _KEPT.get(id(rulebook))
    if found is None or found.rulebook is not rulebook:
        found = Compiled(rulebook)
        while len(_KEPT) >= RULEBOOKS_KEPT:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[id(rulebook)] = found
    return found
