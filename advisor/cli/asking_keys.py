"""The interview with the arrow keys, on a terminal that can show a list."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import click
import questionary
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output

from advisor.cli.width import filled
from advisor.interview.language import Language
from advisor.interview.question import Question, Taken, Wish
from advisor.interview.review import Review

DIGITS = "123456789"
MOST_SHORTCUTS = 36
"""Longest list that keys lead through; a longer one has the arrows alone."""
ANOTHER = "another"
"""What stands in the review for a fact that has no answer yet."""
STYLE = questionary.Style(
    [
        ("question", "bold"),
        ("answer", "fg:ansigreen bold"),
        ("pointer", "fg:ansicyan bold"),
        ("highlighted", "fg:ansicyan bold"),
        ("instruction", ""),
        ("text", ""),
    ]
)
BLEAK = questionary.Style([("question", "bold"), ("highlighted", "bold"), ("answer", "bold")])
LEAVES = (Wish.WHY, Wish.BACK, Wish.REVIEW, Wish.STOP)
"""Wishes that a key fulfils at once."""


@dataclass(frozen=True)
class Entry:
    """A line of a list: what it says, what it stands for, the key that leads to it."""

    label: str
    value: Any
    key: str = ""


class Choice(questionary.Choice):
    """A line of a list; one without a key has no label before it, only the room for one."""

    def get_shortcut_title(self) -> str:
        """'1) ', or three blanks."""
        return "   " if self.shortcut_key is None else f"{self.shortcut_key}) "


class KeyAsker:
    """Puts questions as lists to walk through, on stderr: --json keeps stdout to itself."""

    def __init__(self, language: Language, *, color: bool) -> None:
        self._language = language
        self._gap = False
        """Whether an empty line stands already where the next list will."""
        self._look: dict[str, Any] = {
            "qmark": "",
            "style": STYLE if color else BLEAK,
            "color_depth": None if color else ColorDepth.DEPTH_1_BIT,
            "output": _screen(),
        }

    def ask(self, question: Question) -> str | Taken | Wish:
        """One question: a list where there is something to pick, else a line to type on."""
        if not question.options:
            return self._typed(question, enter="enter_keeps" if question.now else "enter_unknown")
        while True:
            picked = self._picked(question)
            if picked is not None:
                return picked
            typed = self._typed(question, enter="enter_back")
            if typed.strip():
                return typed

    def _picked(self, question: Question) -> Taken | Wish | None:
        """The entry taken; None for another number."""
        keys = self._language.keys
        letters = (keys["yes"], keys["no"]) if question.fact.type == "bool" else DIGITS
        entries = [
            Entry(option.label, Taken(option.value), letters[place] if place < len(letters) else "")
            for place, option in enumerate(question.options)
        ]
        if question.is_open:
            place = len(entries)
            key = DIGITS[place] if place < len(DIGITS) else ""
            entries.append(Entry(self._language.say("other_number"), None, key))
        entries.append(Entry(self._language.say("unknown"), Wish.UNKNOWN, keys["unknown"]))
        held = next((e for e in entries if question.now and e.label == question.now), None)
        leaves = {"escape": Wish.BACK} if question.now else {}
        picked: Taken | Wish | None = self._list(
            _numbered(question), entries, note=self._note(question), first=held, leaves=leaves
        )
        return picked

    def _typed(self, question: Question, *, enter: str) -> str:
        say = self._language.say
        wanted = "\n".join((f"{question.form}; {say(enter)}", say("words_line")))
        note = f"\n{self._note(question)}\n{filled(wanted, first='  ')}\n> "
        if not self._gap:
            click.echo("", err=True)
        self._gap = False
        asked = questionary.text(_numbered(question), instruction=note, **self._look)
        typed: str = asked.unsafe_ask()
        return typed

    def _note(self, question: Question) -> str:
        """Why it is asked, what counts and the present answer, folded."""
        say = self._language.say
        lines = [say("why_line", why=question.why)]
        if question.help:
            lines.append(question.help)
        if question.now:
            lines.append(say("now_line", now=question.now))
        return filled("\n".join(lines), first="  ")

    def _list(
        self,
        title: str,
        entries: list[Entry],
        *,
        note: str,
        first: Entry | None = None,
        legend_key: str = "keys_line",
        leaves: Mapping[str, Wish] = MappingProxyType({}),
    ) -> Any:
        """The value of the entry that Enter took, or the wish whose key was pressed.

        `leaves`: further keys and the wishes they stand for. Afterwards the answer stays on the
        screen beside its title; a review is taken away.
        """
        if not self._gap:
            click.echo("", err=True)
        keys = self._language.keys
        legend = filled(self._language.say(legend_key, **keys), first="  ")
        choices = [
            Choice(_label(entry), value=entry, shortcut_key=entry.key or False) for entry in entries
        ]
        at = choices[entries.index(first)] if first else choices[0]
        asked = questionary.select(
            title,
            choices=choices,
            default=at,
            instruction=f"\n{note}\n{legend}",
            use_shortcuts=len(entries) <= MOST_SHORTCUTS,
            use_jk_keys=False,
            use_emacs_keys=True,
            **self._look,
        )
        taken = {entry.key for entry in entries}
        wishes = {keys[w.value]: w for w in LEAVES if keys[w.value] not in taken}
        asked.application.erase_when_done = True
        found = self._left(asked, {**wishes, **leaves})
        if not isinstance(found, Entry):
            return found
        if legend_key == "keys_line" and found.value is not None:
            self._gap = False  # written anew, since a long answer would not be folded
            told = f"{' '.join(title.split())} {found.label}"
            click.echo(filled(told, first=" ", other="    "), err=True)
        return found.value

    def _left(self, asked: questionary.Question, leaves: Mapping[str, Wish]) -> Any:
        """What a list was left with: the value of an entry, or the wish of a key."""
        held = asked.application.key_bindings or KeyBindings()
        asked.application.key_bindings = merge_key_bindings([held, _leaving(leaves)])
        found = asked.unsafe_ask()
        self._gap = asked.application.erase_when_done
        return found

    def review(self, review: Review) -> str | Wish:
        """The answers as a list, and on request what else can be said; the fact to answer."""
        say, keys = self._language.say, self._language.keys
        entries = [Entry(say("review_accept"), Wish.STOP, keys["accept"])]
        if review.left:
            entries.append(Entry(say("review_go_on"), Wish.UNKNOWN, keys["go_on"]))
        for place, line in enumerate(review.lines):
            key = DIGITS[place] if place < len(DIGITS) else ""
            entries.append(Entry(line.text, line.fact.id, key))
        if review.others:
            entries.append(Entry(say("review_another"), ANOTHER, keys["add"]))
        note = filled(say("review_change" if review.lines else "review_empty"), first="  ")
        while True:
            chosen: str | Wish | None = self._list(
                say("review_head"),
                entries,
                note=note,
                legend_key="review_keys_line",
                leaves={"escape": Wish.BACK, "q": Wish.BACK},
            )
            if chosen is Wish.WHY:
                self.tell(say("review_help"))
            elif chosen == ANOTHER:
                chosen = self._searched(review)
                if chosen is not None:
                    return chosen
            elif chosen is not None and chosen is not Wish.REVIEW:
                return chosen

    def _searched(self, review: Review) -> str | None:
        """The fact without an answer that was looked for and taken; None when it was left."""
        if not self._gap:
            click.echo("", err=True)
        choices = [
            questionary.Choice(_label(Entry(line.text, "")), value=line.fact.id)
            for line in review.others
        ]
        asked = questionary.select(
            self._language.say("others_head"),
            choices=choices,
            instruction="\n" + filled(self._language.say("others_keys_line"), first="  "),
            use_jk_keys=False,
            use_search_filter=True,
            **self._look,
        )
        asked.application.erase_when_done = True
        found = self._left(asked, {"escape": Wish.BACK, "left": Wish.BACK})
        return None if isinstance(found, Wish) else str(found)

    def tell(self, text: str) -> None:
        """Lines between two questions."""
        self._gap = False
        click.echo(filled(text, first="  "), err=True)


def _numbered(question: Question) -> str:
    return filled(question.headline, other="    ", room=2)


def _label(entry: Entry) -> str:
    """The entry folded beside its pointer and key."""
    return filled(entry.label, room=8).replace("\n", "\n" + " " * 6)


def _leaving(wishes: Mapping[str, Wish]) -> KeyBindings:
    """Keys that leave a list at once; the list is then taken off the screen."""
    bindings = KeyBindings()

    def bind(key: str, wish: Wish) -> None:
        @bindings.add(key, eager=True)
        def leave(event: KeyPressEvent) -> None:
            event.app.erase_when_done = True
            event.app.exit(result=wish)

    for key, wish in wishes.items():
        bind(key, wish)
    if Wish.BACK in wishes.values():
        bind("left", Wish.BACK)

    @bindings.add("c-d", eager=True)
    def end(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError())

    return bindings


def _screen() -> Output:
    """The terminal on stderr; it is never asked where its cursor is, which some do not answer."""
    output = Vt100_Output.from_pty(sys.stderr, term=os.environ.get("TERM"))
    output.enable_cpr = False
    return output
