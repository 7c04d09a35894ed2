"""People's blind judgement of tuned against baseline answers: pairs, votes, and what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from advisor.artifacts import digest_of
from advisor.errors import DatasetError, InputError
from advisor.evaluation.detectable import PROOF_LEVEL
from advisor.evaluation.differences import exact_mcnemar
from advisor.evaluation.intervals import proportion_interval
from advisor.evaluation.sign_test import pairs_to_settle
from advisor.evaluation.votes import (
    FILE,
    Kept,
    Plan,
    draw,
    read_votes,
    tuned_is_left,
    write_end,
    write_plan,
    write_vote,
)
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.review import Review, ReviewPair, ReviewVote, Vote
from advisor.schema.verify import Verification

USUAL_PAIRS = 50
"""Pairs to judge where no number is given: one sitting."""


class Wish(NamedTuple):
    """What the user asks for beside the run's own."""

    pairs: int | None = None
    seed: int | None = None
    replan: bool = False
    """Whether another number of pairs, or another seed, than the planned one is meant."""


AS_PLANNED = Wish()


class Sitting(NamedTuple):
    """The pairs that are to be judged, and everything voted so far."""

    baseline: str
    seed: int
    pairs: tuple[ReviewPair, ...]
    votes: tuple[ReviewVote, ...] = ()
    """The last vote of every reviewer on every pair, in the order of the pairs."""
    warnings: tuple[str, ...] = ()
    plan: Plan | None = None
    """What was fixed with the first vote; None before it."""

    @property
    def reviewers(self) -> list[str]:
        """Everybody who has judged one of the pairs."""
        return sorted({vote.reviewer for vote in self.votes})

    @property
    def is_finished(self) -> bool:
        """Whether everybody who began has judged every pair, or somebody ended it."""
        if self.plan is not None and self.plan.ended:
            return True
        return bool(self.votes) and not any(self.left(who) for who in self.reviewers)

    def left(self, reviewer: str) -> list[int]:
        """Places of the pairs this reviewer has not judged."""
        judged = {vote.sample_id for vote in self.votes if vote.reviewer == reviewer}
        return [at for at, pair in enumerate(self.pairs) if pair.sample_id not in judged]


def open_sitting(
    folder: Path,
    baselines: Baselines,
    verification: Verification,
    samples: Sequence[Sample],
    *,
    seed: int,
    wish: Wish = AS_PLANNED,
) -> Sitting:
    """The pairs of this run, and the votes that its folder holds.

    Number and order of the pairs are fixed with the first vote; `seed` decides the order before it.
    Votes on answers that have changed since, and lines that cannot be read, are left out and told.
    Raises DatasetError where no pair is left, InputError where other pairs are asked for than were
    planned, StorageError where the votes cannot be read.
    """
    best = next(e for e in baselines.evaluations if e.builder == baselines.best)
    kept = read_votes(folder / FILE)
    plan = kept.plan
    seed = _first(wish.seed, plan.seed if plan else None, seed)
    every, told = pairs_of(best, verification.tuned, samples, seed=seed)
    wanted = _first(wish.pairs, plan.planned if plan else None, len(every))
    if plan is not None and not wish.replan:
        _refuse_others(plan, wish, of=len(every))
    differing = sum(not _is_same(pair) for pair in every)
    is_usual = plan is None and wish.pairs is None
    pairs = every[: min(differing, USUAL_PAIRS) if is_usual else wanted]
    if not pairs:
        raise DatasetError(
            f"No pair is left to judge: of {len(every)} samples with both answers, the tuned model "
            f"and {best.builder} answer {differing} differently.",
            hint="Equal answers need no judge; --pairs N shows them all the same.",
        )
    if plan is not None and len(pairs) < plan.planned and wish.pairs is None:
        told.append(f"Only {len(pairs)} of the {plan.planned} planned pairs are still there.")
    votes, remarks = _counted(kept, pairs)
    return Sitting(best.builder, seed, tuple(pairs), votes, (*told, *remarks), plan)


def _first(*values: int | None) -> int:
    """The first that is known; the last one always is."""
    return next(value for value in values if value is not None)


def _refuse_others(plan: Plan, wish: Wish, *, of: int) -> None:
    """Raise InputError where other pairs are asked for than those that were planned."""
    is_other = wish.pairs is not None and min(wish.pairs, of) != min(plan.planned, of)
    if not is_other and wish.seed in (None, plan.seed):
        return
    asked = f"--pairs {wish.pairs}" if is_other else f"--seed {wish.seed}"
    raise InputError(
        f"{plan.planned} pairs in the order of seed {plan.seed} were planned with the first vote; "
        f"{asked} asks for others.",
        hint=f"Leave it out to go on, or add --replan to change the plan; {FILE} and the report "
        "say so then.",
        where=FILE,
    )


