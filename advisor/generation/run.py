"""From a workspace to a grown data set: sources, sieve, model, purse, file and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from advisor import registry
from advisor.contracts import Judging, Totalling
from advisor.data_check.lines import counted
from advisor.data_check.split import split_recorded
from advisor.errors import BackendResponseError, MissingExtraError
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import opened
from advisor.evaluation.purse import Purse, summed
from advisor.evaluation.session import LazySession
from advisor.generation.bills import bill_of_gain, bill_of_growing
from advisor.generation.classifier import Learner, labelled
from advisor.generation.gain import FEWEST, Meter, dev_of, measured, steps
from advisor.generation.grow import DRY_AFTER, Ended, Grower
from advisor.generation.grown_file import refuse_original, write_grown
from advisor.generation.shots import NearestShots
from advisor.generation.sieve import Check, Sieve
from advisor.generation.sources import (
    Sources,
    apart_from_tests,
    label_notes,
    passages_of,
    read_labels,
    seeds_of,
)
from advisor.generation.tongues import language_check
from advisor.measuring import agreed, deciding, make_purse
from advisor.schema.evaluation import Sample
from advisor.schema.generation import Dropped, Gain, Generation
from advisor.schema.purse import Bill
from advisor.workspace import Workspace

WRITING_TOKENS = 1024
"""Longest reply with new samples."""
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
    documents, held_back = apart_from_tests(space.documents, samples)
    sources = Sources(
        seeds=seeds_of(samples),
        instruction=space.instruction,
        passages=passages_of(documents),
        definitions=read_labels(wish.labels) if wish.labels else {},
    )
    checks, notes = _checks(sources)
    notes = (*notes, *label_notes(sources))
    if held_back:
        told = counted(held_back, "document")
        notes = (*notes, f"{told} left out: dev or test rows are about them.")
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
        grower.at_once = max(grower.at_once, settings.concurrency)
        bill = bill_of_growing(grower, wish.count)
        meter = _meter(space, grower) if wish.measure else None
        dev = dev_of(samples)
        if isinstance(meter, NearestShots):
            bill = summed(bill, bill_of_gain(grower, meter, dev, times=len(steps(wish.count))))
        agreed(bill, space, may_spend=may_spend)
        ended = grower.grow(wish.count)
        gain, remark = _gain(grower, meter, dev)
    if grower.made:
        write_grown(out, samples, grower.made, only_new=wish.only_new)
    notes = (*record.notes, *notes, *_remarks(grower, ended), *remark)
    path = str(out) if grower.made else ""
    return _report(grower, ended, purse.settled(bill), wanted=wish.count).model_copy(
        update={"path": path, "notes": notes, "gain": gain}
    )


def _asker(space: Workspace, session: LazySession, purse: Purse, max_new_tokens: int) -> Asker:
    settings = space.settings
    return Asker(
        session,
        Conditions(
            settings.backend,
            settings.model,
            max_new_tokens,
            tuple(sorted(deciding(space).items())),
            settings.seed,
        ),
        cache=opened() if settings.use_cache else None,
        purse=purse,
        batch_size=settings.batch_size,
    )


def _checks(sources: Sources) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    check = language_check(sources.seeds)
    if check is None:
        return (), ("Languages were not identified: pip install 'finetune-advisor[data]'.",)
    return (check,), ()


def _meter(space: Workspace, grower: Grower) -> Learner | NearestShots:
    """The system that the gain is measured with: the one that costs nothing where it can be."""
    if grower.sources.labels:
        with suppress(MissingExtraError):
            learner = Learner(labelled("embedding_classifier"), space.tools())
            learner.scores(grower.sources.seeds, ())
            return learner
    metric = space.metric
    if isinstance(metric, (Judging, Totalling)):
        metric = registry.metric("token_f1")
    return NearestShots(grower.sources, grower.answerer, metric)


def _gain(
    grower: Grower, meter: Meter | None, dev: Sequence[Sample]
) -> tuple[Gain | None, tuple[str, ...]]:
    """The gain, or why it could not be measured."""
    if meter is None:
        return None, ()
    if len(dev) < FEWEST or not grower.made:
        few = f"there are only {len(dev)} dev rows" if grower.made else "nothing was added"
        return None, (f"The gain was not measured: {few}.",)
    written = [one.sample for one in grower.made]
    try:
        return measured(meter, grower.sources.seeds, written, dev, seed=grower.seed), ()
    except BackendResponseError as error:
        return None, (f"{error.message} {error.hint}",)


def _report(grower: Grower, ended: Ended, bill: Bill, *, wanted: int) -> Generation:
    dropped = grower.sieve.dropped
    kept = len(grower.made)
    return Generation(
        path="",
        model=grower.writer.conditions.author,
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
