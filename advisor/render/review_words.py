"""What people's blind judgement says, in words: the same on a terminal and on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import p_text
from advisor.render.safe import percent, percent_range, words

if TYPE_CHECKING:
    from advisor.schema.review import Review

WINNERS = {
    "tuned": "People prefer the tuned model",
    "baseline": "People prefer the baseline",
    "undecided": "Not enough to tell",
    None: "Not finished yet",
}


def preference_sentence(review: Review) -> str:
    """The preference among decided pairs, how sure it is, and how many pairs would settle it.

    Before all pairs are judged only how many are.
    """
    if not review.is_finished:
        return f"{review.judged:,} of {review.planned:,} pairs are judged."
    if review.preference is None or review.interval is None or review.p_value is None:
        return "No pair is decided for one side."
    decided = (review.tuned or 0) + (review.baseline_wins or 0)
    span = percent_range(review.interval.low, review.interval.high)
    told = (
        f"The tuned model's answer is preferred in {percent(review.preference)} of {decided} "
        f"decided pairs ({percent(review.interval.level, 0)} interval {span}, sign test p "
        f"{p_text(review.p_value)})."
    )
    if review.more_pairs is None:
        return told
    return (
        f"{told} About {review.more_pairs:,} more decided pairs would settle it in 4 of 5 cases, "
        "if people go on as they began; --pairs N --replan adds them, and the report says so."
    )


def judgements(review: Review) -> tuple[tuple[str, str], ...]:
    """Pairs by what was said of them."""
    told = (
        ("tuned model better", review.tuned),
        (f"{words(review.baseline)} better", review.baseline_wins),
        ("tie", review.ties),
        ("both bad", review.both_bad),
    )
    return tuple((name, f"{count or 0:,}") for name, count in told)


def judged_words(review: Review) -> str:
    """'40 of 40 pairs, 1 reviewer'."""
    people = "1 reviewer" if review.reviewers == 1 else f"{review.reviewers:,} reviewers"
    return f"{review.judged:,} of {review.planned:,} pairs, {people}"
