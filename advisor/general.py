"""General data against forgetting: what is mixed into training, and what only probes the model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from advisor.errors import DatasetError
from advisor.formats.readers import NO_MAPPING, read_dataset
from advisor.resources import probe_root
from advisor.schema.evaluation import Sample
from advisor.schema.run import EMBEDDED_MODEL

FEWEST = 10
"""Rows of general data below which a held-out part shows nothing."""
PROBE_SHARE = 5
"""One group of rows in so many is held out."""
MOST_PROBED = 64
"""Rows that a probe takes at most, which keeps both looks short beside the training."""
OWN_KINDS = "tiny.jsonl"
ANY_MODEL = ("questions.jsonl", "texts.jsonl")


class General(NamedTuple):
    """General samples by what becomes of them; no sample is in both parts."""

    mixed: tuple[Sample, ...] = ()
    """May be trained on, as far as the plan's `general_share` goes."""
    probe: tuple[Sample, ...] = ()
    """Never trained on."""
    notes: tuple[str, ...] = ()


def general_data(
    data: str | None,
    *,
    model: str,
    beside: Sequence[Sample] = (),
    mapping: Mapping[str, str] = NO_MAPPING,
) -> General:
    """The user's general data in two parts; without any, the packaged probe and nothing to mix.

    Rows that ask what a sample of the task asks (`beside`, its test part above all) are left out.
    The parts depend on what rows hold alone, so that neither a seed nor another order moves a row.
    Raises DatasetError for a file that cannot be read or holds fewer than ten rows.
    """
    if data is None:
        return packaged_probe(model)
    every = [s for s in read_dataset(Path(data), mapping=mapping).samples if s.is_good is not False]
    known = {asks(sample) for sample in beside}
    samples = tuple(sample for sample in every if asks(sample) not in known)
    if len(samples) < FEWEST:
        raise DatasetError(
            f"The general data holds {len(samples)} usable rows; at least {FEWEST} are needed.",
            hint="Give more rows that are not of the task, or leave --general-data out.",
            where=data,
        )
    probe, mixed = _parted(samples)
    if not mixed:
        raise DatasetError(
            "All rows of the general data belong to one group, so that none can be held out.",
            hint="Give rows of several conversations or documents.",
            where=data,
        )
    dropped = len(every) - len(samples)
    return General(mixed, probe[:MOST_PROBED], _notes(mixed, probe, dropped))


def packaged_probe(model: str) -> General:
    """The probe that ships: of the embedded model's own kinds, or plain English for any other."""
    is_own = model == EMBEDDED_MODEL
    files = (OWN_KINDS,) if is_own else ANY_MODEL
    rows = [s for name in files for s in read_dataset(probe_root() / name).samples]
    what = (
        "conversations of the kinds the embedded model was made of"
        if is_own
        else "short English questions and passages"
    )
    kept = tuple(rows[:MOST_PROBED])
    note = f"Forgetting is probed on {len(kept)} {what}; --general-data FILE names your own."
    return General(probe=kept, notes=(note,))


def _parted(samples: Sequence[Sample]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """The probe and the rest; what belongs together stays together."""
    order = sorted(samples, key=lambda sample: (_drawn(sample), asks(sample), sample.target))
    keys = list(dict.fromkeys(_group(sample) for sample in order))
    held_out = set(keys[: max(1, len(keys) // PROBE_SHARE)])
    probe = tuple(sample for sample in order if _group(sample) in held_out)
    return probe, tuple(sample for sample in order if _group(sample) not in held_out)


def _group(sample: Sample) -> str:
    return sample.group or sample.document or asks(sample)


def _drawn(sample: Sample) -> str:
    return hashlib.sha256(_group(sample).encode()).hexdigest()


def asks(sample: Sample) -> str:
    """What tells rows apart: the question, or the text where nothing is asked."""
    return " ".join((sample.input or sample.target).casefold().split())


def _notes(mixed: Sequence[Sample], probe: Sequence[Sample], dropped: int) -> tuple[str, ...]:
    held = min(len(probe), MOST_PROBED)
    told = [f"Of the general data {held} rows are a probe and {len(mixed)} may be mixed in."]
    if dropped:
        told.append(
            f"{dropped} rows of the general data ask what the task asks; they are left out."
        )
    return tuple(told)
