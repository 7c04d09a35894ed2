"""Fetches token lengths of a data file: by the model's own tokenizer, else by calibrated rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from advisor import registry
from advisor.catalog.tokenisation import tokenisation
from advisor.contracts import RowMeter
from advisor.data_check.sequences import counted_tokens, sequence_lengths
from advisor.errors import AdvisorError, DatasetError
from advisor.formats.readers import NO_MAPPING, read_dataset
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.evaluation import Sample
from advisor.schema.lengths import SequenceLengths
from advisor.schema.plan import Plan

METER = "trl"
"""The trainer whose rows are counted: the default engine."""


def measured_lengths(  # noqa: PLR0913 - each names one thing a count depends on
    data: Path,
    model: ModelCard,
    *,
    limit: int,
    batch_size: int,
    objective: str = "sft",
    instruction: str = "",
    mapping: Mapping[str, str] = NO_MAPPING,
) -> SequenceLengths:
    """Token lengths of the file's training samples under a model, cut at `limit` tokens.

    Rows marked dev or test are left out. Exact where the model's folder has a tokenizer and the
    training extra is installed. `mapping` names fields by hand. Raises DatasetError when the file
    cannot be read or does not serve the objective.
    """
    dataset = read_dataset(data, mapping=mapping)
    samples = [sample for sample in dataset.samples if sample.split in (None, "train")]
    _serve(samples, objective, data)
    counts, ratio, provenance = _counts(samples, model, instruction)
    return sequence_lengths(
        counts, limit=limit, batch_size=batch_size, ratio=ratio, provenance=provenance
    )


def token_counter(model: ModelCard) -> Callable[[Sample], tuple[int, int]] | None:
    """Tokens in front of a sample's target and of the target, by the model's own tokenizer.

    None where the model has no tokenizer on this machine or the training extra is missing.
    """
    probe = Sample(id="0", input="a", target="b")
    if _exact([probe], model, "") is None:
        return None

    def count(sample: Sample) -> tuple[int, int]:
        bare = sample.model_copy(update={"target": "", "rejected": None})
        before, whole = _exact([bare, sample], model, "") or (0, 0)
        return max(before - 1, 0), max(whole - before + 1, 0)  # the end token counts as target

    return count


def _serve(samples: Sequence[Sample], objective: str, data: Path) -> None:
    """Raises DatasetError with the objective's first reason why these samples cannot be used."""
    for obstacle in registry.objective(objective).obstacles(samples):
        if obstacle.severity == "blocks":
            raise DatasetError(obstacle.message, hint=obstacle.hint, where=str(data))


def _counts(
    samples: Sequence[Sample], model: ModelCard, instruction: str
) -> tuple[Sequence[float], Interval | None, Provenance]:
    exact = _exact(samples, model, instruction)
    if exact is not None:
        note = f"the tokenizer of {model.id}"
        return exact, None, Provenance(kind="measured", source="trl", note=note)
    figures = tokenisation(model.vocabulary_size)
    counts, ratio = counted_tokens(samples, instruction, figures)
    return counts, ratio, figures.provenance


def _exact(samples: Sequence[Sample], model: ModelCard, instruction: str) -> list[int] | None:
    """Counts by the model's own tokenizer; None where there is none or it cannot be opened."""
    folder = model.local_path
    if folder is None or not any(Path(folder).glob("tokenizer*")):
        return None
    meter = registry.trainer(METER)
    if not isinstance(meter, RowMeter):
        return None
    plan = Plan(
        model=folder,
        method="full",
        precision="float32",
        base_bits=32,
        sequence_length=model.max_sequence_length or 1,
        micro_batch_size=1,
        learning_rate=1.0,
        epochs=1.0,
        gpu="local",
    )
    try:
        return meter.row_lengths(samples, plan, instruction)
    except AdvisorError:
        return None
