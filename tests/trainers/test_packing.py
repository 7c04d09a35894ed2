"""Packed rows hold the same documents, and none of them sees another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.errors import PlanError
from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, training_job, training_samples

pytestmark = pytest.mark.ml


def uneven(count: int) -> tuple[Sample, ...]:
    """Samples of very different lengths."""
    return tuple(
        Sample(id=f"u{i}", input="x" * (1 + 7 * i % 60), target=f"It is {i}.", split="train")
        for i in range(count)
    )


def ready(base: str, folder: Path, count: int = 20, **changes: Any) -> tuple[Any, Any]:
    """The ready parts of a job and the trainer over them."""
    from trainers.engines.trl._build import build
    from trainers.engines.trl._run import _ready

    job = training_job(base, folder, "full", train_samples=uneven(count), **changes)
    parts = _ready(job, RecordingTools())
    return parts, build(job.plan, parts, folder)


def test_no_token_is_lost_and_rows_are_full(tiny_llama: str, tmp_path: Path):
    plain, _ = ready(tiny_llama, tmp_path / "a")
    packed, _ = ready(tiny_llama, tmp_path / "b", packing=True)
    assert sum(packed.course.lengths) == sum(plain.course.lengths)
    assert len(packed.course.lengths) < 0.75 * len(plain.course.lengths)
    assert max(packed.course.lengths) <= 128
    whole = sorted(tuple(row) for row in plain.course.dataset["input_ids"])
    pieces = []
    for row in packed.course.dataset:
        at = 0
        for length in row["seq_lengths"]:
            pieces.append(tuple(row["input_ids"][at : at + length]))
            at += length
    assert sorted(pieces) == whole


def test_rows_are_nearly_full_and_mixtures_of_long_and_short():
    import random

    from trainers.engines.trl._pack import gathered

    draw = random.Random(3)
    lengths = [draw.choice((20, 30, 60, 400)) + draw.randrange(20) for _ in range(2000)]
    rows = gathered(lengths, 1024, seed=0)
    assert sorted(place for places in rows for place in places) == list(range(2000))
    filled = [sum(lengths[place] for place in places) for places in rows]
    assert max(filled) <= 1024
    assert sum(filled) / (1024 * len(rows)) > 0.96
    counts = sorted(len(places) for places in rows)
    assert counts[len(counts) // 10] >= 0.6 * counts[len(counts) // 2]
    assert gathered(lengths, 1024, seed=0) == rows != gathered(lengths, 1024, seed=1)


def test_a_packed_batch_has_the_loss_of_its_documents_apart(tiny_llama: str, tmp_path: Path):
    import torch

    packed, trainer = ready(tiny_llama, tmp_path / "b", packing=True)
    plain, alone = ready(tiny_llama, tmp_path / "a")
    batch = trainer.data_collator([packed.course.dataset[i] for i in range(2)])
    trainer.model.eval()
    with torch.no_grad():
        together = trainer.compute_loss(trainer.model, batch)
    rows = {tuple(row["input_ids"]): row for row in plain.course.dataset}
    sums, count = 0.0, 0
    for packed_row in packed.course.dataset.select(range(2)):
        at = 0
        for length in packed_row["seq_lengths"]:
            row = rows[tuple(packed_row["input_ids"][at : at + length])]
            at += length
            single = alone.data_collator([row])
            learnt = sum(label >= 0 for label in row["labels"])
            with torch.no_grad():
                sums += float(alone.compute_loss(alone.model.eval(), single)) * learnt
            count += learnt
    assert float(together) == pytest.approx(sums / count, rel=1e-5)


def test_a_document_does_not_see_the_one_before_it(tiny_llama: str, tmp_path: Path):
    import torch

    packed, trainer = ready(tiny_llama, tmp_path / "b", packing=True)
    row = next(row for row in packed.course.dataset if len(row["seq_lengths"]) > 1)
    first = row["seq_lengths"][0]
    changed = dict(row)
    changed["input_ids"] = [5 + token % 200 for token in row["input_ids"][:first]]
    changed["input_ids"] += row["input_ids"][first:]
    assert changed["input_ids"] != row["input_ids"]
    logits = []
    for one in (row, changed):
        batch = trainer.data_collator([one])
        with torch.no_grad():
            found = trainer.model.eval()(
                input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
            )
        logits.append(found.logits[0])
    assert torch.equal(logits[0][first:], logits[1][first:])
    assert not torch.equal(logits[0][: first - 1], logits[1][: first - 1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"method": "prompt"}, "cannot be packed"), ({"objective": "dpo"}, "cannot be packed")],
)
def test_what_cannot_be_packed_is_told(
    tiny_llama: str, tmp_path: Path, changes: dict[str, Any], words: str
):
    samples = tuple(s.model_copy(update={"rejected": "No."}) for s in training_samples(4))
    job = training_job(
        tiny_llama,
        tmp_path / "out",
        changes.pop("method", "lora"),
        train_samples=samples,
        packing=True,
        **changes,
    )
    with pytest.raises(PlanError, match=words):
        registry.trainer("trl").train(job, RecordingTools())


def test_batches_of_one_length_waste_less(tiny_llama: str, tmp_path: Path):
    shares = []
    for grouped in (False, True):
        _, trainer = ready(tiny_llama, tmp_path / str(grouped), 160, length_grouping=grouped)
        fill = [
            float((batch["attention_mask"] == 0).float().mean())
            for batch in trainer.get_train_dataloader()
        ]
        shares.append(sum(fill) / len(fill))
    assert shares[1] < 0.6 * shares[0]
