"""The interview line by line: for dumb terminals, screen readers and scripts."""

from __future__ import annotations

import click

from advisor.cli.width import filled
from advisor.errors import ProfileError
from advisor.interview.language import Language
from advisor.interview.question import Question, Taken, Wish
from advisor.interview.review import Review, picked


class PlainAsker:
    """Puts questions as numbered lines (on stderr, so that --json keeps stdout to itself)."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._shown: Question | None = None
        """The question that stands on the screen; asked again, it is not read out again."""

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
        if question.now:
            self.tell(say("now_line", now=question.now))
        for place, option in enumerate(question.options, start=1):
            click.echo(filled(option.label, first=f"   {place:2}  ", other="       "), err=True)

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
        """The answers as numbered lines; the one to change."""
        say = self._language.say
        click.echo("", err=True)
        click.echo(say("review_head"), err=True)
        if not review.lines:
            self.tell(say("review_empty"))
        for place, line in enumerate(review.lines, start=1):
            click.echo(filled(line.text, first=f"   {place:2}  ", other="       "), err=True)
        prompt = say("review_prompt_more" if review.left else "review_prompt")
        while True:
            typed = _typed(prompt)
            try:
                return picked(typed, review, self._language)
            except ProfileError as error:
                self.tell(error.message)

    def tell(self, text: str) -> None:
        """Lines below the question."""
        click.echo(filled(text, first="   "), err=True)


def _typed(prompt: str) -> str:
    """A line typed behind the prompt."""
    folded = filled(prompt, first="   ")
    typed: str = click.prompt(folded, default="", show_default=False, err=True)
    return typed
