"""What a layer keeps and how high its backward reaches, against sums done by hand and traces."""

import pytest

from advisor.catalog import query
from advisor.schema.plan import Plan
from advisor.stages.estimate.memory.activations import kept_bytes, layer_backward_bytes
from advisor.stages.estimate.memory.structure import structure
from advisor.stages.estimate.memory.tape import NOTHING, Back, Size, Storage, Tape, Tensor
from advisor.stages.estimate.memory.work import Work
from trainers.methods.full import FullMethod
from trainers.methods.lora import LoraMethod

STACK = query.reference().stack
LLAMA = query.find_model("llama-3.1-8b")
METHODS = {"full": FullMethod(), "lora": LoraMethod()}


def work(method="full", *, model=LLAMA, **changes):
    base = {
        "model": model.id,
        "method": method,
        "precision": "bfloat16",
        "base_bits": 16,
        "sequence_length": 1024,
        "micro_batch_size": 2,
        "learning_rate": 1e-4,
        "epochs": 1,
        "gpu": "h100",
        "gradient_checkpointing": False,
        "rank": 8,
    }
    plan = Plan.model_validate(base | changes)
    return Work(plan, model, METHODS[method].footprint(plan, model), STACK)


def law(one):
    return structure(one, one.model.layer_groups[0])


def test_a_llama_layer_keeps_what_its_operations_need():
    hidden, query_width, narrow, inner, heads = 4096, 4096, 1024, 14336, 32
    norms = 2 * (4 + 2 + 2) * hidden  # in 32 bits, before and after the weight
    attention = 2 * (query_width + 2 * narrow + query_width) + 4 * heads  # and log-sums
    feed_forward = 4 * 2 * inner  # gate, its activation, up, product
    kept = law(work()).kept
    assert kept == Size(float(norms + attention + feed_forward))
    assert kept.token == pytest.approx(200840, abs=8)  # traced, with two numbers of the norms


def test_a_frozen_layer_keeps_less_and_its_adapters_are_counted_by_their_method():
    kept = law(work("lora")).kept.token
    assert kept == pytest.approx(139400, abs=8)  # traced 295272 less 155872 of the adapters
    assert kept < law(work()).kept.token


def test_eager_attention_keeps_scores_for_every_pair_of_tokens():
    assert law(work()).kept.pair == 0
    assert law(work(attention="eager")).kept.pair == 32 * (4 + 2)  # softmax, and in 16 bits


def test_under_checkpointing_only_layer_inputs_are_kept():
    one = work(gradient_checkpointing=True)
    assert kept_bytes(one) == 32 * one.tokens * 4096 * 2
    assert layer_backward_bytes(one) > law(one).kept.bytes(one.tokens, one.length)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("changes", [{}, {"attention": "eager"}, {"compute_precision": "bfloat16"}])
def test_every_family_of_the_catalog_can_be_gone_through(method, changes):
    models = {model.family: model for model in query.models()}
    assert len(models) > 40
    for model in models.values():
        one = work(method, model=model, **changes)
        for group in model.layer_groups:
            found = structure(one, group)
            height = found.height(one.tokens, one.length)
            assert height >= found.kept.bytes(one.tokens, one.length) > 0
            assert found.kept_first.token <= found.kept.token


def tensor(size, *, grad=True):
    return Tensor(Size(size), 2, Storage(Size(size)), grad=grad)


def test_a_tape_counts_what_is_kept_once_and_frees_it_after_its_use():
    tape, entry = Tape(), tensor(10.0)
    middle = tape.run([entry], Size(20.0), 2, kept=[entry])
    end = tape.run([middle], Size(5.0), 2, kept=[middle, entry])
    assert tape.kept(adapter=False) == Size(30.0)
    heights = tape.heights(end, recomputes=False)
    # kept 30 and the end's gradient 5; then the middle's gradient 20; then the entry's 10
    assert heights[:3] == [Size(35.0), Size(55.0), Size(40.0)]


def test_a_tape_without_gradients_keeps_nothing():
    tape = Tape()
    tape.run([tensor(10.0, grad=False)], Size(5.0), 2, kept=[Size(7.0)])
    assert tape.kept(adapter=False) == NOTHING


def test_gradients_of_weights_stay_and_passing_needs_do_not():
    tape, entry = Tape(), tensor(10.0)
    back = Back(passing=Size(fixed=3.0), gains=Size(fixed=100.0), trains=True)
    end = tape.run([entry], Size(10.0), 2, back=back)
    middle = tape.run([end], Size(10.0), 2)
    heights = tape.heights(middle, recomputes=False)
    assert heights[1] == Size(20.0)
    assert heights[2] == Size(20.0, fixed=3.0)
