"""People's blind judgement of tuned against baseline answers: pairs, votes, and what they say."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from advisor.artifacts import digest_of
from advisor.errors import DatasetError, InputError, StorageError
from advisor.evaluation.detectable import PROOF_LEVEL
from advisor.evaluation.differences import exact_mcnemar
from advisor.evaluation.intervals import proportion_interval
from advisor.evaluation.sign_test import pairs_to_settle
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.review import Review, ReviewPair, ReviewVote, Vote
from advisor.schema.verify import Verification

FILE = "review.jsonl"
USUAL_PAIRS = 50
"""Pairs to judge where no number is given: one sitting."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, or hides one behind."""
COLUMNS = (
    "sample_id", "input", "target", "tuned", "baseline",
    "vote", "reviewer", "note", "seconds", "at",
)  # fmt: skip


class Sitting(NamedTuple):
    """The pairs that are to be judged, and everything voted so far."""

    baseline: str
    seed: int
    pairs: tuple[ReviewPair, ...]
    votes: tuple[ReviewVote, ...] = ()
    """The last vote of every reviewer on every pair, in the order of the pairs."""
    warnings: tuple[str, ...] = ()

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
    wanted: int | None = None,
) -> Sitting:
    """The pairs of this run, and the votes that its folder holds.

    Votes on answers that have changed since, and lines that cannot be read, are left out and told.
    Raises DatasetError where no pair is left, StorageError where the votes cannot be read.
    """
    best = next(e for e in baselines.evaluations if e.builder == baselines.best)
    every, told = pairs_of(best, verification.tuned, samples, seed=seed)
    differing = sum(not _is_same(pair) for pair in every)
    pairs = every[: min(differing, USUAL_PAIRS) if wanted is None else wanted]
    if not pairs:
        raise DatasetError(
            f"No pair is left to judge: of {len(every)} samples with both answers, the tuned model "
            f"and {best.builder} answer {differing} differently.",
            hint="Equal answers need no judge; --pairs N shows them all the same.",
        )
    votes, remarks = read_votes(folder / FILE, pairs)
    return Sitting(best.builder, seed, tuple(pairs), votes, (*told, *remarks))


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
            tuned_is_left=_draw(seed, at, "side") % 2 == 0,
        )
        for at in both
        if at in known
    ]
    pairs.sort(key=lambda pair: (_is_same(pair), _draw(seed, pair.sample_id, "order")))
    if not gone:
        return pairs, []
    return pairs, [
        f"{len(gone)} of {len(both)} answered samples are no longer in the data and are left out."
    ]


def _is_same(pair: ReviewPair) -> bool:
    return pair.tuned.split() == pair.baseline.split()


