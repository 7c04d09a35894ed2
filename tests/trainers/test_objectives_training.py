"""Each objective learns what it is named after, in a few real steps on the miniature model."""

from __future__ import annotations

import functools
import math

import pytest

from advisor.errors import PlanError, TrainingError
from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools
from tests.trainers.courses import PAIRS, look, ready, trained
from trainers.engines.trl.quiet import quiet

pytestmark = pytest.mark.ml

LETTERS = """
def letters(prompt, completion, target):
    return sum(c.isascii() and c.isalpha() for c in completion) / max(1, len(completion))

def none(prompt, completion, target):
    return None

def failing(prompt, completion, target):
    return 1 / 0
"""


@pytest.fixture(scope="module")
def worth(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("worth") / "worth.py"
    path.write_text(LETTERS)
    return str(path)


@pytest.fixture(scope="module")
def learnt(tiny_llama, tmp_path_factory):
    """Of each objective and method what was learnt, trained once for all tests that ask."""

    @functools.cache
    def learnt(objective, method="lora"):
        epochs = 1 if objective == "kto" else 2  # a pair makes two rows there
        folder = tmp_path_factory.mktemp(objective)
        made = ready(tiny_llama, folder, objective, method, epochs=epochs)
        made.before = look(made)
        made.figures = made.trainer.dev_figures
        made.after = trained(made)
        return made

    return learnt


def names_of(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("objective", ["dpo", "kto", "orpo", "reward"])
def test_the_better_answer_becomes_likelier(learnt, objective):
    made = learnt(objective)
    assert made.after < made.before
    assert made.trainer.dev_figures["margin"] > made.figures["margin"] + 0.05
    if objective != "kto":
        assert made.trainer.dev_figures["accuracy"] == 1
    assert look(made) == made.after, "a look draws nothing and changes nothing"


def test_a_model_begins_as_its_own_reference(learnt):
    made = learnt("dpo")
    assert made.before == pytest.approx(math.log(2), abs=1e-6)
    assert set(made.trainer.model.peft_config) == {"default"}


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("full", {}),
        ("lora", {"init": "pissa"}),
        *(
            pytest.param(name, {}, marks=pytest.mark.slow)
            for name in ("adapter", "prompt", "freeze", "ia3")
        ),
    ],
)
def test_the_reference_stays_what_the_model_was(tiny_llama, tmp_path, method, options):
    import torch

    made = ready(tiny_llama, tmp_path, "dpo", method, method_options=options, epochs=0.5)
    names = names_of(made.trainer.model)
    ids = torch.tensor([[5, 9, 60, 61, 62, 63]])
    asked = {"input_ids": ids, "labels": ids, "fused_lm_head": True}
    with torch.no_grad():
        start = made.trainer.model.eval()(**asked).log_probs
        before = made.trainer.ref_model(**asked).log_probs
    assert torch.allclose(before, start, atol=1e-6)
    trained(made)
    with torch.no_grad():
        after = made.trainer.ref_model(**asked).log_probs
        now = made.trainer.model.eval()(**asked).log_probs
    assert torch.equal(after, before)
    assert not torch.allclose(now, start, atol=1e-4)
    assert names_of(made.trainer.model) == names


@pytest.mark.parametrize("objective", ["dpo", pytest.param("kto", marks=pytest.mark.slow)])
def test_a_precomputed_reference_gives_the_same_training(tiny_llama, tmp_path, objective):
    losses = []
    for computed in (False, True):
        wishes = {"method_options": {"precompute_reference": computed}, "epochs": 0.5}
        made = ready(tiny_llama, tmp_path / str(computed), objective, "full", **wishes)
        losses.append((look(made), trained(made)))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_kto_needs_two_answers_at_once(tiny_llama, tmp_path):
    with pytest.raises(PlanError, match="micro-batch of 2"):
        ready(tiny_llama, tmp_path, "kto", micro_batch_size=1)


