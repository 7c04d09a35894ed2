"""Tokens of a micro-batch and of the whole training, padding told apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from advisor.schema.plan import Plan
from advisor.stages.estimate.memory.work import Work


@dataclass(frozen=True)
class Batch:
    """One micro-batch on one device as the model sees it."""

    tokens: float
    """Tokens computed, padding and trained prefixes included."""
    useful: float
    """Tokens of samples among them."""
    length: float
    """Tokens of one sequence."""


def batch_of(work: Work) -> Batch:
    """Packed, or of unknown lengths: full sequences. Else padded to the longest sample in it."""
    plan = work.plan
    padding = padding_share(plan)
    full = float(plan.sequence_length)
    mean = plan.mean_sequence_length
    length = full if plan.packing or mean is None else min(mean / (1.0 - padding), full)
    computed = length + work.footprint.extra_tokens
    return Batch(
        tokens=work.sequences * computed,
        useful=work.sequences * length * (1.0 - padding),
        length=computed,
    )


def padding_share(plan: Plan) -> float:
    """Share of padding in the computed tokens.

    Known from the data, or from a mean length under the assumption that lengths fall off
    exponentially: the longest of n samples then has 1 + 1/2 + ... + 1/n times the mean.
    """
    if plan.packing:
        return 0.0
    mean = plan.mean_sequence_length
    if plan.padding_share or mean is None:
        return plan.padding_share
    longest = min(mean * _harmonic(plan.micro_batch_size), float(plan.sequence_length))
    return max(1.0 - mean / longest, 0.0)


@cache
def _harmonic(count: int) -> float:
    return sum(1.0 / i for i in range(1, count + 1))


def training_tokens(work: Work) -> float:
    """Tokens of samples over all epochs; a full sequence each where nothing else is known."""
    return epoch_tokens(work) * work.plan.epochs


def epoch_tokens(work: Work) -> float:
    """The same of one epoch."""
    plan = work.plan
    if plan.tokens is not None:
        return float(plan.tokens) * work.objective.repeats
    each = min(plan.mean_sequence_length or plan.sequence_length, plan.sequence_length)
    sequences = work.objective.sequences_per_sample * work.objective.repeats
    return (plan.examples or 0) * float(each) * sequences
