"""What a look, a probe and a step of an objective count, where the library's own way misleads."""

from __future__ import annotations

import dataclasses
import math

import pytest

from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, training_plan
from tests.trainers.bench import bench_for
from tests.trainers.courses import PAIRS, look, ready
from trainers.engines.trl.course import Course
from trainers.engines.trl.quiet import quiet

pytestmark = pytest.mark.ml

UNEVEN = (
    *(
        Sample(id=f"e{i}", input=f"Say {i}", target="y" * 30, rejected="n" * 30, line=i + 1)
        for i in range(3)
    ),
    Sample(id="wide", input="Say 9", target="y" * 50, rejected="n", line=9),
)


def test_a_reference_is_the_start_under_lower_precision_too(tiny_llama, tmp_path):
    import torch

    losses = []
    for precision in ("float32", "bfloat16"):
        made = ready(tiny_llama, tmp_path, "dpo", "full", compute_precision=precision)
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in made.trainer.model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.05)
        losses.append(look(made))
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert abs(losses[1] - math.log(2)) > 0.02, "the model has left its reference"


class ProbedError(Exception):
    """Carries the rows of a probe."""


@pytest.mark.parametrize("objective", ["dpo", "orpo", "reward"])
def test_pairs_are_probed_by_what_they_are_padded_to(tiny_llama, tmp_path, objective):
    from trainers.engines.trl._longest import take_steps

    made = bench_for(
        tiny_llama, tmp_path, objective=objective, train_samples=UNEVEN, micro_batch_size=1
    )

    def build(_plan, rows, _place):
        raise ProbedError([max(map(len, row.values())) for row in rows])

    made = dataclasses.replace(made, build=build)
    with pytest.raises(ProbedError) as caught:
        take_steps(made, made.job.plan)
    widths = [max(map(len, row.values())) for row in made.course.dataset]
    assert set(caught.value.args[0]) == {max(widths)}


class Worth:
    """A metric that costs nothing."""

    metric, higher_is_better = "length", True

    def values(self, _samples, texts):
        return [float(len(text)) for text in texts]


def test_drawn_completions_are_counted_and_probed_at_full_length(tiny_llama, tmp_path, monkeypatch):
    from trainers.engines.trl import _preflight
    from trainers.engines.trl.objectives import _reinforcement

    monkeypatch.setattr(_reinforcement, "worth_of", lambda *_: Worth().values)
    made = bench_for(
        tiny_llama,
        tmp_path,
        objective="grpo",
        train_samples=PAIRS[:6],
        generated_tokens=10,
        method_options={"num_generations": 4},
        epochs=1,
    )
    end, seen = made.tokenizer.eos_token_id, []

    def ends_at_once(_model, _args, named, output):
        if hasattr(output, "logits"):  # it writes
            output.logits[..., end] += 50.0
        else:
            seen.append(named["input_ids"].shape[1])

    hook = made.model.get_base_model().register_forward_hook(ends_at_once, with_kwargs=True)
    with quiet():
        _, told = _preflight.look(made)
    hook.remove()
    assert max(seen) == max(made.course.lengths)
    assert told.rows == 6
    assert told.trained_tokens == 6 * 4 * 10
    assert told.tokens == 4 * sum(made.course.lengths)
    fitted = _preflight.Fitted(made.job.plan, _preflight.Probe(1.0, 1.0, seconds_per_step=2.0))
    assert _preflight.expected_seconds(made, fitted)[1] == 2.0 * 6 * 4 / 4
    (event,) = made.tools.of("preflight")
    assert "6 prompts, 4 completions of each, up to 240 of" in event.message


def test_steps_that_share_a_draw_share_its_time():
    from trainers.engines.trl._longest import _Timed

    timed = _Timed(may_be_still=True)
    timed.first, timed.forward_backward = 10.0, 1.0
    assert timed.mean(1) == 1.0
    assert timed.mean(3) == pytest.approx((10 + 1 + 1) / 3)


def test_orpo_weighs_tokens_of_a_step_alike_however_it_is_cut(tiny_llama, tmp_path):
    losses = []
    for rows in (4, 1):
        own = {"micro_batch_size": rows, "gradient_accumulation_steps": 4 // rows, "epochs": 1}
        made = ready(tiny_llama, tmp_path, "orpo", "full", samples=UNEVEN[1:] + PAIRS[:1], **own)
        made.trainer.on_step = lambda loss, norm: losses.append((loss, norm))
        with quiet():
            made.trainer.train()
    assert len(losses) == 2
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_smaller_micro_batch_of_kto_is_told_to_be_another_loss():
    from trainers.engines.trl._longest import Probe
    from trainers.engines.trl._preflight import _meaning_notes
    from trainers.engines.trl._shrink import Fitted, changes, next_smaller

    for objective, notes in (("kto", 1), ("dpo", 0)):
        plan = training_plan("base", objective=objective)
        smaller = next_smaller(plan)
        found = Fitted(smaller, Probe(1.0, 1.0), changes(plan, smaller, "memory"))
        assert len(_meaning_notes(found)) == notes
    assert (
        "2 at a time instead of 4"
        in _meaning_notes(
            Fitted(smaller.model_copy(update={"objective": "kto"}), Probe(1.0, 1.0), found.changes)
        )[0]
    )


COPIED = ("full", "freeze", "llama_pro", "adapter", "prompt", "prefix", "p_tuning", "lora pissa")
OFF = ("lora", "dora", "ia3", "vera", "lokr")


def test_a_reference_holds_what_its_estimate_counts(tiny_llama):
    from advisor.catalog import query
    from trainers.engines.trl._build import adapted
    from trainers.engines.trl.objectives._reference import Reference
    from trainers.objectives.reference import keeps_base, reference_terms

    card, tools = query.find_model(tiny_llama), RecordingTools()
    plain = Course(trainer=object, settings=object, dataset=(), lengths=(), trained_tokens=0)
    for case in (*COPIED, *OFF):
        method, _, init = case.partition(" ")
        options = {"init": init} if init else {}
        plan = training_plan(tiny_llama, method, objective="dpo", method_options=options)
        with quiet():
            held = Reference(adapted(plan, plain, tools).model)._start
        assert (held is None) == keeps_base(plan) == (case in OFF), case
        counted = sum(term.bytes.likely for term in reference_terms(plan, card))
        found = sum(tensor.numel() * tensor.element_size() for tensor in held or ())
        assert found == counted, case