def change_plan(folder: Path, sitting: Sitting) -> None:
    """Write the plan anew where votes were given by another one; raises StorageError."""
    plan, planned = sitting.plan, len(sitting.pairs)
    if plan is None or (plan.planned, plan.seed, plan.ended) == (planned, sitting.seed, ""):
        return
    write_plan(folder / FILE, planned, sitting.seed)


def end(folder: Path, sitting: Sitting) -> None:
    """End a review before all is judged. Raises InputError without any vote, StorageError."""
    if not sitting.votes:
        raise InputError(
            "No pair is judged yet, so there is nothing to end.",
            hint="Judge some, or leave --end out.",
            where="--end",
        )
    if sitting.plan is None:
        write_plan(folder / FILE, len(sitting.pairs), sitting.seed)
    if not sitting.is_finished:
        write_end(folder / FILE)


def add_vote(folder: Path, sitting: Sitting, pair: ReviewPair, vote: ReviewVote) -> None:
    """Keep a vote at once, and with the first one what is planned; raises StorageError."""
    file = folder / FILE
    if sitting.plan is None and read_votes(file).plan is None:
        write_plan(file, len(sitting.pairs), sitting.seed)
    write_vote(file, _digest(pair), vote, seed=sitting.seed)


def pairs_of(
    best: Evaluation, tuned: Evaluation, samples: Sequence[Sample], *, seed: int
) -> tuple[list[ReviewPair], list[str]]:
    """All pairs of answers, those that differ first, in an order that the seed decides.

    Order and sides hang on seed and sample alone, so that more pairs only add to the end. Also told
    is how many samples are no longer in the data.
    """
    known = {sample.id: sample for sample in samples}
    ours = {score.sample_id: score.completion.text for score in best.scores}
    theirs = {score.sample_id: score.completion.text for score in tuned.scores}
    both = [sample_id for sample_id in ours if sample_id in theirs]
    gone = [sample_id for sample_id in both if sample_id not in known]
    pairs = [
        ReviewPair(
            sample_id=at,
            input=known[at].input,
            target=known[at].target,
            tuned=theirs[at],
            baseline=ours[at],
            tuned_is_left=tuned_is_left(seed, at),
        )
        for at in both
        if at in known
    ]
    pairs.sort(key=lambda pair: (_is_same(pair), draw(seed, pair.sample_id, "order")))
    if not gone:
        return pairs, []
    return pairs, [
        f"{len(gone)} of {len(both)} answered samples are no longer in the data and are left out."
    ]


def _is_same(pair: ReviewPair) -> bool:
    return pair.tuned.split() == pair.baseline.split()


def _counted(
    kept: Kept, pairs: Sequence[ReviewPair]
) -> tuple[tuple[ReviewVote, ...], Sequence[str]]:
    """The last vote of every reviewer on these pairs, and what was left out or changed."""
    known = {pair.sample_id: (at, _digest(pair)) for at, pair in enumerate(pairs)}
    last: dict[tuple[str, int], ReviewVote] = {}
    changed = set()
    for answers, vote in kept.votes:
        at, digest = known.get(vote.sample_id, (-1, ""))
        if at < 0:
            continue
        if answers != digest:
            changed.add((vote.reviewer, vote.sample_id))
        else:
            last[vote.reviewer, at] = vote
    votes = tuple(last[key] for key in sorted(last, key=lambda key: (key[1], key[0])))
    still = {(vote.reviewer, vote.sample_id) for vote in votes}
    return votes, [*kept.changes, *_left_out(kept.broken, len(changed - still))]


def count_votes(file: Path) -> int:
    """Pairs that people judged, on whatever answers: each of every reviewer once.

    Raises StorageError where the file is there and cannot be read.
    """
    return len({(vote.reviewer, vote.sample_id) for _, vote in read_votes(file).votes})


def _left_out(broken: int, changed: int) -> list[str]:
    told = []
    if broken:
        told.append(f"{broken} lines of {FILE} could not be read and are left out.")
    if changed:
        told.append(
            f"{changed} votes are on answers or samples that have changed since; they are left out."
        )
    return told


def _digest(pair: ReviewPair) -> str:
    """Of what was judged; a changed sample or answer is another pair."""
    return digest_of([pair.input, pair.target, pair.tuned, pair.baseline])


