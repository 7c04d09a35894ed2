"""One call of `advisor interview`: what is asked, where it is kept, and how it ends."""

from __future__ import annotations

import os
import shlex
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import document
from advisor.cli.errors import Interrupted
from advisor.cli.interview_end import Edited, End
from advisor.cli.screen import Screen
from advisor.cli.width import filled
from advisor.errors import InputError, StorageError
from advisor.interview.answers import is_run_document, load_profile, save_profile
from advisor.interview.closing import Inputs, NextCommand, changes, next_command
from advisor.interview.contradictions import load_contradictions
from advisor.interview.dialogue import Conversation
from advisor.interview.language import load_language
from advisor.interview.review import fact_named, measured_lines
from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from advisor.schema.decide import Advice
from advisor.schema.profile import Profile
from advisor.stages.decide import decide

if TYPE_CHECKING:
    from advisor.interview.dialogue import Asker

REFUGE = "interview-answers.yaml"
DUMB = frozenset({"", "dumb", "unknown"})
"""TERM of terminals that cannot move their cursor."""


class Session:
    """The interview between its options and its screen."""

    def __init__(self, screen: Screen, given: dict[str, Any]) -> None:
        self._screen = screen
        self._given = given
        self._edit: str | None = given["edit"]
        self.language = load_language(rules_root(), given["language"])
        self._rulebook = load_rulebook(rules_root(), given["policy"])
        self._before = self._start()
        self.profile = self._before
        self._saved_to: Path | None = None

    def _start(self) -> Profile:
        """The answers given, with what can be measured; raises InputError when there is nothing."""
        answers: Path | None = self._given["answers"]
        measures = any(self._given[name] for name in ("data", "docs", "model"))
        if answers is None and not measures and not self._screen.may_ask:
            raise InputError(
                "There is no terminal to ask on.",
                hint="Give the answers in a file with --answers FILE.",
            )
        self._refuse_to_overwrite(answers)
        profile = load_profile(answers) if answers else Profile()
        in_place = self._edit is not None and self._given["save"] is None
        if answers and in_place and is_run_document(answers):
            raise InputError(
                f"{answers} belongs to a run, so it is not changed.",
                hint="Name a file of your own for the answers with --save FILE.",
                where=str(answers),
            )
        if self._edit is not None or not (measures or self._screen.may_ask):
            return profile
        from advisor.cli.prefill import prefilled  # noqa: PLC0415 - the catalog is slow to load

        found = prefilled(profile, self._inputs(answers))
        for note in found.notes:
            self._screen.note(filled(note))
        return found

    def _refuse_to_overwrite(self, answers: Path | None) -> None:
        """A new interview begins with nothing, so it may not take the place of older answers."""
        save: Path | None = self._given["save"]
        if answers is None and save is not None and save.exists():
            raise InputError(
                f"{save} holds something already, and a new interview would take its place.",
                hint=f"Go on with it by --answers {save} --save {save}, or name another file.",
                where=str(save),
            )

    def _inputs(self, answers: Path | None) -> Inputs:
        named = {name: self._given[name] for name in ("data", "docs", "model", "policy")}
        return Inputs(answers=answers, mapping=self._given["mapping"] or "", **named)

    def fill(self) -> None:
        """Ask what is to be asked, and keep the answers.

        Raises Interrupted with the command to go on with, once anything was answered.
        """
        asker = self._asker()
        talk = Conversation(
            asker,
            self._before,
            self._rulebook,
            language=self.language,
            contradictions=load_contradictions(rules_root()),
            keep=self._keep,
        )
        try:
            self.profile = self._conversed(talk)
        except (KeyboardInterrupt, EOFError, click.Abort) as stop:
            if self._saved_to is None:
                raise
            raise Interrupted(self._resume()) from stop
        if self._is_to_be_saved():
            self._keep(self.profile)

    def _conversed(self, talk: Conversation) -> Profile:
        fact, equals, word = (self._edit or "").partition("=")
        if equals:
            talk.settle(fact_named(fact.strip(), self._rulebook), word)
            return talk.follow_up() if self._screen.may_ask else talk.profile
        if self._edit is not None:
            named = fact_named(fact, self._rulebook) if fact else None
            if not self._screen.may_ask:
                raise InputError(
                    "There is no terminal to ask on.",
                    hint="Give the new answer as well: --edit FACT=VALUE (or FACT=unknown).",
                )
            return talk.edit(named)
        if not self._screen.may_ask:
            return talk.profile
        self._greet(talk.asker)
        return talk.interview()

    def _greet(self, asker: Asker) -> None:
        """What was measured, and how the interview goes."""
        from advisor.cli.prefill import origins  # noqa: PLC0415 - the catalog is slow to load

        if self._screen.quiet:
            return
        asker.tell(self.language.say("intro"))
        names = origins(self._inputs(None))
        lines = measured_lines(self.profile, self._rulebook, self.language, origins=names)
        if lines:
            asker.tell("\n".join((self.language.say("measured_head"), *lines)))

    @property
    def is_plain(self) -> bool:
        """Whether the advice is told in lines: asked for, or on a terminal that says it is dumb."""
        return bool(self._given["plain"]) or os.environ.get("TERM", "") in DUMB - {""}

    def _asker(self) -> Asker:
        """A list to walk through where the terminal can show one, else lines to type at."""
        able = os.environ.get("TERM", "") not in DUMB and not self._given["plain"]
        if able and self._screen.may_ask and sys.stdin.isatty() and sys.stderr.isatty():
            from advisor.cli.asking_keys import KeyAsker  # noqa: PLC0415 - only on a terminal

            return KeyAsker(self.language, color=self._screen.color)
        from advisor.cli.asking_plain import PlainAsker  # noqa: PLC0415 - only without

        return PlainAsker(self.language)

    @cached_property
    def _path(self) -> Path:
        """Where the answers are kept: --save, the edited file, or a new one here."""
        save: Path | None = self._given["save"]
        if save is None and self._edit is not None:
            save = self._given["answers"]
        return save or free_name(Path(REFUGE))

    def _keep(self, profile: Profile) -> None:
        """Write the answers; raises StorageError that names the option to mend it with."""
        try:
            save_profile(profile, self._path)
        except StorageError as error:
            hint = "Name another place for the answers with --save FILE."
            raise StorageError(error.message, hint=hint, where=error.where) from error
        self._saved_to = self._path

    def _is_to_be_saved(self) -> bool:
        """Whether the end result is not in its file yet: asked for, or else lost."""
        if self._saved_to is not None:
            return False
        is_lost = self._screen.may_ask and self._given["answers"] is None
        return self._given["save"] is not None or is_lost

    def _resume(self) -> str:
        words = ("advisor", "interview", "--answers", str(self._path), "--save", str(self._path))
        given = self._options("data", "docs", "model", "policy")
        mapping = self._given["mapping"]
        named = ("--map", mapping) if mapping else ()
        return shlex.join((*words, *given, *named, *self._manner()))

    def _options(self, *names: str) -> tuple[str, ...]:
        """Options as they were given."""
        given = [(f"--{name}", str(self._given[name])) for name in names if self._given[name]]
        return tuple(word for pair in given for word in pair)

    def _manner(self) -> tuple[str, ...]:
        """The options that say how it is asked."""
        code = self._given["language"]
        language = () if code == "en" else ("--language", code)
        return (*language, *(("--plain",) if self._given["plain"] else ()))

    @cached_property
    def advice(self) -> Advice:
        """The decision on the answers; raises RuleConflictError."""
        return Advice(profile=self.profile, decision=decide(self.profile, self._rulebook))

    @cached_property
    def next(self) -> NextCommand:
        """The command that leads on."""
        inputs = self._inputs(self._answers)
        return next_command(self.advice.decision, self.profile, inputs)

    @cached_property
    def _changes(self) -> list[str]:
        return changes(self._before, self.profile, self._rulebook, self.language)

    def document(self) -> dict[str, Any]:
        """The JSON document: the advice, the next command, where the answers lie."""
        path = self._answers
        more: dict[str, Any] = {"next_command": self.next.line, "answers": path and str(path)}
        if self._edit is not None:
            earlier = decide(self._before, self._rulebook)
            more |= {"changed": self._changes, "recommended_before": earlier.recommended}
        return document(self.advice) | more

    @property
    def end(self) -> End:
        """How it ends for who reads it."""
        edited = None
        if self._edit is not None:
            earlier = decide(self._before, self._rulebook)
            edited = Edited(changes=self._changes, earlier=earlier.recommended)
        return End(
            advice=self.advice,
            next=self.next,
            rulebook=self._rulebook,
            language=self.language,
            answers=self._answers,
            is_saved=self._saved_to is not None,
            options=(*self._options("policy"), *self._manner()),
            edited=edited,
        )

    @property
    def _answers(self) -> Path | None:
        """The file that the answers lie in."""
        given: Path | None = self._given["answers"]
        return self._saved_to or given


def free_name(path: Path) -> Path:
    """The path, or the first with a number that is not taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
