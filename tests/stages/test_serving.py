from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import query
from advisor.catalog.serving import money
from advisor.errors import PriceMissingError
from advisor.schema.catalog import HostedTuning, InferencePrice, Offer
from advisor.schema.estimate import EstimateRequest
from advisor.schema.spending import Workload
from advisor.stages.estimate.money.cost import best_offer, usd_per_hour
from advisor.stages.estimate.money.decoding import Server, shares
from advisor.stages.estimate.money.demand import demand
from advisor.stages.estimate.money.hosted import (
    hosted,
    hosted_beside,
    hosted_tuned,
    hosting_notes,
    is_near,
    prompted_by_token,
    sized_by_token,
)
from advisor.stages.estimate.money.rental import COUNTS, LOOSE, Supply, asked, cheapest_rental
from advisor.stages.estimate.money.serving import at_volume, self_hosted

DAY = "2026-11-26"
MONEY = money()
EIGHT, SEVENTY = query.find_model("llama-3.1-8b"), query.find_model("llama-3.1-70b")
GPUS = tuple(query.find_gpu(name) for name in ("t4", "l4", "l40s", "h100"))
RATES = {"t4": "0.30", "l4": "0.70", "l40s": "1.10", "h100": "3.00"}


def offer(gpu, usd, **changes):
    base = Offer(
        gpu=gpu,
        provider="p",
        kind="on_demand",
        usd_per_gpu_hour=Decimal(usd),
        valid_from=DAY,
        checked=DAY,
        source="s",
    )
    return base.model_copy(update=changes)


SUPPLY = Supply(GPUS, {gpu: (offer(gpu, usd),) for gpu, usd in RATES.items()}, MONEY)


def wish(calls=None, **tokens):
    request = EstimateRequest(calls_per_month=calls, workload=Workload(**tokens))
    return demand(request, MONEY)


def token_price(**changes):
    base = InferencePrice(
        provider="p",
        model="big",
        usd_per_million_input_tokens=Decimal(2),
        usd_per_million_output_tokens=Decimal(8),
        valid_from=DAY,
        checked=DAY,
        source="s",
    )
    return base.model_copy(update=changes)


def tuning(**changes):
    base = HostedTuning(
        provider="p",
        model="llama-3.1-8b",
        usd_per_million_training_tokens=Decimal("0.40"),
        parameters=8_030_000_000,
        valid_from=DAY,
        checked=DAY,
        source="s",
    )
    return base.model_copy(update=changes)


def test_prompts_differ_by_approach():
    asked = wish(instruction_tokens=10, input_tokens=20, shots_tokens=300, passages_tokens=500)
    prompts = {a: asked.call(a).prompt for a in ("prompting", "few_shot", "rag", "fine_tuning")}
    assert prompts == {"prompting": 30, "few_shot": 330, "rag": 530, "fine_tuning": 20}


def test_what_is_assumed_is_said():
    assert any("150 of instruction" in note for note in wish().assumptions)
    stated = wish(
        instruction_tokens=1,
        input_tokens=1,
        answer_tokens=1,
        shots_tokens=1,
        passages_tokens=1,
        months=6,
    )
    assert stated.assumptions == ()
    assert stated.months == 6


def test_longer_prompts_cost_more_and_need_more_memory():
    asked = wish(calls=5e7)
    tuned, rag, shots = (
        self_hosted(a, EIGHT, asked, SUPPLY) for a in ("fine_tuning", "rag", "few_shot")
    )
    per_call = [s.usd_per_thousand_calls.likely for s in (tuned, shots, rag)]
    assert per_call == sorted(per_call)
    assert per_call[2] > 3 * per_call[0]
    same_card = [
        self_hosted(a, EIGHT, asked, Supply(GPUS[3:], SUPPLY.offers, MONEY)).memory_gib.likely
        for a in ("fine_tuning", "rag", "few_shot")
    ]
    assert same_card == sorted(same_card)


def test_a_large_model_needs_more_gpus_and_money():
    asked = wish(calls=1e6)
    small = self_hosted("fine_tuning", EIGHT, asked, SUPPLY)
    large = self_hosted("prompting", SEVENTY, asked, SUPPLY)
    assert large.gpus > small.gpus
    assert large.memory_gib.likely > 8 * small.memory_gib.likely
    assert large.minimum_usd_per_month.likely > small.minimum_usd_per_month.likely
    assert large.usd_per_month.likely > small.usd_per_month.likely


