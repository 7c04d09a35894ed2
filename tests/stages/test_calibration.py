"""What measured runs may do to an estimate: little each, never much, and only to alike plans."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.calibration import identified
from advisor.catalog import query
from advisor.schema.base import Provenance
from advisor.schema.calibration import CalibrationRecord
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import EstimateRequest
from advisor.schema.train import Served, TrainResult
from advisor.stages.estimate.calibration import (
    MEMORY_BOUNDS,
    SPEED_BOUNDS,
    correction,
    machine_name,
    record_of,
)
from advisor.stages.estimate.candidate import Inquiry
from advisor.stages.estimate.stage import estimate
from trainers.methods.full import FullMethod
from trainers.methods.lora import LoraMethod

HERE = Gpu(
    id="local",
    name="NVIDIA H100",
    memory_gib=80,
    bf16_tflops=989,
    fp16_tflops=989,
    bandwidth_gb_per_second=3350,
    architecture="hopper",
    provenance=Provenance(kind="measured"),
)
CARD = query.find_model("llama-3.1-8b")
METHODS = {"full": FullMethod(), "lora": LoraMethod()}


def options(records=(), *, gpu=HERE):
    request = EstimateRequest(
        methods=("full", "lora"), examples=1000, as_of=date(2026, 11, 26).isoformat()
    )
    inquiry = Inquiry(request, CARD, {}, query.reference(), records=records)
    return {o.method: o for o in estimate(inquiry, gpus=(gpu,), methods=METHODS).options}


def ended(option, *, memory, speed):
    return TrainResult(
        trainer="trl",
        method=option.method,
        objective="sft",
        output_dir="",
        served_by=Served(backend="echo", model=""),
        loss=(),
        steps=1,
        trainable_parameters=1,
        peak_memory_gib=option.memory.allocated_gib.likely * memory,
        memory_tier="allocated",
        tokens_per_second=option.tokens_per_second.likely * speed,
        wall_seconds=1.0,
        train_samples=1,
        versions={"torch": "2"},
        seed=0,
    )


def recorded(option, *, memory=1.1, speed=0.5) -> CalibrationRecord:
    result = ended(option, memory=memory, speed=speed)
    found = record_of(
        option, result, model=option.plan.model, machine=machine_name(HERE), date="2026-11-26"
    )
    return identified(found)


def test_without_records_nothing_changes():
    assert options()["lora"].memory_correction == 1


def test_one_run_moves_a_quarter_of_its_way():
    before = options()
    after = options([recorded(before["lora"], memory=1.1)])
    ratio = after["lora"].memory.allocated_gib.likely / before["lora"].memory.allocated_gib.likely
    assert ratio == pytest.approx(1.1**0.25)
    assert after["lora"].memory_correction == pytest.approx(ratio)


def test_terms_and_phases_follow_and_the_estimate_says_so():
    found = options([recorded(options()["lora"])])["lora"]
    total = sum(term.gib for term in found.memory.terms)
    assert total == pytest.approx(found.memory.allocated_gib.likely)
    assert max(found.memory.phases_gib.values()) == pytest.approx(total)
    assert any("1 run on this machine" in text for text in found.assumptions)


def test_slower_runs_make_the_training_longer():
    before = options()
    after = options([recorded(before["lora"], speed=0.5)])["lora"]
    assert after.steps_hours.likely == pytest.approx(
        before["lora"].steps_hours.likely / after.speed_correction
    )
    assert after.time_hours.likely == pytest.approx(sum(p.hours.likely for p in after.time_parts))


def test_other_kinds_of_plans_and_other_machines_stay():
    record = recorded(options()["lora"])
    assert options([record])["full"].memory_correction == 1
    rented = HERE.model_copy(update={"provenance": Provenance(kind="table")})
    assert options([record], gpu=rented)["lora"].memory_correction == 1
    elsewhere = record.model_copy(update={"machine": "NVIDIA A100 (40 GiB)"})
    assert options([elsewhere])["lora"].memory_correction == 1


def test_a_record_holds_the_estimate_before_any_correction():
    first = recorded(options()["lora"], memory=1.2)
    again = recorded(options([first])["lora"], memory=1.0)
    assert again.estimated_gib == pytest.approx(first.estimated_gib)
    assert again.estimated_tokens_per_second == pytest.approx(first.estimated_tokens_per_second)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
def test_no_number_of_odd_runs_moves_an_estimate_beyond_the_bounds(ratios):
    plan = PLAN.plan
    records = [
        CalibrationRecord(
            id=str(i),
            date="2026-11-26",
            machine="m",
            model="x",
            plan=plan,
            tier="allocated",
            estimated_gib=1.0,
            measured_gib=ratio,
            tokens_per_second=ratio,
            estimated_tokens_per_second=1.0,
        )
        for i, ratio in enumerate(ratios)
    ]
    found = correction(records, plan, model="x", machine="m")
    assert MEMORY_BOUNDS[0] <= found.memory <= MEMORY_BOUNDS[1]
    assert SPEED_BOUNDS[0] <= found.speed <= SPEED_BOUNDS[1]
    assert found.runs == len(ratios)


PLAN = options()["lora"]