def review_of(sitting: Sitting) -> Review:
    """What the votes say: preference with Wilson's interval, and an exact sign test.

    A pair that several people judged counts once, as most of those decided who took a side; ties
    between people are ties. Until the review is finished only its progress is told, so that nobody
    learns on the way whose answers win.
    """
    found = Review(
        baseline=sitting.baseline,
        seed=sitting.seed,
        planned=len(sitting.pairs),
        judged=len({vote.sample_id for vote in sitting.votes}),
        reviewers=len(sitting.reviewers),
        is_finished=sitting.is_finished,
        warnings=(*sitting.warnings, *_remarks(sitting)),
    )
    return found.model_copy(update=_said(sitting.votes)) if sitting.is_finished else found


def _said(votes: Sequence[ReviewVote]) -> dict[str, Any]:
    """The votes and everything that follows from whose answer was whose."""
    counts = Counter(_judgements(votes).values())
    tuned, baseline = counts["tuned"], counts["baseline"]
    decided = tuned + baseline
    p_value = exact_mcnemar(baseline, tuned) if decided else None
    is_clear = p_value is not None and p_value <= 1 - PROOF_LEVEL + 1e-9
    ahead, behind = max(tuned, baseline), min(tuned, baseline)
    return {
        "votes": tuple(votes),
        "tuned": tuned,
        "baseline_wins": baseline,
        "ties": counts["tie"],
        "both_bad": counts["both_bad"],
        "preference": tuned / decided if decided else None,
        "interval": proportion_interval(tuned, decided, level=PROOF_LEVEL) if decided else None,
        "p_value": p_value,
        "verdict": ("tuned" if tuned > baseline else "baseline") if is_clear else "undecided",
        "more_pairs": None if is_clear else pairs_to_settle(ahead, behind, level=PROOF_LEVEL),
    }


def _judgements(votes: Iterable[ReviewVote]) -> dict[str, Vote]:
    """One judgement for each pair."""
    by_pair: dict[str, list[Vote]] = {}
    for vote in votes:
        by_pair.setdefault(vote.sample_id, []).append(vote.vote)
    return {sample_id: _together(given) for sample_id, given in by_pair.items()}


def _together(given: Sequence[Vote]) -> Vote:
    if len(set(given)) == 1:
        return given[0]
    tuned, baseline = given.count("tuned"), given.count("baseline")
    if tuned == baseline:
        return "tie"
    return "tuned" if tuned > baseline else "baseline"


def _remarks(sitting: Sitting) -> list[str]:
    """What a reader of the result should know."""
    if not sitting.is_finished:
        return [
            f"Whose answers are preferred is told when all pairs are judged: {progress(sitting)}."
        ]
    judged, told = {vote.sample_id for vote in sitting.votes}, []
    if len(judged) < len(sitting.pairs):
        told.append(
            f"It was ended when {len(judged)} of {len(sitting.pairs)} pairs were judged: whoever "
            "stops when the result pleases finds more than there is."
        )
    shared, alike = _agreement(sitting.votes)
    if shared:
        told.append(f"Of {shared} pairs judged by several people, {alike} were judged alike.")
    return told


def progress(sitting: Sitting) -> str:
    """How many pairs each reviewer has judged, as a clause."""
    of = len(sitting.pairs)
    done = [(who or "you", of - len(sitting.left(who))) for who in sitting.reviewers]
    told = [f"{count} of {of} by {who}" for who, count in done]
    return ", ".join(told) if len(told) > 1 else f"{done[0][1] if done else 0} of {of} so far"


def refuse_before_end(sitting: Sitting) -> None:
    """Raise InputError for what tells whose answer is whose before all is judged."""
    if not sitting.is_finished:
        raise InputError(
            f"The table tells whose answer is whose, and the pairs are not all judged: "
            f"{progress(sitting)}.",
            hint="Write it when all are, or end the review as it stands with --end.",
            where="--csv",
        )


def refuse_ended(sitting: Sitting) -> None:
    """Raise InputError where somebody ended the review, so that nobody is asked any more."""
    if sitting.plan is not None and sitting.plan.ended:
        raise InputError(
            f"This review was ended on {sitting.plan.ended[:10]}, and its result was told.",
            hint=f"Ask for other pairs with --pairs N --replan, or move {FILE} away to begin anew.",
            where=FILE,
        )


def _agreement(votes: Iterable[ReviewVote]) -> tuple[int, int]:
    """Pairs that several people judged, and how many of them all judged the same."""
    by_pair: dict[str, list[Vote]] = {}
    for vote in votes:
        by_pair.setdefault(vote.sample_id, []).append(vote.vote)
    several = [given for given in by_pair.values() if len(given) > 1]
    return len(several), sum(len(set(given)) == 1 for given in several)
