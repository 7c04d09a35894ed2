"""No field of a plan is dropped in silence: it is honoured, told, or refused before torch loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import trainers
from advisor import registry
from advisor.errors import PlanError
from advisor.schema.plan import Plan
from tests.fixtures.training import RecordingTools, training_job, training_plan
from trainers.engines.trl.taken import FATES, accepted, notes

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "base_bits": ({"quantisation": "int8", "base_bits": 4}, "int8 has 8 bits"),
    "quantisation": ({"quantisation": "gptq", "base_bits": 4}, "packed as gptq"),
    "matmul_bits": ({"matmul_bits": 8}, "products in 8 bits"),
    "rank": ({"rank": None}, "needs a rank"),
    "attention": ({"attention": "flash"}, "flash-attn, which is not installed"),
    "method_options": ({"method_options": {"all_turn": True}}, "the option 'all_turn'"),
    "schedule": ({"schedule": "cosine_with_min_lr"}, "schedule 'cosine_with_min_lr'"),
    "nodes": ({"nodes": 2}, "does not stand in 2 machines"),
    "strategy": ({"strategy": "fsdp"}, "the plan has one"),
    "offload": ({"offload": "activations"}, "does not move activations"),
}
NOTED: dict[str, tuple[dict[str, Any], str]] = {
    "unquantised_precision": (
        {"base_bits": 4, "quantisation": "nf4", "unquantised_precision": "bfloat16"},
        "stays in float32",
    ),
    "loss_head": ({"loss_head": "fused_linear"}, "a loss head 'fused_linear'"),
    "stack": ({"stack": "unsloth"}, "the kernels of 'unsloth'"),
}


@pytest.fixture(autouse=True)
def no_flash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.engines.trl.taken.find_spec", lambda _name: None)


def test_every_field_of_a_plan_has_its_fate():
    assert set(FATES) == set(Plan.model_fields)
    assert {name for name, fate in FATES.items() if fate == "refused"} == set(REFUSED)
    assert {name for name, fate in FATES.items() if fate == "noted"} == set(NOTED)


@pytest.mark.parametrize("field", [name for name, fate in FATES.items() if fate == "honoured"])
def test_a_field_that_counts_as_honoured_is_read(field: str):
    assert re.search(rf"plan\.{field}\b", _engine()), field


def _engine() -> str:
    """The source of what trains; not of what estimates, says recipes, or follows memory."""
    root = Path(trainers.__file__).parent
    files = [*(root / "engines" / "trl").rglob("*.py"), *(root / "methods").glob("*.py")]
    left = [f for f in files if f.name != "taken.py" and not f.name.startswith(("_trace", "_gpu"))]
    return "\n".join(file.read_text(encoding="utf-8") for file in left)


@pytest.mark.parametrize("field", REFUSED)
def test_a_value_that_is_not_done_is_refused_before_anything_is_opened(field: str, tmp_path: Path):
    changes, words = REFUSED[field]
    job = training_job("no/such-model", tmp_path / "out", **changes)
    with pytest.raises(PlanError, match=words) as caught:
        registry.trainer("trl").train(job, RecordingTools())
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("field", NOTED)
def test_a_value_that_is_done_otherwise_is_told(field: str):
    changes, words = NOTED[field]
    [note] = accepted(training_plan("m", **changes), RecordingTools())
    assert words in note


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategy": "fsdp", "gpus": 2, "offload": "weights"}, "does not move weights"),
        ({"strategy": "zero2", "gpus": 2, "offload": "weights"}, "does not move weights"),
        ({"strategy": "layer_split", "gpus": 2}, "by 'layer_split'"),
        ({"strategy": "ddp", "gpus": 3, "nodes": 2}, "equal machines"),
        ({"method": "qlora", "base_bits": 16}, "packed to 4 or 8 bits"),
        ({"objective": "dpo", "method_options": {"all_turns": True}}, "'all_turns'"),
        ({"method": "freeze", "method_options": {"layer": 1}}, "'layer'"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], words: str):
    with pytest.raises(PlanError, match=words):
        accepted(training_plan("m", **changes), RecordingTools())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stack": "peft"},
        {"method": "qlora", "quantisation": "nf4"},
        {"quantisation": "int8", "base_bits": 8},
        {"strategy": "zero2", "gpus": 2, "offload": "optimizer"},
        {"method_options": {"all_turns": True, "rslora": True}},
    ],
)
def test_what_is_done_as_planned_is_not_spoken_of(changes: dict[str, Any]):
    assert accepted(training_plan("m", **changes), RecordingTools()) == ()
    assert notes(training_plan("m", **changes)) == ()
