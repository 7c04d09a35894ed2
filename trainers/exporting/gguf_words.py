"""How a GGUF file's conversations become tokens and tokens become text, whichever library runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from advisor.schema.chat import (
    PLAIN_CHAT_TEMPLATE,
    folded,
    has_tools,
    says_tools,
    text_turn_of,
    turn_of,
)
from advisor.schema.evaluation import Message


class RefusedError(Exception):
    """The chat template refuses a conversation in every form we know."""


class Words(NamedTuple):
    """Template and tokens of a file."""

    template: str
    bos: str
    """Spelling of the token that may begin a prompt."""
    eos: str
    bos_id: int | None
    adds_bos: bool
    """Whether programs put it before every prompt."""
    ends: dict[int, str]
    """Tokens that the file names as the end of an answer, with their spelling."""
    stops: frozenset[int]
    """Every token at which the library stops."""
    encode: Callable[[str], list[int]]
    """Token ids of a text with special tokens in it."""
    decode: Callable[[Sequence[int]], str]
    """The text of token ids, special ones left out."""
    count: Callable[[str], int]

    def tokens(self, text: str) -> list[int]:
        """A prompt's tokens: the beginning is put before it unless the template has written it."""
        if self._is_begun(text):
            return self.encode(text)
        return [*([] if self.bos_id is None else [self.bos_id]), *self.encode(text)]

    def read(self, text: str) -> str:
        """A prompt as the model reads it."""
        return text if self._is_begun(text) else f"{self.bos}{text}"

    def _is_begun(self, text: str) -> bool:
        return not self.adds_bos or bool(self.bos and text.startswith(self.bos))

    def said(self, messages: Sequence[Message]) -> str:
        """What the chat template makes of a conversation. Raises RefusedError."""
        refusals = []
        for turns in self._forms(messages):
            try:
                return self._rendered(turns)
            except TemplateError as error:
                refusals.append(str(error).strip().splitlines() or [type(error).__name__])
        raise RefusedError(f"The chat template refuses the conversation: {refusals[-1][0]}")

    def _forms(self, messages: Sequence[Message]) -> list[list[dict[str, Any]]]:
        turns = [turn_of(message) for message in messages]
        if has_tools(messages):
            try:
                says = says_tools(turns, self._rendered(turns))
            except TemplateError:
                says = False
            if not says:
                turns = [text_turn_of(message) for message in messages]
        return [turns, folded(turns)]

    def _rendered(self, turns: list[dict[str, Any]]) -> str:
        template = _environment().from_string(self.template or PLAIN_CHAT_TEMPLATE)
        return template.render(
            messages=turns, add_generation_prompt=True, bos_token=self.bos, eos_token=self.eos
        )


def _environment() -> ImmutableSandboxedEnvironment:
    """As chat templates are written for."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    made.filters["tojson"] = _as_json
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = _now
    return made


def _refuse(said: str) -> NoReturn:
    raise TemplateError(said)


def _now(form: str) -> str:
    return dt.datetime.now().strftime(form)  # noqa: DTZ005 - the template's own local time


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
