from dataclasses import replace
from decimal import Decimal

import pytest

from advisor.catalog import query
from advisor.catalog.serving import money
from advisor.schema.base import Interval, UsdInterval
from advisor.schema.catalog import HostedTuning, InferencePrice, Offer
from advisor.schema.estimate import EstimateRequest, Memory, Option
from advisor.schema.plan import Plan
from advisor.schema.spending import Workload
from advisor.stages.estimate.money.demand import demand
from advisor.stages.estimate.money.outlook import ONLY_MONEY, Prospects, outlook
from advisor.stages.estimate.money.rental import Supply
from advisor.stages.estimate.money.serving import self_hosted
from advisor.stages.estimate.money.shares import Spent
from advisor.stages.estimate.money.spending import spending
from advisor.stages.estimate.money.ways import ways_of

DAY = "2026-11-26"
MONEY = money()
EIGHT, SEVENTY = query.find_model("llama-3.1-8b"), query.find_model("llama-3.1-70b")
H100 = query.find_gpu("h100")
SHARES = ["baselines", "training", "evaluation", "storage", "serving"]


def usd(low, likely, high):
    return UsdInterval(low=Decimal(low), likely=Decimal(likely), high=Decimal(high))


def offer(**changes):
    base = Offer(
        gpu="h100",
        provider="p",
        kind="on_demand",
        usd_per_gpu_hour=Decimal(3),
        valid_from=DAY,
        checked=DAY,
        source="s",
    )
    return base.model_copy(update=changes)


def option(**changes):
    plan = Plan(
        model="llama-3.1-8b",
        method="lora",
        precision="bfloat16",
        base_bits=16,
        sequence_length=1000,
        micro_batch_size=1,
        learning_rate=1e-4,
        epochs=2,
        examples=1000,
        gpu="h100",
    )
    base = Option(
        objective="sft",
        method="lora",
        plan=plan,
        memory=Memory(
            allocated_gib=Interval(low=1, likely=1, high=1),
            reserved_gib=None,
            process_gib=None,
            peak_phase="backward",
            terms=(),
        ),
        gpu="h100",
        gpus=1,
        fits=True,
        probability_fits=1.0,
        headroom_gib=1.0,
        trainable_parameters=42_000_000,
        time_hours=Interval(low=1, likely=2, high=3),
        tokens_per_second=None,
        cost_usd=usd(3, 6, 9),
        offer=offer(),
    )
    return base.model_copy(update=changes)


def supply():
    return Supply((H100,), {"h100": (offer(),)}, MONEY)


def bill(calls=1000.0, **changes):
    request = EstimateRequest(calls_per_month=calls, workload=Workload(months=10))
    wish = demand(request, MONEY)
    chosen = option(**changes)
    served = self_hosted("fine_tuning", EIGHT, wish, supply())
    return spending(Spent(chosen, EIGHT, H100, wish, MONEY), served)


def share(found, name):
    return next(s for s in found.shares if s.name == name)


def test_the_whole_plan_is_named_part_by_part():
    found = bill()
    assert [s.name for s in found.shares] == SHARES
    assert found.total_usd.likely == sum(s.usd.likely for s in found.shares)
    assert found.total_usd.low <= found.total_usd.likely <= found.total_usd.high
    assert found.total_usd.high <= sum(s.usd.high for s in found.shares)
    assert all(s.formula and s.provenance.kind for s in found.shares)
    assert found.months == 10
    assert share(found, "training").usd == usd(3, 6, 9)
    assert share(found, "serving").usd.likely == 10 * 730 * 3


def test_amounts_end_at_the_cent():
    found = bill(cost_usd=usd("1.23456", "2.34567", "3.45678"))
    for amount in (s.usd for s in found.shares):
        assert amount.likely == amount.likely.quantize(Decimal("0.01"))
    assert share(found, "training").usd.likely == Decimal("2.35")


def test_storage_keeps_result_base_and_checkpoints():
    # 0.084 GB of adapter + 16.06 GB of base for 10 months, 3 checkpoints of 0.42 GB for one
    likely = (0.084 + 16.06) * 10 + 3 * 0.42
    assert float(share(bill(), "storage").usd.likely) == pytest.approx(likely * 0.07, abs=0.02)
    whole = share(bill(trainable_parameters=EIGHT.parameters), "storage")
    assert whole.usd.likely > share(bill(), "storage").usd.likely


@pytest.mark.parametrize(
    ("changes", "name", "because"),
    [
        ({"cost_usd": None}, "training", "training time is unknown"),
        ({"cost_usd": None, "offer": None}, "training", "No price"),
        ({"offer": None}, "baselines", "No price of h100"),
        ({"calls": None}, "serving", "how many calls"),
    ],
)
def test_an_unknown_part_leaves_the_total_unknown_and_says_why(changes, name, because):
    found = bill(**changes)
    assert share(found, name).usd is None
    assert because in share(found, name).because
    assert found.total_usd is None
    assert found.known_usd is not None
    assert any(because in note for note in found.notes)


def test_no_calls_cost_nothing():
    assert share(bill(calls=0.0), "serving").usd == usd(0, 0, 0)


def test_the_own_machine_costs_nothing_but_says_so():
    found = bill(offer=offer(kind="own"), cost_usd=usd(0, 0, 0))
    for name in ("baselines", "training", "evaluation", "storage"):
        assert share(found, name).usd.high == 0
    assert any("power" in note for note in found.notes)


