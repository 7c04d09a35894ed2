from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import query
from advisor.errors import PlanError
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import Gpu, ModelCard, Offer
from advisor.schema.estimate import EstimateRequest
from advisor.schema.machine import MachineFacts
from advisor.stages.estimate.candidate import Inquiry
from advisor.stages.estimate.memory.fit import probability_below
from advisor.stages.estimate.memory.tiers import memory
from advisor.stages.estimate.memory.timeline import phase_terms
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.money.cost import best_offer, billed_gpus, cost, is_stale
from advisor.stages.estimate.plan.planning import make_plan, recipe_for
from advisor.stages.estimate.stage import estimate
from trainers.methods.full import FullMethod
from trainers.methods.lora import LoraMethod
from trainers.methods.qlora import QloraMethod

METHODS = {"full": FullMethod(), "lora": LoraMethod(), "qlora": QloraMethod()}
DAY = "2026-11-25"
REFERENCE = query.reference()
CARD = query.find_model("8b")
H100 = query.find_gpu("h100")
T4 = query.find_gpu("t4")
CPU = Gpu(
    id="local", name="CPU", memory_gib=16, is_cpu=True, provenance=Provenance(kind="measured")
)


def offer(**changes):
    base = Offer(
        gpu="h100",
        provider="p",
        kind="on_demand",
        usd_per_gpu_hour=Decimal(2),
        valid_from=DAY,
        checked=DAY,
        source="s",
    )
    return base.model_copy(update=changes)


def priced(*, model=CARD, gpus=(H100,), offers=None, **wishes):
    request = EstimateRequest(as_of=DAY, **wishes)
    given_offers = {"h100": (offer(),)} if offers is None else offers
    return estimate(Inquiry(request, model, given_offers, REFERENCE), gpus=gpus, methods=METHODS)


def peak(name, *, model=CARD, **wishes):
    method, request = METHODS[name], EstimateRequest(**wishes)
    plan = make_plan(request, model=model, gpu=H100, method=method, reference=REFERENCE)
    work = Work(plan, model, method.footprint(plan, model), REFERENCE.stack)
    return memory(work, H100).allocated_gib.likely


def small_model(layers=4, hidden=256):
    return ModelCard(
        id="made-up",
        architecture="LlamaForCausalLM",
        hidden_size=hidden,
        layers=layers,
        attention_heads=4,
        key_value_heads=2,
        head_dim=hidden // 4,
        intermediate_size=3 * hidden,
        vocabulary_size=8000,
        parameters=16000 * hidden + layers * 12 * hidden * hidden,
        provenance=Provenance(kind="assumed"),
    )


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("length", [128, 2048, 16384])
def test_terms_of_the_peak_phase_sum_to_the_likely_allocation(method, length):
    for option in priced(methods=(method,), seq_len=length).options:
        needed = option.memory
        assert sum(t.gib for t in needed.terms) == pytest.approx(needed.allocated_gib.likely)
        assert all(t.gib >= 0 for t in needed.terms)
        assert all(t.formula and t.provenance.source for t in needed.terms)


def test_tiers_rise():
    needed = priced(methods=("lora",)).options[0].memory
    likely = [needed.allocated_gib, needed.reserved_gib, needed.process_gib]
    assert [i.likely for i in likely] == sorted(i.likely for i in likely)


SIZES = st.integers(min_value=1, max_value=64)
LENGTHS = st.integers(min_value=1, max_value=4096)
NAMES = st.sampled_from(sorted(METHODS))
LOSSES = st.sampled_from(["chunked", "stock"])


@settings(max_examples=40, deadline=None)
@given(NAMES, LOSSES, st.booleans(), SIZES, LENGTHS, st.integers(1, 64))
def test_memory_never_falls_when_anything_grows(method, loss, checkpointing, batch, length, rank):
    wishes = {
        "batch_size": batch,
        "seq_len": length,
        "rank": rank,
        "loss_head": loss,
        "gradient_checkpointing": checkpointing,
    }
    before = peak(method, model=small_model(), **wishes)
    assert peak(method, model=small_model(), **wishes | {"batch_size": batch + 1}) >= before
    assert peak(method, model=small_model(), **wishes | {"seq_len": length + 1}) >= before
    assert peak(method, model=small_model(), **wishes | {"rank": rank + 1}) >= before
    assert peak(method, model=small_model(layers=5), **wishes) >= before
    assert peak(method, model=small_model(hidden=260), **wishes) >= before


