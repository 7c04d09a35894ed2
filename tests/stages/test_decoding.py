import csv
import math
import statistics
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import query
from advisor.catalog.serving import money
from advisor.stages.estimate.money.decoding import Call, Server, cache_bytes, shares, weight_bytes

MONEY = money()
LIKELY = shares(MONEY)[1]
EIGHT = query.find_model("llama-3.1-8b")
SEVENTY = query.find_model("llama-3.1-70b")
H100 = query.find_gpu("h100")
ROWS = Path(__file__).parents[1] / "golden" / "serving.csv"
OFFLINE_CALLS = 2048
"""What an offline benchmark holds at once where memory allows; the rows that name none are such."""

lengths = st.floats(1, 8000)


def server(model=EIGHT, gpu=H100, gpus=1, bits=16):
    return Server(model=model, gpu=gpu, gpus=gpus, bits=bits)


def published():
    with ROWS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = server(
                query.find_model(row["model"]),
                query.find_gpu(row["gpu"]),
                int(row["gpus"]),
                int(row["bits"]),
            )
            call = Call(float(row["prompt_tokens"]), float(row["answer_tokens"]))
            room = max(1.0, min(OFFLINE_CALLS, found.room(call, MONEY)))
            many = float(row["concurrent"] or room)
            speeds = [call.answer / found.seconds(call, many, reached) for reached in shares(MONEY)]
            yield row, float(row["output_tokens_per_second"]), speeds


def test_published_throughput_lies_where_the_roofline_says():
    rows = list(published())
    inside = [low <= seen <= high for _, seen, (low, _, high) in rows]
    vllm = [s / p[1] for r, s, p in rows if "vllm" in r["source"] and r["bits"] == "16"]
    assert len(rows) == 59
    assert sum(inside) / len(rows) >= 0.8
    assert 0.9 <= statistics.median(vllm) <= 1.1
    assert max(abs(math.log(ratio)) for ratio in vllm) < math.log(1.3)


def test_the_cache_is_layers_times_two_widths_times_two_bytes():
    assert cache_bytes(EIGHT, 1) == 32 * 2 * 8 * 128 * 2
    assert cache_bytes(EIGHT, 1000) == 1000 * cache_bytes(EIGHT, 1)


def test_a_window_caps_the_cache_and_a_latent_replaces_keys_and_values():
    group = EIGHT.groups[0]
    windowed = EIGHT.model_copy(update={"groups": (group.model_copy(update={"window": 100}),)})
    assert cache_bytes(windowed, 1000) == cache_bytes(windowed, 100) == cache_bytes(EIGHT, 100)
    latent = group.linears[0].model_copy(update={"name": "kv_a_proj_with_mqa", "outputs": 576})
    mla = EIGHT.model_copy(update={"groups": (group.model_copy(update={"linears": (latent,)}),)})
    assert cache_bytes(mla, 1) == group.count * 576 * 2


def test_weights_by_bits():
    assert weight_bytes(EIGHT, 16) == 2 * EIGHT.parameters
    assert weight_bytes(EIGHT, 4) < weight_bytes(EIGHT, 8) < weight_bytes(EIGHT, 16)
    bare = EIGHT.model_copy(update={"embedding_parameters": None, "head_parameters": None})
    assert weight_bytes(bare, 8) == EIGHT.parameters
    assert weight_bytes(bare, 4) == EIGHT.parameters * 4.25 / 8


@given(prompt=lengths, more=lengths, answer=lengths, many=st.floats(1, 256))
def test_longer_calls_take_longer(prompt, more, answer, many):
    short = server().seconds(Call(prompt, answer), many, LIKELY)
    assert server().seconds(Call(prompt + more, answer), many, LIKELY) > short
    assert server().seconds(Call(prompt, answer + more), many, LIKELY) > short


@given(prompt=lengths, answer=lengths, many=st.floats(1, 200))
def test_more_calls_at_once_never_slow_the_server_down(prompt, answer, many):
    call = Call(prompt, answer)
    one = server().seconds(call, many, LIKELY)
    assert server().seconds(call, many + 1, LIKELY) <= one
    slow, likely, fast = shares(MONEY)
    assert server().seconds(call, many, slow) > one > server().seconds(call, many, fast)
    assert server(SEVENTY).seconds(call, many, likely) > one


@settings(max_examples=50)
@given(prompt=lengths, answer=lengths)
def test_callers_at_once_keep_to_every_limit(prompt, answer):
    call, found = Call(prompt, answer), server()
    many = found.concurrent(call, MONEY, LIKELY)
    assert 1 <= many <= MONEY.concurrent_limit.interval.likely
    assert many == 1 or many <= found.room(call, MONEY)
    speed = found.calls_per_second(call, MONEY)
    assert 0 < speed.low < speed.likely < speed.high


def test_memory_grows_with_callers_and_with_prompts():
    few, many = (server().memory_gib(Call(500, 100), n, MONEY) for n in (1, 32))
    longer = server().memory_gib(Call(5000, 100), 32, MONEY)
    assert few.likely < many.likely < longer.likely
    assert many.low < many.likely < many.high
    assert many.low > weight_bytes(EIGHT, 16) / 1024**3


def test_what_does_not_fit_one_card_fits_several():
    call = Call(500, 100)
    assert not server(SEVENTY).fits(call, 16, MONEY)
    assert server(SEVENTY, gpus=4).fits(call, 16, MONEY)
    assert server(SEVENTY, bits=4).fits(call, 16, MONEY)


def test_experts_are_all_read_once_calls_are_many():
    mixture = EIGHT.model_copy(update={"active_parameters": EIGHT.parameters // 4})
    found = server(mixture)
    assert found.read_weights(1) == pytest.approx(found.weights / 4)
    assert found.read_weights(64) == pytest.approx(found.weights, rel=1e-6)
    assert server().read_weights(1) == server().weights


def test_cards_without_a_link_gain_less_from_one_another():
    call, l40s = Call(500, 100), query.find_gpu("l40s")
    assert l40s.link_gb_per_second is None
    linked = l40s.model_copy(update={"link_gb_per_second": 400.0})
    over_pcie, with_link = (
        server(gpu=gpu, gpus=4).seconds(call, 16, LIKELY) for gpu in (l40s, linked)
    )
    assert over_pcie > 2 * with_link
    alone = server(gpu=l40s).seconds(call, 16, LIKELY)
    assert alone == server(gpu=linked).seconds(call, 16, LIKELY)
    assert over_pcie < alone


def test_what_prompts_share_is_read_once_except_by_a_slow_server():
    whole, shared = Call(2000, 100), Call(2000, 100, shared=1900)
    slow, likely, _ = shares(MONEY)
    assert server().seconds(shared, 16, likely) < server().seconds(whole, 16, likely)
    assert server().seconds(shared, 16, slow) == server().seconds(whole, 16, slow)
    assert server().concurrent(shared, MONEY, likely) >= server().concurrent(whole, MONEY, likely)


def test_an_unlisted_rate_is_unknown():
    bare = H100.model_copy(update={"bandwidth_gb_per_second": None})
    assert server().is_known
    assert not server(gpu=bare).is_known