def test_more_samples_and_longer_prompts_make_evaluation_dearer():
    def baselines(**tokens):
        wish = demand(EstimateRequest(workload=Workload(**tokens)), MONEY)
        return share(spending(Spent(option(), EIGHT, H100, wish, MONEY), None), "baselines").usd

    small = baselines(evaluation_samples=1000)
    assert baselines(evaluation_samples=4000).likely > 3 * small.likely
    assert baselines(evaluation_samples=1000, shots_tokens=8000).likely > small.likely


def test_unpriced_serving_is_unknown():
    wish = demand(EstimateRequest(calls_per_month=5), MONEY)
    found = spending(Spent(option(), EIGHT, H100, wish, MONEY), None)
    assert "No priced GPU" in share(found, "serving").because


def prospects(calls=100_000.0):
    dated = {"valid_from": DAY, "checked": "2026-01-01", "source": "s"}
    return Prospects(
        request=EstimateRequest(calls_per_month=calls, as_of=DAY),
        model=EIGHT,
        supply=supply(),
        hosted=(
            HostedTuning(
                provider="tokens",
                model="llama-3.1-8b",
                usd_per_million_training_tokens=Decimal("0.40"),
                usd_per_million_input_tokens=Decimal("0.13"),
                usd_per_million_output_tokens=Decimal("0.40"),
                parameters=8_030_000_000,
                **dated,
            ),
        ),
        inference=(
            InferencePrice(
                provider="closed",
                model=MONEY.large_model,
                usd_per_million_input_tokens=Decimal(2),
                usd_per_million_output_tokens=Decimal(8),
                **dated,
            ),
        ),
        large=SEVENTY,
    )


def test_the_outlook_sets_every_way_beside_tuning():
    found = outlook(prospects(), option(), H100)
    ways = [(s.approach, s.is_hosted) for s in found.serving]
    assert ways == [
        ("prompting", True),
        ("prompting", False),
        ("few_shot", False),
        ("rag", False),
        ("fine_tuning", False),
        ("fine_tuning", True),
    ]
    assert found.tuned.gpu == "h100"
    assert found.hosted[0].training_usd == Decimal("0.80")
    assert {b.against.split()[0] for b in found.break_even} == {"prompting", "few-shot", "RAG"}
    assert ONLY_MONEY in found.notes
    assert any("2026-01-01" in n for s in found.serving if s.is_hosted for n in s.notes)


def test_waiting_gpus_move_the_break_even_far_out():
    found = outlook(prospects(), option(), H100).break_even
    rented, by_token = (
        next(b for b in found if b.against.startswith("prompting") and end in b.tuned)
        for end in ("h100", "tokens")
    )
    assert rented.calls_per_month.likely > 100 * by_token.calls_per_month.likely
    assert "GPUs that wait" in rented.because


def test_an_encoder_writes_nothing_and_is_shown_nothing():
    told = prospects()
    encoder = replace(told, model=EIGHT.model_copy(update={"kind": "encoder"}))
    found = outlook(encoder, option(), H100)
    assert {s.approach for s in found.serving} == {"prompting", "fine_tuning"}
    assert found.tuned.answer_tokens == 0
    writing = outlook(told, option(), H100).tuned
    assert found.tuned.calls_per_second.likely > writing.calls_per_second.likely


def test_without_an_option_there_is_serving_but_no_break_even():
    found = outlook(prospects(), None)
    assert found.spending is None
    assert found.hosted == ()
    assert found.break_even == ()
    assert found.serving


def test_ways_of_answering_are_found_once_per_demand_and_never_mixed_up():
    first, other = prospects(), prospects(calls=7.0)
    other = replace(other, supply=first.supply, hosted=first.hosted, inference=first.inference)
    fresh = outlook(first, option(), H100)
    assert ways_of(first) is ways_of(first)
    assert ways_of(other) is not ways_of(first)
    assert outlook(other, option(), H100).break_even != fresh.break_even
    assert outlook(first, option(), H100) == fresh
    copied = replace(first, model=EIGHT.model_copy())
    assert ways_of(copied).untuned is ways_of(first).untuned
    larger = replace(first, model=SEVENTY.model_copy(update={"id": EIGHT.id}))
    assert ways_of(larger).tuned != ways_of(first).tuned


def test_the_plans_own_pair_comes_first_and_both_carry_the_whole_setup():
    found = outlook(prospects(), option(), H100)
    assert [b.served for b in found.break_even] == [
        *3 * ["served on 1 x h100"],
        *3 * ["tuned and served at tokens"],
    ]
    shares = {share.name: share.usd for share in found.spending.shares}
    own, hosted = found.break_even[0].setup_usd, found.break_even[3].setup_usd
    before = [shares[name] for name in ("baselines", "training", "evaluation", "storage")]
    assert own.likely == sum(usd.likely for usd in before)
    assert own.likely - shares["training"].likely == hosted.likely - found.hosted[0].training_usd


def test_what_nobody_stated_spreads_the_volume_and_is_told():
    guessed = outlook(prospects(), option(), H100).break_even[3]
    assert guessed.calls_per_month.low < 0.5 * guessed.calls_per_month.likely
    assert any("150 of instruction (50-1000)" in text for text in guessed.assumed)
    told = Workload(instruction_tokens=150, input_tokens=200, answer_tokens=100, months=12)
    stated = prospects()
    stated = replace(stated, request=stated.request.model_copy(update={"workload": told}))
    known = outlook(stated, option(), H100).break_even[3]
    assert known.calls_per_month.likely == guessed.calls_per_month.likely
    assert known.calls_per_month.low > guessed.calls_per_month.low
    assert known.calls_per_month.high < guessed.calls_per_month.high
    assert not any("of instruction" in text or "months" in text for text in known.assumed)