@settings(max_examples=30, deadline=None)
@given(NAMES, SIZES, LENGTHS)
def test_checkpointing_and_more_devices_never_need_more(method, batch, length):
    wishes = {"batch_size": batch, "seq_len": length}
    checked = peak(method, gradient_checkpointing=True, **wishes)
    assert checked <= peak(method, gradient_checkpointing=False, **wishes) + 1e-9
    by_strategy = [
        peak(method, gpus=8, strategy=name, **wishes) for name in ("ddp", "zero1", "zero2")
    ]
    assert by_strategy == sorted(by_strategy, reverse=True)


def test_full_tuning_takes_eight_bytes_per_parameter_and_ten_with_foreach():
    per_parameter = CARD.parameters / 2**30
    wishes = {"seq_len": 512, "grad_accum": 1, "loss_head": "stock"}
    fused = peak("full", **wishes) / per_parameter
    foreach = peak("full", optimizer="adamw_torch", **wishes) / per_parameter
    assert fused == pytest.approx(8.0, abs=0.05)
    assert foreach == pytest.approx(10.0, abs=0.05)


def test_accumulation_keeps_the_gradients_of_full_tuning_alive():
    wishes = {"seq_len": 8192, "batch_size": 4}
    assert peak("full", grad_accum=2, **wishes) > peak("full", grad_accum=1, **wishes)


def test_the_method_brings_its_own_terms():
    plan = priced(methods=("qlora",)).options[0].plan
    footprint = METHODS["qlora"].footprint(plan, CARD)
    work = Work(plan, CARD, footprint, REFERENCE.stack)
    names = {t.name for t in phase_terms(work)["backward"]}
    assert {"unpacked layer", "adapter inputs"} <= names
    bare = Work(plan, CARD, footprint.model_copy(update={"extra_terms": ()}), REFERENCE.stack)
    assert "unpacked layer" not in {t.name for t in phase_terms(bare)["backward"]}


def test_hours_are_tokens_over_speed_and_money_is_hours_times_price():
    option = priced(methods=("lora",), tokens=1_000_000, epochs=2).options[0]
    seconds = 2_000_000 / option.tokens_per_second.likely
    assert option.steps_hours.likely == pytest.approx(seconds / 3600)
    assert sum(p.hours.likely for p in option.time_parts) == pytest.approx(option.time_hours.likely)
    assert float(option.cost_usd.likely) == pytest.approx(2 * option.time_hours.likely, abs=1e-4)
    assert option.plan.examples is None


@pytest.mark.parametrize(
    ("limit", "expected"), [(9.0, 0.1), (10.0, 0.5), (12.0, 0.9), (0.0, 0.0), (100.0, 1.0)]
)
def test_probability_follows_the_interval(limit, expected):
    interval = Interval(low=9, likely=10, high=12)
    assert probability_below(interval, limit) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.floats(1, 100),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
    st.floats(0, 200),
    st.floats(0, 50),
)
def test_probability_rises_with_the_card(likely, down, up, card, more):
    interval = Interval(low=likely * (1 - down), likely=likely, high=likely * (1 + up))
    assert probability_below(interval, card) <= probability_below(interval, card + more)


def test_verdicts_yes_no_and_uncertain():
    assert priced(methods=("lora",)).options[0].fits is True
    option = priced(methods=("full",)).options[0]
    just_enough = H100.model_copy(update={"memory_gib": H100.memory_gib - option.headroom_gib})
    assert priced(methods=("full",), gpus=(just_enough,)).options[0].fits == "uncertain"
    assert priced(methods=("full",), gpus=(T4,)).options[0].fits is False


