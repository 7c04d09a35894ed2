"""From a workspace to a grown data set: sources, sieve, model, purse, file and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from advisor.data_check.lines import counted
from advisor.data_check.split import split_recorded
from advisor.errors import MissingExtraError
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import opened
from advisor.evaluation.purse import Purse
from advisor.evaluation.session import LazySession
from advisor.generation.grow import DRY_AFTER, Ended, Grower
from advisor.generation.grown_file import refuse_original, write_grown
from advisor.generation.sieve import Check, Sieve
from advisor.generation.sources import Sources, passages_of, read_labels, seeds_of
from advisor.generation.tongues import language_check
from advisor.measuring import agreed, deciding, make_purse
from advisor.schema.base import Interval
from advisor.schema.evaluation import Prompt
from advisor.schema.generation import Dropped, Generation
from advisor.schema.purse import Bill
from advisor.workspace import Workspace

WRITING_TOKENS = 1024
"""Longest reply with new samples."""
ROW_MARKS = 30
"""Characters of names, quotes and braces around a written sample."""
ORDER: tuple[Dropped, ...] = (
    "schema",
    "refusal",
    "language",
    "copy",
    "near_seed",
    "near_kept",
    "near_test",
    "contradiction",
    "disagreement",
    "no_answer",
)


@dataclass(frozen=True)
class Wish:
    """What is to be made."""

    count: int
    """Samples to keep."""
    labels: Path | None = None
    """File with a definition for each label."""
    only_new: bool = False
    """Leave the collected rows out of the file."""
    measure: bool = False
    """Also measure what they gain."""


def generate(space: Workspace, out: Path, wish: Wish, *, may_spend: bool = False) -> Generation:
    """Grow the workspace's data as wished and write it to `out`.

    The file is written with whatever was kept, also when the money ran out. Raises InputError for
    an output that would replace something, DatasetError for data that cannot be grown, ConsentError
    for a price nobody agreed to, and what the backend raises.
    """
    settings = space.settings
    inputs = [Path(path) for path in (settings.data, settings.docs, wish.labels) if path]
    refuse_original(out, *inputs)
    collected = space.dataset.samples if space.dataset else ()
    samples, record = split_recorded(collected, seed=settings.seed, by=settings.split_by)
    sources = Sources(
        seeds=seeds_of(samples),
        instruction=space.instruction,
        passages=passages_of(space.documents),
        definitions=read_labels(wish.labels) if wish.labels else {},
    )
    checks, notes = _checks(sources)
    purse = make_purse(space, settings.backend, settings.model)
    with LazySession(space.open_session, model_digest=space.model_digest) as session:
        grower = Grower(
            sources,
            Sieve(sources, samples, further=checks),
            _asker(space, session, purse, WRITING_TOKENS),
            _asker(space, session, purse, settings.max_new_tokens),
            seed=settings.seed,
            progress=space.progress,
        )
        bill = _bill(grower, wish.count)
        agreed(bill, space, may_spend=may_spend)
        ended = grower.grow(wish.count)
    if grower.made:
        write_grown(out, samples, grower.made, only_new=wish.only_new)
    notes = (*record.notes, *notes, *_remarks(grower, ended))
    path = str(out) if grower.made else ""
    return _report(grower, ended, purse.settled(bill), wanted=wish.count).model_copy(
        update={"path": path, "notes": notes}
    )


def _asker(space: Workspace, session: LazySession, purse: Purse, max_new_tokens: int) -> Asker:
    settings = space.settings
    return Asker(
        session,
        Conditions(
            settings.backend, settings.model, max_new_tokens, tuple(deciding(space).items())
        ),
        cache=opened() if settings.use_cache else None,
        purse=purse,
        batch_size=settings.batch_size,
    )


def _checks(sources: Sources) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    try:
        return (language_check(sources.seeds),), ()
    except MissingExtraError as error:
        return (), (f"{error.message} {error.hint}",)


def _bill(grower: Grower, wanted: int) -> Bill:
    """What the expected calls cost: requests with long replies, answers with short ones."""
    seeds = grower.sources.seeds
    target = fmean(len(seed.target) for seed in seeds)
    row = fmean(len(seed.input) for seed in seeds) + target + ROW_MARKS
    writing, answering = grower.planned(wanted)
    size = len(writing) and wanted / len(writing)
    return _summed(
        _bill_of(grower.writer, writing, size * row), _bill_of(grower.answerer, answering, target)
    )


def _bill_of(asker: Asker, prompts: Sequence[Prompt], characters: float) -> Bill:
    known = asker.known(prompts)
    return asker.purse.bill(
        [prompt for place, prompt in enumerate(prompts) if place not in known],
        cached=len(known),
        answer_characters=characters,
        max_new_tokens=asker.conditions.max_new_tokens,
    )


def _summed(one: Bill, other: Bill) -> Bill:
    expected = None
    if one.expected_usd is not None and other.expected_usd is not None:
        left, right = one.expected_usd, other.expected_usd
        expected = Interval(
            low=left.low + right.low,
            likely=left.likely + right.likely,
            high=left.high + right.high,
        )
    return one.model_copy(
        update={
            "calls_planned": one.calls_planned + other.calls_planned,
            "calls_cached": one.calls_cached + other.calls_cached,
            "expected_usd": expected,
        }
    )


def _report(grower: Grower, ended: Ended, bill: Bill, *, wanted: int) -> Generation:
    dropped = grower.sieve.dropped
    kept = len(grower.made)
    return Generation(
        path="",
        model=grower.writer.conditions.model,
        wanted=wanted,
        asked=grower.counts["asked"],
        failed=grower.counts["failed"],
        unreadable=grower.counts["unreadable"],
        parsed=grower.counts["parsed"],
        dropped={reason: dropped[reason] for reason in ORDER if dropped[reason]},
        unsettled=grower.counts["parsed"] - dropped.total() - kept,
        kept=kept,
        by_source=dict(Counter(one.request.kind for one in grower.made)),
        ended=ended,
        bill=bill,
    )


def _remarks(grower: Grower, ended: Ended) -> tuple[str, ...]:
    notes = []
    if ended == "dry":
        notes.append(
            f"The last {DRY_AFTER} requests gave nothing that could be kept, so no more were made:"
            " a stronger model, other seeds or documents may give more."
        )
    if grower.made:
        train = len(grower.sources.seeds)
        notes.append(
            f"Made from {counted(train, 'train row')}; no dev or test row was shown to the model."
        )
    return tuple(notes)
