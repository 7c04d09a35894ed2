"""A conversation that fills the profile: one question at a time, then a review of the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from advisor.errors import ProfileError
from advisor.interview.contradictions import Contradiction, contradictions_of
from advisor.interview.language import Language
from advisor.interview.next_question import open_facts
from advisor.interview.question import Question, Taken, Wish, question_of, reason_of
from advisor.interview.review import Review, line_of, review_of
from advisor.interview.words import understood, with_answer, without_answer
from advisor.rulebook.conditions import stated_facts
from advisor.rulebook.engine import rank
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook, Scalar


class Asker(Protocol):
    """Whoever puts the questions: a terminal, or a script in a test."""

    def ask(self, question: Question) -> str | Taken | Wish:
        """What was answered: typed words, a picked value, or a wish."""

    def review(self, review: Review) -> str | Wish:
        """The fact to answer; STOP accepts, BACK leaves, UNKNOWN goes on with open questions."""

    def tell(self, text: str) -> None:
        """Show lines of text."""


def _forget(_profile: Profile) -> None:
    """Nobody keeps the answers so far."""


class Conversation:
    """The state of an interview: the profile, and what it was before each answer.

    Nothing is asked that is known already. "Don't know" leaves the fact unknown, which is not no,
    and is not asked again. `keep` is handed the profile whenever it changes, so that an
    interruption loses nothing.
    """

    def __init__(
        self,
        asker: Asker,
        profile: Profile,
        rulebook: Rulebook,
        *,
        language: Language,
        contradictions: Sequence[Contradiction] = (),
        keep: Callable[[Profile], None] = _forget,
    ) -> None:
        self.asker = asker
        self.profile = profile
        self.rulebook = rulebook
        self.language = language
        self._contradictions = contradictions
        self._keep = keep
        self._before: list[Profile] = []
        self._left: frozenset[str] = frozenset()
        """Open questions that somebody chose to leave open."""
        self._paused: frozenset[str] | None = None
        """What was left open before the review came between two questions."""
        self._turning = False
        """Whether only what could turn the advice is asked: after a change."""
        self._told_last = False

    def interview(self) -> Profile:
        """Ask what is open, then review; the profile as accepted."""
        if not self._open():
            self.asker.tell(self.language.say("nothing_open"))
        return self.profile if self._questions() is Wish.STOP else self._reviews()

    def edit(self, fact: Fact | None = None) -> Profile:
        """Change one answer (None: pick it in the review), then ask only what that opens."""
        self._turning = True
        self._left = self._open()
        if fact is None:
            return self._reviews()
        if self._change(fact):
            self._questions()
        return self.profile

    def settle(self, fact: Fact, word: str) -> None:
        """Take a typed answer to one fact; raises ProfileError when it means none."""
        self._turning = True
        self._left = self._open()
        reply = understood(word, question_of(fact, self.language), self.language)
        if isinstance(reply, Taken):
            self._take(with_answer(self.profile, fact, reply.value, self.language))
            self._remark(fact)
        elif reply is Wish.UNKNOWN:
            self._take(without_answer(self.profile, fact))
        else:
            hint = self.language.say("another_value")
            raise ProfileError(self.language.say("no_answer", word=word), hint=hint)

    def follow_up(self) -> Profile:
        """Ask what the answers since `settle` have opened."""
        self._questions()
        return self.profile

    def _open(self) -> frozenset[str]:
        return frozenset(fact.id for fact in self._waiting(frozenset()))

    def _waiting(self, skipped: frozenset[str]) -> tuple[Fact, ...]:
        return open_facts(self.profile, self.rulebook, skipped=skipped, turning=self._turning)

    def _questions(self) -> Wish:
        """Ask until nothing is open (REVIEW) or somebody wants to see the answers or to stop."""
        while waiting := self._waiting(self._left):
            self._tell_last(waiting[0])
            wish = self._ask(waiting[0])
            if wish in {Wish.STOP, Wish.REVIEW}:
                self._paused = self._left if self._paused is None else self._paused
                self._left = self._open()
                return wish
            if wish is Wish.BACK:
                self._back()
        return Wish.REVIEW

    def _tell_last(self, fact: Fact) -> None:
        """Say once that what now comes is asked for the sake of the stages that follow."""
        if fact.ask == "always" and not self._told_last and not self._turning:
            self._told_last = True
            self.asker.tell(self.language.say("asked_last"))

    def _reviews(self) -> Profile:
        """Show the answers and change what is picked, until they are accepted.

        Who leaves the review goes back to the question it came before, or, after the last one, on.
        Only after the last one are the questions put at once that a change opens.
        """
        while True:
            left = len(open_facts(self.profile, self.rulebook))
            review = review_of(self.profile, self.rulebook, self.language, left=left)
            chosen = self.asker.review(review)
            if chosen is Wish.STOP or (chosen is Wish.BACK and self._paused is None):
                return self.profile
            if isinstance(chosen, Wish):
                resumed = self._paused if chosen is Wish.BACK else None
                self._left, self._paused = resumed or frozenset(), None
                self._turning = self._turning and chosen is Wish.BACK
            elif not self._change(self._fact(chosen)) or self._paused is not None:
                continue
            if self._questions() is Wish.STOP:
                return self.profile

    def _fact(self, name: str) -> Fact:
        return next(fact for fact in self.rulebook.vocabulary if fact.id == name)

    def _back(self) -> None:
        if not self._before:
            self.asker.tell(self.language.say("first_question"))
            return
        self.profile = self._before.pop()
        self._keep(self.profile)
        self.asker.tell(self.language.say("taken_back"))

    def _change(self, fact: Fact) -> bool:
        """Ask for a fact that has an answer; whether there is a new one."""
        if not self._left:
            self._left = self._open()
        value = stated_facts(self.profile).get(fact.id)
        now = line_of(fact, value, self.profile, self.language)
        is_new = value is None and fact.id not in self.profile.unknown
        wish = self._ask(fact, now="" if is_new else now.value)
        return wish is None

    def _ask(self, fact: Fact, *, now: str = "") -> Wish | None:
        """Ask until there is an answer (None), or a wish that leads elsewhere."""
        number = 0 if now else len(self._before) + 1
        question = question_of(fact, self.language, number=number, now=now)
        while True:
            said = self.asker.ask(question)
            try:
                reply = understood(said, question, self.language) if isinstance(said, str) else said
                if reply is Wish.WHY:
                    self.asker.tell(self._why(fact))
                elif isinstance(reply, Taken):
                    if now and stated_facts(self.profile).get(fact.id) == reply.value:
                        return Wish.BACK
                    self._take(with_answer(self.profile, fact, reply.value, self.language))
                    if isinstance(said, str):
                        self.asker.tell(self._noted(fact, reply.value))
                    self._remark(fact)
                    return None
                elif reply is Wish.UNKNOWN:
                    self._take(without_answer(self.profile, fact))
                    return None
                else:
                    return reply
            except ProfileError as error:
                self.asker.tell(f"{error.message} {error.hint}".strip())

    def _take(self, profile: Profile) -> None:
        self._before.append(self.profile)
        self.profile = profile
        self._keep(profile)

    def _remark(self, fact: Fact) -> None:
        """Say at once what does not go together with this answer."""
        found = contradictions_of(fact, self.profile, self._contradictions, self.language)
        for sentence in found:
            self.asker.tell(sentence)

    def _noted(self, fact: Fact, value: Scalar) -> str:
        label = self.language.of(fact).label
        return self.language.say("took", label=label, value=self.language.value(fact, value))

    def _why(self, fact: Fact) -> str:
        decision = rank(self.profile, self.rulebook)
        others = next((q.outcomes for q in decision.open_questions if q.fact == fact.id), ())
        return reason_of(fact, self.language, now=decision.recommended, others=others)