def test_the_cheapest_fitting_option_comes_first_and_is_recommended():
    offers = {"h100": (offer(),), "t4": (offer(gpu="t4", usd_per_gpu_hour=Decimal("0.01")),)}
    found = priced(gpus=(H100, T4), offers=offers)
    best = found.options[found.recommended]
    assert (found.recommended, best.gpu, best.method, best.fits) == (0, "t4", "qlora", True)
    order = [{True: 0, "uncertain": 1, False: 2}[o.fits] for o in found.options]
    assert order == sorted(order)


def test_over_budget_is_not_recommended_and_says_what_it_costs():
    found = priced(methods=("lora",), budget_usd=Decimal("0.01"))
    assert found.recommended is None
    assert "breaks a limit: about $" in found.nearest


def test_too_slow_is_not_recommended():
    assert priced(methods=("lora",), max_hours=0.001).recommended is None
    assert priced(methods=("lora",), max_hours=100).recommended == 0


def test_nothing_fits_names_the_nearest_plan_and_it_really_fits():
    found = priced(methods=("lora",), gpus=(T4,), offers={})
    assert found.recommended is None
    assert "lora on 2 x t4 (fsdp) with batch 1 and 2048 tokens would fit" in found.nearest
    again = priced(methods=("lora",), gpus=(T4,), offers={}, batch_size=1)
    assert again.options[0].fits is False


def test_a_shorter_sequence_is_offered_before_more_cards():
    found = priced(methods=("qlora",), gpus=(T4,), offers={}, seq_len=65536)
    assert "qlora on t4 with batch 1" in found.nearest


def test_without_price_the_cost_is_unknown_not_zero():
    option = priced(methods=("lora",), offers={}).options[0]
    assert option.cost_usd is None
    assert any("its cost is unknown" in w for w in option.warnings)


def test_a_limit_on_an_unknown_figure_is_warned_of():
    wishes = {"budget_usd": Decimal(5), "max_hours": 3}
    [unpriced] = priced(methods=("lora",), offers={}, **wishes).options
    told = " ".join(unpriced.warnings)
    assert "keeps to the budget of $5 is unknown" in told
    assert "hours is unknown" not in told
    offers = {"local": query.offers("local", DAY)}
    [timeless] = priced(
        model=small_model(), gpus=(CPU,), offers=offers, methods=("lora",), **wishes
    ).options
    told = " ".join(timeless.warnings)
    assert "keeps to the limit of 3 hours is unknown" in told
    assert "budget" not in told


def test_dense_models_are_all_active():
    found = priced(methods=("lora",))
    assert found.model.active_parameters == found.model.parameters == CARD.parameters


def test_a_large_model_on_a_processor_is_warned_of():
    offers = {"local": query.offers("local", DAY)}
    [option] = priced(gpus=(CPU,), offers=offers, methods=("lora",)).options
    assert CARD.parameters > 1_000_000_000
    assert any("does not train on a processor in useful time" in w for w in option.warnings)
    [small] = priced(model=small_model(), gpus=(CPU,), offers=offers, methods=("lora",)).options
    assert not any("in useful time" in w for w in small.warnings)


def test_a_cpu_costs_nothing_and_its_time_is_unknown():
    offers = {"local": query.offers("local", DAY)}
    found = priced(model=small_model(), gpus=(CPU,), offers=offers)
    option = found.options[found.recommended]
    assert option.method == "lora"
    assert option.plan.precision == "float32"
    assert option.cost_usd.likely == 0
    assert option.time_hours is None
    assert any("time on this CPU is unknown" in w for w in option.warnings)
    assert option.memory.reserved_gib is None


def test_a_tiny_model_gets_the_tiny_recipe():
    plan = priced(model=small_model(), gpus=(CPU,), offers={}, methods=("lora",)).options[0].plan
    assert (plan.rank, plan.learning_rate, plan.micro_batch_size, plan.epochs) == (16, 0.004, 8, 6)
    assert plan.reasons["learning_rate"] == "recipe lora-tiny"


