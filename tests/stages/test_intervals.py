"""What the intervals of memory promise: physics below, order between tiers, one story with fit."""

from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from advisor import registry
from advisor.catalog import query
from advisor.catalog.load import catalog_root
from advisor.errors import AdvisorError
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry, make_candidate
from advisor.stages.estimate.memory.fit import fits, needed, settled, usable_gib
from advisor.stages.estimate.memory.tiers import DOUBT, memory, outside_gib, uncertain_gib
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.plan.planning import make_plan

STACKS = sorted(file.stem for file in (catalog_root() / "stacks").glob("*.yaml"))
METHODS = {name: registry.method(name) for name in registry.names("advisor.methods")}
MODELS = [query.find_model(name) for name in ("0.5b", "8b", "gemma-2-9b", "mixtral-8x7b", "70b")]
CARDS = [query.find_gpu(name) for name in ("t4", "rtx-4090", "l40s", "a100-80gb", "h200")]
SHAPES = [("single", 1), ("ddp", 2), ("zero1", 8), ("zero2", 4), ("zero3", 8), ("fsdp", 2)]
LASTING = ("weights", "adapter", "optimizer states")
PARTS = ("low", "likely", "high")

WISHES = st.fixed_dictionaries(
    {
        "shape": st.sampled_from([*SHAPES, ("layer_split", 4)]),
        "stack": st.sampled_from(STACKS),
        "seq_len": st.sampled_from([64, 512, 1024, 2048, 4096]),
        "batch_size": st.sampled_from([1, 2, 8, 32]),
        "gradient_checkpointing": st.booleans(),
        "offload": st.sampled_from(["none", "none", "optimizer", "weights", "activations"]),
        "assumed": st.sampled_from([(), (), (), ("stack",), ("sequence_length",)]),
        "mean": st.sampled_from([None, 0.4]),
    }
)
PLANS = st.tuples(
    st.sampled_from(sorted(METHODS)), st.sampled_from(MODELS), st.sampled_from(CARDS), WISHES
)


def described(plan):
    """The work and the card of a drawn plan; one that is refused is not drawn."""
    name, model, card, wishes = plan
    (strategy, gpus), stack = wishes["shape"], wishes["stack"]
    request = EstimateRequest(
        gpus=gpus,
        strategy=strategy,
        **{k: v for k, v in wishes.items() if k not in ("shape", "assumed", "mean")},
    )
    reference = query.reference(stack)
    try:
        made = make_plan(request, model=model, gpu=card, method=METHODS[name], reference=reference)
        mean = wishes["mean"] and wishes["mean"] * made.sequence_length
        made = made.model_copy(update={"assumed": wishes["assumed"], "mean_sequence_length": mean})
        footprint = METHODS[name].footprint(made, model)
    except AdvisorError:
        reject()
    return Work(made, model, footprint, reference.stack), card


@settings(max_examples=300, deadline=None)
@given(PLANS)
def test_no_end_lies_below_what_every_run_of_the_plan_holds(plan):
    work, card = described(plan)
    found = memory(work, card)
    sure = LASTING if "stack" not in work.plan.assumed else LASTING[:2]
    held = sum(term.gib for term in found.terms if term.name in sure)
    for tier in (found.allocated_gib, found.reserved_gib, found.process_gib):
        assert tier.low >= held * (1 - 1e-9)


@settings(max_examples=300, deadline=None)
@given(PLANS)
def test_tiers_are_nested_at_both_ends_and_in_the_middle(plan):
    work, card = described(plan)
    found, least = memory(work, card), outside_gib(work, card).low
    for part in PARTS:
        tensors, held, process = (
            getattr(tier, part)
            for tier in (found.allocated_gib, found.reserved_gib, found.process_gib)
        )
        assert tensors <= held
        assert held + least <= process * (1 + 1e-9)


@settings(max_examples=400, deadline=None)
@given(PLANS)
def test_the_process_interval_and_the_probability_tell_the_same(plan):
    work, card = described(plan)
    tiers, outside = work.stack.tiers, outside_gib(work, card)
    found = memory(work, card)
    verdict, probability, _ = fits(found, card, outside=outside, tiers=tiers)
    room, process = usable_gib(card, tiers), found.process_gib
    assert (process.high <= room) == (probability >= 0.9 - 1e-9) == (verdict is True)
    assert (process.likely <= room) == (probability >= 0.5 - 1e-9)
    if process.low > room:
        assert probability <= 0.1 + 1e-9
        assert verdict is False
    need = needed(found, outside, tiers)
    assert all(getattr(process, part) <= max(room, getattr(need, part)) for part in PARTS)


@settings(max_examples=60, deadline=None)
@given(PLANS, st.floats(0.5, 2.0))
def test_a_corrected_memory_is_settled_again(plan, factor):
    work, card = described(plan)
    outside, tiers = outside_gib(work, card), work.stack.tiers
    found = memory(work, card)
    scaled = found.model_copy(
        update={
            "process_gib": found.process_gib.model_copy(
                update={part: factor * getattr(found.process_gib, part) for part in PARTS}
            )
        }
    )
    again = settled(scaled, card, outside, tiers)
    assert settled(again, card, outside, tiers) == again
    probability = fits(again, card, outside=outside, tiers=tiers)[1]
    assert (again.process_gib.high <= usable_gib(card, tiers)) == (probability >= 0.9 - 1e-9)
    for part in PARTS:
        assert getattr(again.reserved_gib, part) <= getattr(again.process_gib, part)


def test_what_is_known_to_the_byte_is_not_spread():
    assert uncertain_gib(20.0, 0.0, "none") == 20
    assert uncertain_gib(20.0, 15.0, "none") == pytest.approx(5 + 0.05 * 15)
    assert DOUBT["none"] <= DOUBT["traced"] < DOUBT["stack"]


def test_a_plan_that_surely_fits_does_not_reach_beyond_the_card():
    # The reviewer's plan: 85 GiB at the high end of an 80 GiB card with a probability of 0.9994.
    request = EstimateRequest(seq_len=512)
    inquiry = Inquiry(request, query.find_model("llama-3.1-8b"), {}, query.reference())
    card = query.find_gpu("a100-80gb")
    option = make_candidate(inquiry, card, METHODS["full"]).option
    assert option.probability_fits > 0.9
    assert option.memory.process_gib.high <= option.usable_gib
    assert option.memory.allocated_gib.low >= 6 * 8.03e9 / 2**30
