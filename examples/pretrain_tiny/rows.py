"""Turns conversations into packed rows of token ids with a loss weight per token."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from examples.pretrain_tiny.conversation import Conversation
from examples.pretrain_tiny.mixture import sample
from examples.pretrain_tiny.tokenizer import BOS, END, ROLE_IDS, FastEncoder
from examples.pretrain_tiny.values import Draw

FIRST_TOKEN_WEIGHT = 4.0
GLUE_WEIGHT = 0.05
SHORT_ANSWER_WEIGHT = 0.5
LONG_ANSWER_WEIGHT = 1.0
LONG_ANSWER = 12
CONTEXT_WEIGHT = 0.3
CONTEXT_SHARE = 0.05
FIRST_PLAIN_ID = 262
MAX_TRIES = 6


@dataclass
class Row:
    """One training row: ids, loss weight of predicting each id, and where each answer lies."""

    ids: np.ndarray
    weights: np.ndarray
    answers: list[tuple[str, int, int]] = field(default_factory=list)


def answer_weights(length: int) -> list[float]:
    """Weights of an answer's tokens and end; its first real token has to be looked up."""
    rest = SHORT_ANSWER_WEIGHT if length < LONG_ANSWER else LONG_ANSWER_WEIGHT
    return (
        [GLUE_WEIGHT, FIRST_TOKEN_WEIGHT, *[rest] * (length - 1)][: length + 1]
        if length > 1
        else [rest] * 2
    )


def encode_conversation(
    encode: FastEncoder,
    conversation: Conversation,
    limit: int,
) -> tuple[list[int], list[float], list[tuple[int, int]]]:
    """Encode turns until the limit; a conversation is only ever cut after a complete answer."""
    ids, weights = [BOS], [0.0]
    answers: list[tuple[int, int]] = []
    kept = 0
    for role, text in conversation:
        body = encode(text)
        if len(ids) + len(body) + 2 > limit:
            break
        start = len(ids) + 1
        ids += [ROLE_IDS[role], *body, END]
        weights += [
            0.0,
            *(answer_weights(len(body)) if role == "assistant" else [0.0] * (len(body) + 1)),
        ]
        if role == "assistant":
            answers.append((start, len(ids)))
            kept = len(ids)
    return ids[:kept], weights[:kept], answers


def _repeated_random_tokens(
    draw: Draw, length: int, vocabulary_size: int
) -> tuple[list[int], list[float]]:
    """A random sequence followed by pieces of itself: pure copying practice."""
    size = draw.between(6, max(7, length // 5))
    sequence = [draw.between(FIRST_PLAIN_ID, vocabulary_size - 1) for _ in range(size)]
    ids, weights = [BOS, *sequence], [0.0] * (size + 1)
    while len(ids) + size < length - 2:
        piece = sequence[draw.between(0, size // 2) :]
        ids += piece
        weights += [0.0] + [FIRST_TOKEN_WEIGHT] * (len(piece) - 1)
    return ids, weights


def build_row(
    seed: str,
    encode: FastEncoder,
    mixture: dict[str, float],
    length: int,
    vocabulary_size: int,
    random_share: float = 0.0,
) -> Row:
    """Fill one row with conversations of the mixture; the seed alone decides what is drawn."""
    draw = Draw(seed)
    ids: list[int] = []
    weights: list[float] = []
    answers: list[tuple[str, int, int]] = []
    if draw.chance(random_share):
        ids, weights = _repeated_random_tokens(draw, length, vocabulary_size)
    tries = 0
    while len(ids) < length - 23 and tries < MAX_TRIES:
        tries += 1
        conversation, family = sample(draw, mixture, length - len(ids))
        new_ids, new_weights, spans = encode_conversation(
            encode, conversation, length + 1 - len(ids)
        )
        answers += [(family, len(ids) + start, len(ids) + end) for start, end in spans]
        ids += new_ids
        weights += new_weights
    row = Row(np.zeros(length + 1, np.int64), np.zeros(length + 1, np.float32), answers)
    row.ids[: len(ids)], row.weights[: len(ids)] = ids, weights
    noise = np.random.default_rng(draw.between(0, 2**31)).random(length + 1)
    row.weights[(noise < CONTEXT_SHARE) & (row.weights == 0) & (row.ids != 0)] = CONTEXT_WEIGHT
    return row