def test_a_flag_beats_the_recipe_and_says_so():
    plan = priced(methods=("lora",), rank=64, learning_rate=1e-5).options[0].plan
    assert (plan.rank, plan.alpha, plan.learning_rate) == (64, 128.0, 1e-5)
    assert plan.reasons["rank"] == "--rank"


def test_a_card_without_bfloat16_changes_the_precision():
    by_method = {o.method: o.plan.precision for o in priced(gpus=(T4,), offers={}).options}
    assert by_method == {"full": "float32", "lora": "float16", "qlora": "float16"}


def test_a_blocked_method_is_not_recommended():
    found = priced(
        methods=("full",), gpus=(query.find_gpu("b300"),), offers={}, precision="float16"
    )
    assert found.options[0].fits is True
    assert found.recommended is None
    assert any("float16" in w for w in found.options[0].warnings)


def test_slow_four_bit_is_told_on_a_cpu_only():
    machine = MachineFacts(gpus=0, memory_gib=16)
    local = priced(model=small_model(), gpus=(CPU,), offers={}, methods=("qlora",), machine=machine)
    rented = priced(methods=("qlora",), machine=machine)
    assert any("Without a GPU" in w for w in local.options[0].warnings)
    assert not any("Without a GPU" in w for w in rented.options[0].warnings)


@pytest.mark.parametrize(
    "wishes",
    [
        {"strategy": "ddp"},
        {"strategy": "single", "gpus": 2},
        {"optimizer": "adamsky"},
        {"target_modules": "q_proj,router"},
        {"seq_len": 10_000_000},
    ],
)
def test_contradictions_are_told(wishes):
    cards = wishes.pop("gpus", 1)
    request = EstimateRequest(methods=("lora",), as_of=DAY, gpus=cards, **wishes)
    with pytest.raises(PlanError) as caught:
        estimate(Inquiry(request, CARD, {}, REFERENCE), gpus=(H100,), methods=METHODS)
    assert caught.value.hint


def test_no_recipe_is_told():
    with pytest.raises(PlanError, match="no recipe for method 'full'"):
        recipe_for((), METHODS["full"].info, 10)


def test_a_method_without_a_recipe_takes_that_of_its_kin():
    dora = METHODS["lora"].info.model_copy(update={"id": "dora"})
    assert recipe_for(REFERENCE.recipes, dora, 10**9).id == "lora"


def test_whole_machines_are_paid_for():
    eight = offer(gpus=8)
    assert billed_gpus(eight, 1) == 8
    assert billed_gpus(eight, 9) == 16
    option = priced(methods=("lora",), offers={"h100": (eight,)}).options[0]
    assert any("all 8 are paid for" in w for w in option.warnings)


def test_a_firm_offer_is_preferred_to_a_cheaper_loose_one():
    loose = offer(kind="spot", usd_per_gpu_hour=Decimal("0.1"))
    assert best_offer([loose, offer()], 1).kind == "on_demand"
    assert best_offer([loose], 1).kind == "spot"
    assert best_offer([], 1) is None


def test_money_of_unknown_time_is_unknown():
    assert cost(offer(), None, 1) is None
    assert cost(None, Interval(low=1, likely=1, high=1), 1) is None


@pytest.mark.parametrize(("days", "stale"), [(30, False), (31, True)])
def test_a_price_is_stale_after_thirty_days(days, stale):
    day = date.fromordinal(date.fromisoformat(DAY).toordinal() - days).isoformat()
    assert is_stale(offer(checked=day), DAY) is stale
    option = priced(methods=("lora",), offers={"h100": (offer(checked=day),)}).options[0]
    assert any("last checked" in w for w in option.warnings) is stale


def test_the_embedded_kind_of_plan_is_complete():
    recipe = recipe_for(REFERENCE.recipes, METHODS["lora"].info, 2_000_000)
    plan = make_plan(
        EstimateRequest(),
        model=small_model(),
        gpu=CPU,
        method=METHODS["lora"],
        reference=REFERENCE,
    )
    assert set(recipe.settings) <= set(plan.reasons)