def test_paid_hours_are_a_floor_and_idle_ones_are_told():
    few = self_hosted("fine_tuning", EIGHT, wish(calls=1000), SUPPLY)
    assert few.usd_per_month == few.minimum_usd_per_month
    assert few.usd_per_month.likely == Decimal("1.10") * 730
    assert few.idle_share > 0.99
    assert any("idle more than 99%" in note for note in few.notes)
    many = self_hosted("fine_tuning", EIGHT, wish(calls=1e9), SUPPLY)
    assert many.usd_per_month.likely > many.minimum_usd_per_month.likely
    assert many.idle_share == pytest.approx(0.6, abs=0.01)
    assert not any("idle" in note for note in many.notes)


def test_without_a_volume_the_price_is_that_of_a_filled_server():
    found = self_hosted("fine_tuning", EIGHT, wish(), SUPPLY)
    assert found.usd_per_month is None
    assert found.idle_share is None
    assert found.usd_per_thousand_calls == found.filled_usd_per_thousand_calls


def test_more_calls_may_ask_for_another_card():
    names = {self_hosted("few_shot", EIGHT, wish(calls=c), SUPPLY).gpu for c in (10, 1e9)}
    assert len(names) == 2


def test_cards_without_bfloat16_or_price_are_left_out():
    only = Supply(GPUS[:1], SUPPLY.offers, MONEY)
    assert self_hosted("fine_tuning", EIGHT, wish(), only) is None
    unpriced = Supply(GPUS, {}, MONEY)
    assert self_hosted("fine_tuning", EIGHT, wish(), unpriced) is None
    own = Supply(GPUS, {"h100": (offer("h100", "0", kind="own"),)}, MONEY)
    assert self_hosted("fine_tuning", EIGHT, wish(), own) is None


def test_loose_prices_count_only_where_there_is_no_other():
    offers = {"l4": (offer("l4", "0.10", kind="spot"),), "h100": (offer("h100", "3.00"),)}
    assert self_hosted("fine_tuning", EIGHT, wish(), Supply(GPUS, offers, MONEY)).gpu == "h100"
    del offers["h100"]
    loose = self_hosted("fine_tuning", EIGHT, wish(), Supply(GPUS, offers, MONEY))
    assert loose.gpu == "l4"
    assert any("spot" in note for note in loose.notes)


def test_cards_on_which_one_caller_waits_too_long_are_the_last_choice():
    long = wish(instruction_tokens=0, input_tokens=20_000, concurrent_calls=1)
    cheap = {"l4": (offer("l4", "0.10"),), "l40s": (offer("l40s", "1.10"),)}
    fast = self_hosted("fine_tuning", EIGHT, long, Supply(GPUS, cheap, MONEY))
    slow = self_hosted("fine_tuning", EIGHT, long, Supply(GPUS[:2], cheap, MONEY))
    assert fast.gpu == "l40s"
    assert slow.gpu == "l4"
    assert slow.minimum_usd_per_month.likely < fast.minimum_usd_per_month.likely
    assert any("waits longer" in note for note in slow.notes)
    assert not any("waits longer" in note for note in fast.notes)


def _every_rank(approach, model, wanted, supply):
    """All servers that may be chosen: of each kind the fewest GPUs that fit and twice as many."""
    likely, call = shares(MONEY)[1], asked(approach, model, wanted)
    hours, busy = MONEY.hours_per_month.interval.likely, MONEY.busy_share.interval.likely
    for gpu in supply.gpus:
        servers = [Server(model, gpu, count, wanted.bits) for count in COUNTS]
        fitting = [s for s in servers if s.fits(call, wanted.concurrent_calls, MONEY)][:2]
        for server in fitting if gpu.bf16_tflops and not gpu.is_cpu else []:
            best = best_offer(supply.offers.get(gpu.id, ()), server.gpus)
            if best is None or not server.is_known:
                continue
            per_hour = float(usd_per_hour(best, server.gpus))
            seconds = server.seconds(call, server.concurrent(call, MONEY, likely), likely)
            per_call = per_hour * seconds / 3600 / busy
            month = max(per_hour * hours, per_call * (wanted.calls_per_month or 0))
            slow = not server.keeps_pace(call, MONEY, likely)
            yield slow, best.kind in LOOSE, month, per_call, gpu.id, server.gpus


