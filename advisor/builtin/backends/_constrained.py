"""Answers that follow a JSON schema: what may come next, by llguidance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer

from advisor.errors import BackendError

COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to write white space; else a weak model fills its answer with it."""


class SchemaGuides:
    """A schema made ready for one tokenizer; a guide for every answer.

    Raises BackendError for a schema that cannot be kept and a tokenizer that cannot be read.
    """

    def __init__(self, schema: str, tokenizer: Any, *, width: int, ends: Sequence[int]) -> None:
        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, defaults=COMPACT)
        except ValueError as error:
            raise _refused(f"it is no JSON object ({error})") from None
        try:
            vocabulary = _vocabulary(tokenizer, width, list(ends))
        except ValueError as error:
            raise BackendError(
                f"This model's tokenizer cannot be held to a JSON schema: {error}",
                hint="Use a model with a fast tokenizer (tokenizer.json), or leave the schema out.",
            ) from error
        is_wrong, said = LLMatcher.validate_grammar_with_warnings(grammar, vocabulary)
        if is_wrong:
            raise _refused(str(said[0]).splitlines()[0])
        self._ends = list(ends)
        self._first = LLMatcher(vocabulary, grammar, log_level=0)

    def guide(self) -> SchemaGuide:
        """For one answer."""
        return SchemaGuide(self._first.deep_copy(), self._ends)


class SchemaGuide:
    """Where one answer stands in the grammar."""

    def __init__(self, matcher: Any, ends: Sequence[int]) -> None:
        self._matcher = matcher
        self._ends = ends
        self.error = ""
        """Why the grammar gave up; the answer is then cut here."""

    def allowed(self, width: int) -> torch.Tensor:
        """Which of `width` tokens may come next: the end only where the schema is fulfilled."""
        allowed = torch.zeros(width, dtype=torch.bool)
        if not self.error:
            marks = bytearray(self._matcher.compute_logit_bias())[:width]
            allowed[: len(marks)] = torch.frombuffer(marks, dtype=torch.uint8) > 0
        if not allowed.any():
            self.error = self.error or self._matcher.get_error() or "no token is allowed"
            allowed[list(self._ends) or [0]] = True
        return allowed

    def took(self, token: int) -> None:
        """Go one token further."""
        if not self.error and not self._matcher.consume_token(token):
            self.error = self._matcher.get_error() or "a token was refused"


def _vocabulary(tokenizer: Any, width: int, ends: list[int]) -> LLTokenizer:
    """The tokenizer as llguidance sees it. Raises ValueError for one it cannot read."""
    read = from_tokenizer(tokenizer, n_vocab=width, eos_token=ends or None)
    swallowed = _swallowed(tokenizer)
    if not swallowed:
        return read
    plain = _PlainTokens(read, width, swallowed)
    return LLTokenizer(plain, n_vocab=width, eos_token=ends or None)


def _swallowed(tokenizer: Any) -> list[bytes]:
    """Marks that decoding takes out, so that a token's bytes are not the text it stands for."""
    decoder = json.loads(tokenizer.backend_tokenizer.to_str()).get("decoder") or {}
    steps = [step for step in decoder.get("decoders", [decoder]) if step.get("type") == "Replace"]
    marks = [step["pattern"].get("String", "") for step in steps if step.get("content") == ""]
    return [mark.encode() for mark in marks if mark]


class _PlainTokens:
    """The tokens whose bytes are the text they stand for; the others are never taken."""

    bos_token_id = None
    is_tokenizer_wrapper = True

    def __init__(self, read: LLTokenizer, width: int, swallowed: Sequence[bytes]) -> None:
        self.eos_token_id = read.eos_token
        self.special_token_ids = [at for at in range(width) if read.is_special_token(at)]
        whole = [read.decode_bytes([at]) for at in range(width)]
        self.tokens = [b"" if any(m in token for m in swallowed) else token for token in whole]
        special = set(self.special_token_ids)
        self._places = {t: at for at, t in enumerate(self.tokens) if t and at not in special}
        self._longest = max(map(len, self._places), default=1)

    def __call__(self, text: str | bytes) -> list[int]:
        """The longest token that fits, again and again."""
        left = text.encode() if isinstance(text, str) else text
        found = []
        while left:
            sizes = range(min(self._longest, len(left)), 0, -1)
            size = next((size for size in sizes if left[:size] in self._places), 0)
            if not size:
                break
            found.append(self._places[left[:size]])
            left = left[size:]
        return found


def _refused(why: str) -> BackendError:
    return BackendError(
        f"The JSON schema cannot be kept: {why}.",
        hint="Use a simpler schema, or leave it out and check the answers with a metric.",
        where="json_schema",
    )