def _draw(seed: int, sample_id: str, what: str) -> int:
    digest = hashlib.sha256(f"{seed}\0{what}\0{sample_id}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8])


def add_vote(file: Path, pair: ReviewPair, vote: ReviewVote) -> None:
    """Write one vote at once: a line at the end, on the disk before this returns.

    A half line that a power cut left behind is closed first. Raises StorageError.
    """
    line = json.dumps({"answers": _digest(pair)} | vote.model_dump(), ensure_ascii=True) + "\n"
    try:
        with file.open("a+b") as stream:
            if stream.tell():
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else "\n" + line
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(
            f"The vote could not be written to {file.name}: {error.strerror or error}.",
            hint="Make room or make the run folder writable; earlier votes are kept.",
            where=str(file.parent),
        ) from error


def read_votes(file: Path, pairs: Sequence[ReviewPair]) -> tuple[tuple[ReviewVote, ...], list[str]]:
    """The last vote of every reviewer on these pairs, and what was left out.

    Raises StorageError where the file is there and cannot be read.
    """
    known = {pair.sample_id: (at, _digest(pair)) for at, pair in enumerate(pairs)}
    last: dict[tuple[str, int], ReviewVote] = {}
    broken, changed = 0, set()
    for line in _lines(file):
        read = _vote(line)
        if read is None:
            broken += 1
            continue
        answers, vote = read
        at, digest = known.get(vote.sample_id, (-1, ""))
        if at < 0:
            continue
        if answers != digest:
            changed.add((vote.reviewer, vote.sample_id))
        else:
            last[vote.reviewer, at] = vote
    votes = tuple(last[key] for key in sorted(last, key=lambda key: (key[1], key[0])))
    still = {(vote.reviewer, vote.sample_id) for vote in votes}
    return votes, _left_out(broken, len(changed - still))


def count_votes(file: Path) -> int:
    """Pairs that people judged, on whatever answers: each of every reviewer once.

    Raises StorageError where the file is there and cannot be read.
    """
    read = [found for line in _lines(file) if (found := _vote(line)) is not None]
    return len({(vote.reviewer, vote.sample_id) for _, vote in read})


def _left_out(broken: int, changed: int) -> list[str]:
    told = []
    if broken:
        told.append(f"{broken} lines of {FILE} could not be read and are left out.")
    if changed:
        told.append(
            f"{changed} votes are on answers or samples that have changed since; they are left out."
        )
    return told


def _lines(file: Path) -> list[bytes]:
    try:
        return [line for line in file.read_bytes().splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            f"{file.name} cannot be read: {error.strerror or error}.",
            hint="Make it readable, or move it away to begin anew.",
            where=str(file.parent),
        ) from error


def _vote(line: bytes) -> tuple[str, ReviewVote] | None:
    try:
        row: Any = json.loads(line)
        return str(row.pop("answers")), ReviewVote.model_validate(row)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None


def _digest(pair: ReviewPair) -> str:
    """Of what was judged; a changed sample or answer is another pair."""
    return digest_of([pair.input, pair.target, pair.tuned, pair.baseline])


def review_of(sitting: Sitting) -> Review:
    """What the votes say: preference with Wilson's interval, and an exact sign test.

    A pair that several people judged counts once, as most of those decided who took a side; ties
    between people are ties.
    """
    counts = Counter(_judgements(sitting.votes).values())
    tuned, baseline = counts["tuned"], counts["baseline"]
    decided = tuned + baseline
    p_value = exact_mcnemar(baseline, tuned) if decided else None
    is_clear = p_value is not None and p_value <= 1 - PROOF_LEVEL + 1e-9
    ahead, behind = max(tuned, baseline), min(tuned, baseline)
    return Review(
        baseline=sitting.baseline,
        seed=sitting.seed,
        planned=len(sitting.pairs),
        votes=sitting.votes,
        tuned=tuned,
        baseline_wins=baseline,
        ties=counts["tie"],
        both_bad=counts["both_bad"],
        preference=tuned / decided if decided else None,
        interval=proportion_interval(tuned, decided, level=PROOF_LEVEL) if decided else None,
        p_value=p_value,
        verdict=("tuned" if tuned > baseline else "baseline") if is_clear else "undecided",
        more_pairs=None if is_clear else pairs_to_settle(ahead, behind, level=PROOF_LEVEL),
        warnings=(*sitting.warnings, *_remarks(sitting)),
    )


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
    judged = {vote.sample_id for vote in sitting.votes}
    told = []
    if 0 < len(judged) < len(sitting.pairs):
        told.append(
            f"{len(judged)} of {len(sitting.pairs)} pairs are judged: whoever stops when the result"
            " pleases finds more than there is."
        )
    shared, alike = _agreement(sitting.votes)
    if shared:
        told.append(f"Of {shared} pairs judged by several people, {alike} were judged alike.")
    return told


def _agreement(votes: Iterable[ReviewVote]) -> tuple[int, int]:
    """Pairs that several people judged, and how many of them all judged the same."""
    by_pair: dict[str, list[Vote]] = {}
    for vote in votes:
        by_pair.setdefault(vote.sample_id, []).append(vote.vote)
    several = [given for given in by_pair.values() if len(given) > 1]
    return len(several), sum(len(set(given)) == 1 for given in several)


def as_csv(sitting: Sitting) -> str:
    """Every pair with every vote on it, safe to open in a spreadsheet.

    A pair without a vote has one row with the vote empty.
    """
    votes: dict[str, list[ReviewVote]] = {}
    for vote in sitting.votes:
        votes.setdefault(vote.sample_id, []).append(vote)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for pair in sitting.pairs:
        shown = pair.model_dump()
        rows = [shown | vote.model_dump() for vote in votes.get(pair.sample_id, [])] or [shown]
        table.writerows([_cell(row, column) for column in COLUMNS] for row in rows)
    return out.getvalue()


def _cell(row: Mapping[str, Any], column: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    value = row.get(column)
    text = "" if value is None else str(value).replace("\0", "")
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(FORMULA) else text


def refuse_existing(file: Path) -> None:
    """Raise InputError where a file to be written is there already."""
    if file.exists():
        raise InputError(
            f"{file} is there already and is not written over.",
            hint="Name another file with --csv, or remove it.",
            where=str(file),
        )
