"""How surprised a loaded model is by texts: mean losses in nats per token, batch by batch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from advisor.builtin.backends.chat_tokens import ConversationError, tokens_of
from advisor.builtin.backends.length_batches import Bounds, batches, order
from advisor.schema.chat import earlier, opening
from advisor.schema.evaluation import Message, Sample

MOST_ROWS = 32
MOST_SCORES = 1 << 26
"""Scores of one batch at most (tokens times vocabulary): 256 MiB in 32 bits."""
PIECE = 1024
"""Tokens whose scores are lifted to 32 bits at once."""
KEPT = "logits_to_keep"


class TokenRow(NamedTuple):
    """One sample as tokens; what stands before `start` is read and not predicted."""

    at: int
    tokens: list[int]
    start: int


class Likelihoods:
    """Losses of one loaded model; rows are sorted by length and padded on the right.

    A causal model never reads what stands behind a token, so that padding there changes nothing,
    whichever side its tokenizer pads on.
    """

    def __init__(self, model: Any, tokenizer: Any, device: str, *, limit: int | None) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._device = device
        self._limit = limit
        self._pad = tokenizer.pad_token_id or 0
        base = model.get_base_model() if hasattr(model, "peft_config") else model
        self._keeps_few = KEPT in inspect.signature(type(base).forward).parameters

    def losses(self, samples: Sequence[Sample]) -> list[float | None]:
        """Mean loss of each sample in nats per token; None without a token to predict.

        An answer counts with the token that ends it. What is longer than the model reads is cut.
        """
        found: list[float | None] = [None] * len(samples)
        rows = [row for at, one in enumerate(samples) if (row := self._row(at, one)) is not None]
        rows = [rows[at] for at in order([row.tokens for row in rows])]
        for part in batches([len(row.tokens) for row in rows], self._bounds):
            for row, loss in self._measured(rows[part]):
                found[row.at] = loss
        return found

    @property
    def _bounds(self) -> Bounds:
        vocabulary = int(self._model.get_output_embeddings().weight.shape[0])
        return Bounds(MOST_ROWS, max(1, MOST_SCORES // vocabulary))

    def _row(self, at: int, sample: Sample) -> TokenRow | None:
        before: list[int] = []
        if sample.input.strip() or sample.history:
            try:
                before = tokens_of(_asked(sample), self._tokenizer)
            except ConversationError:
                return None
        said = list(self._tokenizer(sample.target, add_special_tokens=not before)["input_ids"])
        end = self._tokenizer.eos_token_id
        if before and said and end is not None:
            said.append(end)
        tokens = [*before, *said][: self._limit]
        start = max(1, len(before))
        return TokenRow(at, tokens, start) if len(tokens) > start else None

    def _measured(self, rows: Sequence[TokenRow]) -> Iterator[tuple[TokenRow, float]]:
        """Each row with its loss; a batch that does not fit into the memory is halved."""
        try:
            yield from self._together(rows)
        except torch.OutOfMemoryError:
            if len(rows) == 1:
                raise
        else:
            return
        half = len(rows) // 2  # outside of the handler the batch's memory is free again
        yield from self._measured(rows[:half])
        yield from self._measured(rows[half:])

    def _together(self, rows: Sequence[TokenRow]) -> list[tuple[TokenRow, float]]:
        longest = max(len(row.tokens) for row in rows)
        kept = longest - min(row.start for row in rows) + 1
        padded = [row.tokens + [self._pad] * (longest - len(row.tokens)) for row in rows]
        mask = [[1] * len(r.tokens) + [0] * (longest - len(r.tokens)) for r in rows]
        ids = torch.tensor(padded, device=self._device)
        more = {KEPT: kept} if self._keeps_few else {}
        with torch.inference_mode():
            scores = self._model(
                input_ids=ids,
                attention_mask=torch.tensor(mask, device=self._device),
                use_cache=False,
                **more,
            ).logits[:, -kept:]
            return [(r, _loss(scores[n], r, longest)) for n, r in enumerate(rows)]


def _loss(scores: torch.Tensor, row: TokenRow, longest: int) -> float:
    """Mean cross-entropy of a row's predicted tokens; `scores` end where the longest row ends."""
    first = len(scores) - longest + row.start - 1
    wanted = torch.tensor(row.tokens[row.start :], device=scores.device)
    seen = scores[first : first + len(wanted)]
    parts = zip(seen.split(PIECE), wanted.split(PIECE), strict=True)
    total = sum(
        float(torch.nn.functional.cross_entropy(part.float(), token, reduction="sum"))
        for part, token in parts
    )
    return total / len(wanted)


def _asked(sample: Sample) -> tuple[Message, ...]:
    """What stands before the answer: the row's own system turn, earlier turns, the input."""
    asked = (Message(role="user", content=sample.input),) if sample.input.strip() else ()
    return (*opening(sample, ""), *earlier(sample), *asked, *sample.steps)