@pytest.mark.parametrize(
    "method",
    ["lora", "adapter", pytest.param("full", marks=pytest.mark.slow)],
)
def test_a_reward_model_is_opened_again_and_scores_alike(learnt, tmp_path, method):
    from trainers.engines.trl._keep import keep
    from trainers.engines.trl.objectives._reward_model import RewardModel, open_reward

    made = learnt("reward", method)
    kept = tmp_path / "kept"
    kept.mkdir()
    with quiet():
        keep(made.trainer.model, made.ready, made.job.plan, kept, made.tools)
        opened = open_reward(kept, made.job, made.tools)
    good = opened(PAIRS, [sample.target for sample in PAIRS])
    bad = opened(PAIRS, [sample.rejected for sample in PAIRS])
    assert all(a > b for a, b in zip(good, bad, strict=True))
    same = RewardModel(made.trainer.model, made.ready.tokenizer, made.job.instruction)
    assert same(PAIRS, ["yes yes"] * 16) == pytest.approx(good, abs=1e-5)
    assert opened(PAIRS[:1], ["yes yes"]) == pytest.approx(good[:1], abs=1e-5), "padding is unseen"


DRAWING = {
    "sequence_length": 64,
    "generated_tokens": 12,
    "micro_batch_size": 16,
    "schedule": "constant",
    "learning_rate": 5e-3,
    "dropout": 0.0,
}


def rewards(made):
    return [entry["reward"] for entry in made.trainer.state.log_history if "reward" in entry]


def test_grpo_raises_the_reward_of_a_function(tiny_llama, tmp_path, worth):
    options = {"reward": f"{worth}:letters"}
    wishes = DRAWING | {"epochs": 1, "learning_rate": 1e-2}
    made = ready(tiny_llama, tmp_path, "grpo", "full", method_options=options, **wishes)
    trained(made)
    found = rewards(made)
    assert len(found) == 8
    assert sum(found[-3:]) / 3 > sum(found[:3]) / 3 + 0.05
    assert made.trainer.dev_figures["reward"] >= 0


def test_rloo_with_a_reference_leaves_one_adapter(tiny_llama, tmp_path, worth):
    options = {"reward": f"{worth}:letters", "algorithm": "rloo", "beta": 0.05}
    made = ready(tiny_llama, tmp_path, "grpo", method_options=options, epochs=0.25, **DRAWING)
    assert set(made.trainer.model.peft_config) == {"default"}
    names = names_of(made.trainer.model)
    trained(made)
    assert names_of(made.trainer.model) == names
    kls = [entry["kl"] for entry in made.trainer.state.log_history if "kl" in entry]
    assert kls[0] == pytest.approx(0, abs=1e-6)
    assert any(kls[1:])


@pytest.mark.parametrize(("name", "told"), [("none", "no finite number"), ("failing", "failed")])
def test_a_reward_function_that_fails_is_told(tiny_llama, tmp_path, worth, name, told):
    made = ready(
        tiny_llama, tmp_path, "grpo", method_options={"reward": f"{worth}:{name}"}, **DRAWING
    )
    with pytest.raises(TrainingError, match=told) as caught:
        look(made)
    assert caught.value.where == "line 1"


class Counting:
    """A metric where less is better."""

    metric, higher_is_better = "length", False

    def values(self, samples, texts):
        assert all(isinstance(sample, Sample) for sample in samples)
        return [float(len(text)) for text in texts]


def test_the_runs_metric_rewards_unless_told_otherwise(tiny_llama, tmp_path):
    tools = RecordingTools(scoring=Counting())
    wishes = {"epochs": 0.125, "tools": tools} | DRAWING
    made = ready(tiny_llama, tmp_path, "grpo", "adapter", **wishes)
    assert look(made) is None, "the metric is looked at by generation anyway"
    trained(made)
    assert all(found < 0 for found in rewards(made))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo", "rloo"])
def test_a_reward_model_drives_reinforcement(learnt, tiny_llama, tmp_path, algorithm):
    from trainers.engines.trl._keep import keep

    scorer = learnt("reward")
    kept = tmp_path / "kept"
    kept.mkdir()
    with quiet():
        keep(scorer.trainer.model, scorer.ready, scorer.job.plan, kept, scorer.tools)
    options = {"reward": str(kept), "algorithm": algorithm}
    made = ready(tiny_llama, tmp_path / "run", "grpo", "full", method_options=options, **DRAWING)
    before = look(made)
    assert trained(made) < before
    found = rewards(made)
    assert sum(found[-4:]) > sum(found[:4])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_reward_head_reads_in_its_own_precision(tiny_llama, tmp_path, precision):
    made = ready(tiny_llama, tmp_path, "reward", "qlora", precision=precision)
    before = look(made)
    assert trained(made) < before
