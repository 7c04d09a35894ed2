"""People's blind judgement of tuned against baseline answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value

Vote = Literal["tuned", "baseline", "tie", "both_bad"]


class ReviewPair(Value):
    """Two answers to one sample; which is left is drawn by the seed."""

    sample_id: str
    input: str
    target: str
    tuned: str
    baseline: str
    tuned_is_left: bool


class ReviewVote(Value):
    """What somebody said of one pair."""

    sample_id: str
    vote: Vote
    reviewer: str = ""
    note: str = ""
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    at: str = ""
    """When, ISO format."""


class Review(Value):
    """The votes and what they say; before all pairs are judged, how far it has come."""

    baseline: str
    """Builder of the best baseline; empty where its answers are no longer there."""
    seed: int
    planned: int
    """Pairs to judge, fixed with the first vote."""
    judged: int = 0
    """Pairs that somebody has judged."""
    reviewers: int = 0
    is_finished: bool = False
    """Whether everybody who began has judged every pair, or the review was ended; before that
    nothing is told that says whose answers win: counts, preference and verdict are None."""
    votes: tuple[ReviewVote, ...] = ()
    tuned: int | None = None
    baseline_wins: int | None = None
    ties: int | None = None
    both_bad: int | None = None
    preference: float | None = None
    """Share of the decided pairs that the tuned model won; None without any."""
    interval: ConfidenceInterval | None = None
    p_value: float | None = None
    """Exact sign test."""
    verdict: Literal["tuned", "baseline", "undecided"] | None = None
    more_pairs: int | None = None
    """Further decided pairs that would settle it in 4 of 5 repetitions at this share."""
    warnings: tuple[str, ...] = ()
