"""The estimator against memory that others measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from advisor.catalog import query
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry
from advisor.stages.estimate.stage import estimate
from trainers.methods.full import FullMethod
from trainers.methods.lora import LoraMethod
from trainers.methods.qlora import QloraMethod

METHODS = {"full": FullMethod(), "lora": LoraMethod(), "qlora": QloraMethod()}
ROWS = yaml.safe_load((Path(__file__).parent / "memory.yaml").read_text(encoding="utf-8"))["rows"]


def option_for(row):
    request = EstimateRequest(
        methods=(row["method"],),
        rank=row.get("rank"),
        target_modules=row.get("targets"),
        batch_size=row["batch"],
        grad_accum=1,
        seq_len=row["length"],
        optimizer=row["optimizer"],
        precision=row["precision"],
        loss_head=row["loss"],
        gradient_checkpointing=row.get("checkpointing", True),
        attention=row.get("attention"),
        quantisation=row.get("quantisation"),
        as_of="2026-11-25",
    )
    reference = query.reference(row.get("stack", "stock"))
    inquiry = Inquiry(request, query.find_model(row["model"]), {}, reference)
    found = estimate(inquiry, gpus=[query.find_gpu("a100-80gb")], methods=METHODS)
    return found.options[0]


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_computed_memory_is_within_the_tolerance(row):
    memory = option_for(row).memory
    tier = memory.reserved_gib if row.get("tier") == "reserved" else memory.allocated_gib
    assert tier.likely == pytest.approx(row["measured_gib"], rel=row["tolerance"])


@pytest.mark.parametrize("row", [row for row in ROWS if "trainable" in row], ids=lambda r: r["id"])
def test_trainable_parameters_are_exact(row):
    assert option_for(row).trainable_parameters == row["trainable"]


def test_enough_rows_of_every_method():
    assert len(ROWS) >= 30
    assert len({row["stack"] for row in ROWS if "stack" in row}) >= 3
    assert {row["method"] for row in ROWS} == set(METHODS)
