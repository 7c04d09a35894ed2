"""The interview line by line: for dumb terminals, screen readers and scripts."""

from __future__ import annotations

from collections.abc import Sequence

import click

from advisor.cli.width import filled
from advisor.errors import ProfileError
from advisor.interview.language import Language
from advisor.interview.question import Question, Taken, Wish
from advisor.interview.review import Line, Review, asks_for_more, picked


class PlainAsker:
    """Puts questions as numbered lines (on stderr, so that --json keeps stdout to itself)."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._shown: Question | None = None
        """The question that stands on the screen; asked again, it is not read out again."""
        self._told_words = False
        """Whether it was said what may be typed at any question."""

    def ask(self, question: Question) -> str | Taken | Wish:
        """One question with its numbered answers; what was typed."""
        if question is not self._shown:
            self._show(question)
        self._shown = question
        return _typed(f"{self._form(question)}; {self._enter(question)}")

    def _show(self, question: Question) -> None:
        say = self._language.say
        click.echo("", err=True)
        click.echo(filled(question.headline, other="   "), err=True)
        self.tell(say("why_line", why=question.why))
        if question.help:
            self.tell(question.help)
        if question.now:
            self.tell(say("now_line", now=question.now))
        for place, option in enumerate(question.options, start=1):
            click.echo(filled(option.label, first=f"   {place:2}  ", other="       "), err=True)
        if not self._told_words:
            self._told_words = True
            self.tell(say("words_line"))

    def _form(self, question: Question) -> str:
        say = self._language.say
        if question.fact.type == "bool":
            return say("prompt_yes_no")
        if not question.is_open:
            return say("prompt_choice")
        return say("prompt_or_number", form=question.form) if question.options else question.form

    def _enter(self, question: Question) -> str:
        return self._language.say("enter_keeps" if question.now else "enter_unknown")

    def review(self, review: Review) -> str | Wish:
        """The answers as numbered lines, on request what else can be said; the fact to answer."""
        say = self._language.say
        self._shown = None
        self._list(say("review_head"), review.lines)
        if not review.lines:
            self.tell(say("review_empty"))
        prompt = say("review_prompt_more" if review.left else "review_prompt")
        in_full = False
        while True:
            typed = _typed(prompt)
            if asks_for_more(typed, self._language):
                in_full = True
                self._list(say("others_head"), review.others, after=len(review.lines))
                continue
            try:
                found = picked(typed, review, self._language, in_full=in_full)
            except ProfileError as error:
                self.tell(error.message)
                continue
            if found is not Wish.WHY:
                return found
            self.tell(say("review_help"))

    def _list(self, title: str, lines: Sequence[Line], *, after: int = 0) -> None:
        click.echo("", err=True)
        click.echo(title, err=True)
        for place, line in enumerate(lines, start=after + 1):
            click.echo(filled(line.text, first=f"   {place:2}  ", other="       "), err=True)

    def tell(self, text: str) -> None:
        """Lines below the question."""
        click.echo(filled(text, first="   "), err=True)


def _typed(prompt: str) -> str:
    """A line typed behind the prompt."""
    folded = filled(prompt, first="   ")
    typed: str = click.prompt(folded, default="", show_default=False, err=True)
    return typed
