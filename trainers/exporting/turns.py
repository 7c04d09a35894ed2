"""The plain sequence of turns behind a chat template, found by asking it with conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from advisor.errors import PlanError

Turns = list[dict[str, str]]
FIRST, SECOND, THIRD, SYSTEM = "qAzFirstq", "qBySecondq", "qCxThirdq", "qDwSystemq"


class Say(Protocol):
    """A chat template."""

    def __call__(self, turns: Turns, *, waits: bool) -> str | None:
        """What it writes; with what calls for an answer where it `waits`. None if it refuses."""


class Form(NamedTuple):
    """What a template writes around the texts of a conversation."""

    opening: str
    """Before the first turn, where there is no system turn."""
    before_system: str | None
    """None for a template without system role."""
    after_system: str
    before_user: str
    after_user: str
    before_answer: str
    after_answer: str
    generation: str
    """Behind the last turn, where an answer is to follow."""

    def said(self, turns: Sequence[dict[str, str]]) -> str:
        """What the form makes of a conversation that waits for an answer."""
        system = [turn["content"] for turn in turns if turn["role"] == "system"]
        text = self.opening
        if system and self.before_system is not None:
            text = f"{self.before_system}{system[0]}{self.after_system}"
        for turn in turns:
            if turn["role"] == "user":
                text += f"{self.before_user}{turn['content']}{self.after_user}"
            if turn["role"] == "assistant":
                text += f"{self.before_answer}{turn['content']}{self.after_answer}"
        return text + self.generation


def form_of(say: Say) -> Form:
    """The form of a template. Raises PlanError for one that is no plain sequence of turns."""
    user, answer = {"role": "user", "content": FIRST}, {"role": "assistant", "content": SECOND}
    more, system = {"role": "user", "content": THIRD}, {"role": "system", "content": SYSTEM}
    one, two = _asked(say, [user]), _asked(say, [user, answer])
    three, waiting = _asked(say, [user, answer, more]), say([user], waits=True)
    head, after_user = _around(one, FIRST)
    between, after_answer = _around(two.removeprefix(head + FIRST), SECOND)
    middle = _parted(three.removeprefix(head + FIRST + between + SECOND), THIRD)
    if waiting is None or not waiting.startswith(one) or middle is None:
        raise no_plain_turns("what it writes of a turn hangs on the turns around it")
    form = _put_together(
        say([system, user], waits=False),
        head=head,
        between=between,
        middle=middle[0],
        ends=(after_user, after_answer),
        generation=waiting.removeprefix(one),
    )
    for turns in ([user], [user, answer, more], [system, user, answer, more]):
        said = say(turns, waits=True)
        if said is not None and said != form.said(turns):
            raise no_plain_turns("a conversation is more, or less, than its turns")
    return form


def _put_together(
    opened: str | None,
    *,
    head: str,
    between: str,
    middle: str,
    ends: tuple[str, str],
    generation: str,
) -> Form:
    """The form, from what stands before, between and behind the texts that were asked with."""
    after_user, after_answer = ends
    if not between.startswith(after_user) or not middle.startswith(after_answer):
        raise no_plain_turns("a turn ends otherwise when another follows")
    before_user = middle.removeprefix(after_answer)
    if not head.endswith(before_user):
        raise no_plain_turns("the first question is written otherwise than the next")
    before_system, after_system = None, ""
    parts = None if opened is None else _parted(opened, SYSTEM)
    if parts is not None and opened is not None:
        before_system, rest = parts
        then = _parted(rest, FIRST)
        if then is None or not then[0].endswith(before_user) or then[1] != after_user:
            raise no_plain_turns("a system turn changes the question after it")
        after_system = then[0][: len(then[0]) - len(before_user)]
    return Form(
        opening=head[: len(head) - len(before_user)],
        before_system=before_system,
        after_system=after_system,
        before_user=before_user,
        after_user=after_user,
        before_answer=between.removeprefix(after_user),
        after_answer=after_answer,
        generation=generation,
    )


def no_plain_turns(why: str) -> PlanError:
    """That a chat template cannot be said in Ollama's form."""
    return PlanError(
        f"The chat template is no plain sequence of turns: {why}. Ollama's form of it would be a"
        " guess.",
        hint="Serve the GGUF file by llama.cpp (--to gguf), which takes the model's own template;"
        " or write TEMPLATE by hand.",
        where="chat template",
    )


def _asked(say: Say, turns: Turns) -> str:
    said = say(turns, waits=False)
    if said is None:
        raise no_plain_turns("it refuses a question and its answer")
    return said


def _around(text: str, middle: str) -> tuple[str, str]:
    found = _parted(text, middle)
    if found is None:
        raise no_plain_turns("it does not write each text once, as it stands")
    return found


def _parted(text: str, middle: str) -> tuple[str, str] | None:
    """What stands before and behind a text that is there once; None otherwise."""
    before, found, behind = text.partition(middle)
    return (before, behind) if found and middle not in behind else None
