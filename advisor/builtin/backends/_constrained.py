"""Answers that follow a JSON schema: what may come next, by llguidance."""

from __future__ import annotations

from typing import Any

import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer

from advisor.errors import BackendError

COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to write white space; else a weak model fills its answer with it."""


class SchemaGuides:
    """A schema made ready for one tokenizer; a guide for every answer.

    Raises BackendError for a schema that cannot be kept and a tokenizer that cannot be read.
    """

    def __init__(self, schema: str, tokenizer: Any, *, width: int, ends: list[int]) -> None:
        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, defaults=COMPACT)
        except ValueError as error:
            raise _refused(f"it is no JSON object ({error})") from None
        try:
            self._tokenizer = from_tokenizer(tokenizer, n_vocab=width, eos_token=ends or None)
        except ValueError as error:
            raise BackendError(
                f"This model's tokenizer cannot be held to a JSON schema: {error}",
                hint="Use a model with a fast tokenizer (tokenizer.json), or leave the schema out.",
            ) from error
        is_wrong, said = LLMatcher.validate_grammar_with_warnings(grammar, self._tokenizer)
        if is_wrong:
            raise _refused(str(said[0]).splitlines()[0])
        self._first = LLMatcher(self._tokenizer, grammar)

    def guide(self) -> SchemaGuide:
        """For one answer."""
        return SchemaGuide(self._first.deep_copy())


class SchemaGuide:
    """Where one answer stands in the grammar."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def allowed(self, width: int) -> torch.Tensor:
        """Which of `width` tokens may come next: the end only where the schema is fulfilled."""
        marks = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8)
        allowed = torch.zeros(width, dtype=torch.bool)
        allowed[: min(width, len(marks))] = marks[:width] > 0
        return allowed

    def took(self, token: int) -> None:
        """Go one token further. Raises BackendError where the grammar gave up."""
        if not self._matcher.consume_token(token) and not self._matcher.is_stopped():
            raise BackendError(
                f"The JSON schema could not be followed: {self._matcher.get_error()}",
                hint="Use a simpler schema.",
            )


def _refused(why: str) -> BackendError:
    return BackendError(
        f"The JSON schema cannot be kept: {why}.",
        hint="Use a simpler schema, or leave it out and check the answers with a metric.",
        where="json_schema",
    )