@pytest.mark.parametrize("name", ["0.5b", "8b", "70b", "deepseek-v3"])
@pytest.mark.parametrize("calls", [None, 1000, 1e8])
@pytest.mark.parametrize("tokens", [100, 30_000])
def test_no_server_that_was_not_looked_at_is_better(name, calls, tokens):
    model, wanted = query.find_model(name), wish(calls, input_tokens=tokens)
    cards = query.gpus()
    supply = Supply(cards, {card.id: offers_of(card.id) for card in cards}, MONEY)
    for approach in ("prompting", "rag", "fine_tuning"):
        found = cheapest_rental(approach, model, wanted, supply)
        best = min(_every_rank(approach, model, wanted, supply), default=None)
        chosen = None if found is None else (found.server.gpu.id, found.server.gpus)
        assert chosen == (None if best is None else best[4:])


def offers_of(name):
    try:
        return query.offers(name, DAY)
    except PriceMissingError:
        return ()


def test_fewer_bits_need_less_memory():
    wide, narrow = (
        self_hosted("fine_tuning", EIGHT, wish(bits=bits), Supply(GPUS[3:], SUPPLY.offers, MONEY))
        for bits in (16, 4)
    )
    assert narrow.memory_gib.likely < 0.6 * wide.memory_gib.likely


def test_tokens_at_a_provider_are_exact():
    asked = wish(calls=1000, instruction_tokens=0, input_tokens=1000, answer_tokens=500)
    found = hosted("prompting", token_price(), asked, MONEY)
    assert found.usd_per_thousand_calls.likely == Decimal("6.0000")
    assert found.usd_per_month.high == Decimal("6.00")
    assert found.minimum_usd_per_month.likely == 0
    assert found.memory_gib is None
    assert found.idle_share is None


def test_what_prompts_share_is_cheaper_where_calls_come_often():
    kept = token_price(usd_per_million_cached_tokens=Decimal("0.50"))
    tokens = {
        "instruction_tokens": 200,
        "shots_tokens": 1800,
        "input_tokens": 0,
        "answer_tokens": 0,
    }
    rare, often = (hosted("few_shot", kept, wish(c, **tokens), MONEY) for c in (1000, 10_000))
    for found in (rare, often):
        assert found.filled_usd_per_thousand_calls.low == 1
        assert found.filled_usd_per_thousand_calls.high == 4
    assert rare.filled_usd_per_thousand_calls.likely == 4
    assert often.filled_usd_per_thousand_calls.likely == 1
    tokens["shots_tokens"] = 800
    short = hosted("few_shot", kept, wish(10_000, **tokens), MONEY)
    assert short.filled_usd_per_thousand_calls.low == 2


def test_own_servers_read_what_prompts_share_once():
    h100 = Supply(GPUS[3:], SUPPLY.offers, MONEY)
    shown = wish(instruction_tokens=0, shots_tokens=3000, passages_tokens=3000)
    shots, rag = (self_hosted(a, EIGHT, shown, h100) for a in ("few_shot", "rag"))
    assert shots.prompt_tokens == rag.prompt_tokens
    assert shots.calls_per_second.likely > 1.5 * rag.calls_per_second.likely
    assert shots.calls_per_second.low == pytest.approx(rag.calls_per_second.low, rel=0.3)


def test_long_prompts_reach_the_dearer_tier():
    prices = [token_price(), token_price(above_prompt_tokens=200, provider="p")]
    prices[1] = prices[1].model_copy(update={"usd_per_million_input_tokens": Decimal(4)})
    short, long = (
        prompted_by_token(prices, "big", wish(instruction_tokens=0, input_tokens=n), MONEY).serving
        for n in (100, 400)
    )
    assert short.provenance.kind == "table"
    assert long.usd_per_thousand_calls.likely - Decimal("0.8") == Decimal("1.6")
    assert short.usd_per_thousand_calls.likely - Decimal("0.8") == Decimal("0.2")
    assert prompted_by_token(prices, "other", wish(), MONEY) is None


