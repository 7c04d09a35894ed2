"""Conversations whose turns do not take turns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.schema.evaluation import Message


class Roles:
    """Looks for turns out of order."""

    def __init__(self) -> None:
        self._places = array("L")
        self._first = ""

    def see(self, look: Look) -> None:
        """Take one row."""
        history = look.sample.history
        if history and (reason := out_of_order(history)):
            self._first = self._first or reason
            self._places.append(look.place)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for turns out of order."""
        if self._places:
            where = whole.ledger.where(self._places[0])
            yield Found(
                "roles_out_of_order",
                "warning",
                self._places,
                f"{counted(len(self._places), 'conversation')} with turns out of order;"
                f" {where}: {self._first}.",
                "A system turn comes first; user and assistant take turns, beginning with the user;"
                " a tool's result follows its call.",
            )


def out_of_order(history: Sequence[Message]) -> str:
    """Why these turns, before a user turn, are out of order; empty where they are not."""
    previous = ""
    for number, turn in enumerate(history, start=1):
        role = turn.role
        if role in ("system", "developer"):
            if previous not in ("", "system", "developer"):
                return f"turn {number} is a {role} turn after the {previous} turn"
        elif role == "tool":
            if previous not in ("assistant", "tool") or not _called(history[: number - 1]):
                return f"turn {number} is a tool's result without a call before it"
        elif role == "assistant" and previous in ("", "system", "developer"):
            return f"turn {number} is an assistant turn before any user turn"
        elif role == previous and not (role == "assistant" and history[number - 2].tool_calls):
            return f"turn {number} is a second {role} turn in a row"
        previous = role
    return "the last two turns are both user turns" if previous == "user" else ""


def _called(before: Sequence[Message]) -> bool:
    """Whether the turns end with a call and perhaps results of it."""
    for turn in reversed(before):
        if turn.role != "tool":
            return bool(turn.tool_calls)
    return False
