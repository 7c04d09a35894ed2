"""How long a run's training rows are: by the trainer's own tokenizer, else by their characters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from advisor.artifacts import digest_of, write_text
from advisor.contracts import RowMeter
from advisor.data_check.sequences import sequence_lengths
from advisor.errors import AdvisorError
from advisor.general import general_data
from advisor.schema.base import Provenance
from advisor.schema.decide import Decision
from advisor.schema.evaluation import Sample
from advisor.schema.lengths import SequenceLengths
from advisor.schema.mixture import Mixture
from advisor.schema.plan import Plan
from advisor.training_set import (
    SEQUENCE_STEP,
    has_shots,
    longest_sequence,
    sequence_length,
    training_samples,
)
from advisor.workspace import Workspace

KEPT = Path("cache") / "row_lengths.json"
OUTLIERS = 0.01
"""Share of the rows that is left out where it alone would make the sequences this much longer:"""
FAR_LONGER = 2.0


@dataclass(frozen=True)
class RowLengths:
    """Tokens of a training sequence, where they come from, and all lengths where they are exact."""

    sequence_length: int | None
    why: str = ""
    lengths: SequenceLengths | None = None


def row_lengths(
    space: Workspace, decision: Decision, *, objective: str, batch_size: int, limit: int | None
) -> RowLengths:
    """The sequence length that a run's data ask for.

    Real rows are counted where the trainer can count them and the model's tokenizer lies on this
    machine. The longest row counts, unless fewer than one in a hundred would double it. `limit` is
    the length that the user fixed. Texts of continued pre-training are cut to any length.
    """
    if space.dataset is None or objective == "cpt":
        return RowLengths(limit)
    counts = _counts(space, decision, objective)
    if counts is None:
        guess = limit or sequence_length(space, decision)
        return RowLengths(guess, "the longest row, guessed from its characters")
    length, why = chosen_length(counts, longest_sequence(space))
    provenance = Provenance(
        kind="measured", source=space.trainer.info.id, note="the model's own tokenizer"
    )
    lengths = sequence_lengths(
        counts, limit=limit or length, batch_size=batch_size, provenance=provenance
    )
    return RowLengths(limit or length, why, lengths)


def chosen_length(counts: Sequence[int], reads: int) -> tuple[int, str]:
    """Tokens that hold the rows, rounded up, at most what the model reads; and why so many."""
    ordered = sorted(counts)
    longest = ordered[-1]
    common = ordered[max(0, ceil((1 - OUTLIERS) * len(ordered)) - 1)]
    by = "by the model's own tokenizer"
    if longest > FAR_LONGER * common:
        over = sum(count > _rounded(common) for count in ordered)
        wanted, why = (
            common,
            f"99 % of the rows have at most {common} tokens {by}; {over} are longer",
        )
    else:
        wanted, why = longest, f"the longest row has {longest} tokens {by}"
    if _rounded(wanted) > reads:
        return reads, f"the model reads no further; {why}"
    return _rounded(wanted), why


def general_mixture(space: Workspace, decision: Decision, plan: Plan) -> Mixture | None:
    """What a plan will get of the general data it asks for; None where it mixes none in.

    Rows are told to be too long only where they can be counted exactly. Texts of continued
    pre-training are not counted before they are cut. Raises DatasetError as `general_data` does.
    """
    if plan.objective != "sft" or not plan.general_share or space.dataset is None:
        return None
    chosen, most = space.settings, plan.sequence_length
    general = general_data(chosen.general_data, model=chosen.model, beside=space.samples).mixed
    counts = _counts(space, decision, plan.objective)
    if counts is None:
        counts = [0 for one in training_samples(space, decision) if one.split == "train"]
    asking = [one for one in general if one.input.strip()]  # a bare text is cut, never left out
    known = _has_tokenizer(space.tuned_path) and asking
    lengths = (_metered(space, asking, "") if known else None) or []
    return Mixture(
        share=plan.general_share,
        rows=sum(count <= most for count in counts),
        general=len(general),
        too_long=sum(length > most for length in lengths),
        sequence_length=most,
    )


def _rounded(tokens: int) -> int:
    return SEQUENCE_STEP * ceil(tokens / SEQUENCE_STEP)


def _counts(space: Workspace, decision: Decision, objective: str) -> list[int] | None:
    """Tokens of every training row, kept in the run folder; None where they cannot be counted."""
    samples = training_samples(space, decision)
    rows = [sample for sample in samples if sample.split == "train"]
    if not rows or not _has_tokenizer(space.tuned_path):
        return None
    key = digest_of(
        [
            space.data_inputs(),
            space.model_digest,
            space.instruction,
            space.settings.trainer,
            objective,
            has_shots(space, samples),
        ]
    )
    path = space.folder.path / KEPT
    kept = _kept(path, key)
    if kept is not None:
        return kept
    counts = _measured(space, rows)
    if counts is not None:
        write_text(path, json.dumps({"key": key, "counts": counts}) + "\n")
    return counts


def _has_tokenizer(model: str) -> bool:
    return Path(model).is_dir() and any(Path(model).glob("tokenizer*"))


def _measured(space: Workspace, rows: Sequence[Sample]) -> list[int] | None:
    """Counts by the trainer; of a pair the longer answer counts."""
    others = [r.model_copy(update={"target": r.rejected or r.target}) for r in rows]
    counts = _metered(space, rows, space.instruction)
    if counts is None or not any(row.rejected for row in rows):
        return counts
    seconds = _metered(space, others, space.instruction)
    return seconds and [max(pair) for pair in zip(counts, seconds, strict=True)]


def _metered(space: Workspace, rows: Sequence[Sample], instruction: str) -> list[int] | None:
    """Tokens of rows under an instruction; None where the trainer cannot count them."""
    meter = space.trainer
    if not isinstance(meter, RowMeter):
        return None
    plan = Plan(
        model=space.tuned_path,
        method="full",
        precision="float32",
        base_bits=32,
        sequence_length=longest_sequence(space),
        micro_batch_size=1,
        learning_rate=1.0,
        epochs=1.0,
        gpu="local",
    )
    try:
        return meter.row_lengths(rows, plan, instruction)
    except AdvisorError:
        return None


def _kept(path: Path, key: str) -> list[int] | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return list(stored["counts"]) if stored.get("key") == key else None