def test_open_models_of_the_size_are_priced_with_examples_and_with_passages():
    bracket = token_price(model="up to 16B", up_to_parameters=16_000_000_000)
    dear = bracket.model_copy(update={"provider": "q", "usd_per_million_input_tokens": Decimal(3)})
    both = ("few_shot", "rag")
    found = sized_by_token([dear, bracket], EIGHT.parameters, wish(), MONEY, approaches=both)
    assert [(q.serving.approach, q.price.provider) for q in found] == [
        ("few_shot", "p"),
        ("rag", "p"),
    ]
    assert sized_by_token([bracket], SEVENTY.parameters, wish(), MONEY, approaches=both) == ()
    tuned = bracket.model_copy(update={"is_tuned": True})
    assert sized_by_token([tuned], EIGHT.parameters, wish(), MONEY, approaches=both) == ()


@pytest.mark.parametrize(
    ("price", "near"),
    [
        (tuning(), True),
        (tuning(parameters=7_000_000_000), True),
        (tuning(parameters=3_000_000_000), False),
        (tuning(parameters=None), False),
        (tuning(parameters=None, up_to_parameters=16_000_000_000), True),
        (tuning(parameters=None, at_least_parameters=16_000_000_001), False),
    ],
)
def test_nearness_in_size(price, near):
    assert is_near(price, EIGHT.parameters) is near


def test_hosted_tuning_is_priced_for_the_requests_tokens_cheapest_first():
    prices = [
        tuning(provider="dear", usd_per_million_training_tokens=Decimal("0.67")),
        tuning(),
        tuning(provider="closed", model="gpt-4.1-mini", parameters=None),
        tuning(provider="far", parameters=70_000_000_000),
        tuning(provider="whole", methods=("full",)),
    ]
    found = hosted_beside(prices, parameters=EIGHT.parameters, tokens=2.5e6, money=MONEY)
    assert [p.provider for p in found] == ["closed", "p", "dear"]
    assert found[1].training_usd == Decimal("1.00")
    whole = hosted_beside(prices, parameters=EIGHT.parameters, tokens=1, money=MONEY, method="full")
    assert "whole" in {p.provider for p in whole}


def test_hours_of_hosting_are_told():
    assert hosting_notes([], 12, MONEY) == ()
    assert len(hosting_notes([tuning()], 12, MONEY)) == 1
    by_hour = tuning(hosting_usd_per_hour=Decimal("3.99"))
    assert "$34,952.40 in 12 months" in hosting_notes([by_hour], 12, MONEY)[1]


def test_a_tuned_model_without_token_price_is_not_served_by_token():
    assert hosted_tuned(tuning(), wish()) is None
    known = tuning(
        usd_per_million_input_tokens=Decimal("0.13"), usd_per_million_output_tokens=Decimal("0.40")
    )
    found = hosted_tuned(known, wish(input_tokens=1000, answer_tokens=1000))
    assert found.usd_per_thousand_calls.likely == Decimal("0.53")
    assert found.approach == "fine_tuning"


@settings(max_examples=30, deadline=None)
@given(calls=st.floats(1, 1e9), more=st.floats(1, 10), prompt=st.floats(1, 4000))
def test_a_month_never_gets_cheaper_with_calls_or_longer_prompts(calls, more, prompt):
    supply = Supply(GPUS[3:], SUPPLY.offers, MONEY)
    asked = {"instruction_tokens": 0, "input_tokens": prompt}
    base = self_hosted("prompting", EIGHT, wish(calls, **asked), supply)
    busier = at_volume(self_hosted("prompting", EIGHT, wish(**asked), supply), calls * more)
    asked["input_tokens"] = prompt * more
    longer = self_hosted("prompting", EIGHT, wish(calls, **asked), supply)
    for end in ("low", "likely", "high"):
        usd = getattr(base.usd_per_month, end)
        assert usd <= getattr(busier.usd_per_month, end)
        if longer.gpus == base.gpus:
            assert usd <= getattr(longer.usd_per_month, end)
        assert usd == usd.quantize(Decimal("0.01"))
    assert base.usd_per_month.low <= base.usd_per_month.likely <= base.usd_per_month.high
