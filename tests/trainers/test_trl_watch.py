"""While training runs it is watched: looks leave no trace, the right checkpoint is kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor import registry
from advisor.errors import DivergedError, InputError, MissingProgramError
from advisor.schema.train import TrainResult
from tests.fixtures.training import RecordingTools, training_plan
from tests.trainers.looking import ANSWER_TOKENS, Looking, looking_job

pytestmark = pytest.mark.ml
SCRIPT = (0.0, 0.4, 0.9, 0.7, 0.5)
"""What the metric says before training and in four looks: best in the second, at step 6."""


def train(base: str, folder: Path, tools: Looking, method: str = "full", **changes) -> TrainResult:
    return registry.trainer("trl").train(looking_job(base, folder, method, **changes), tools)


@pytest.fixture(scope="module")
def by_metric(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory):
    tools = Looking(SCRIPT)
    return train(tiny_llama, tmp_path_factory.mktemp("metric"), tools), tools


def test_looks_leave_no_trace_in_the_losses(tiny_llama: str, by_metric, tmp_path: Path):
    unseen = train(tiny_llama, tmp_path, Looking(), evaluations=0)
    assert unseen.loss == by_metric[0].loss
    assert len(unseen.evaluations) == 1


def test_every_look_is_told_and_kept(by_metric):
    result, tools = by_metric
    assert [point.step for point in result.evaluations] == [0, 3, 6, 9, 12]
    assert tuple(point.score for point in result.evaluations) == SCRIPT
    told = [(event.step, event.dev_loss, event.score) for event in tools.of("evaluation")]
    assert told == [(point.step, point.loss, point.score) for point in result.evaluations]
    assert result.metric == "length"


def test_steps_are_told_with_rate_norm_speed_and_memory(by_metric):
    result, tools = by_metric
    steps = tools.of("step")
    assert len(steps) == 12
    assert all(event.gradient_norm and event.tokens_per_second for event in steps)
    assert all(event.memory_gib and event.total_steps == 12 for event in steps)
    assert steps[0].learning_rate == 0 < steps[-1].learning_rate < steps[1].learning_rate
    parts = (result.steps_seconds, result.evaluation_seconds, result.saving_seconds)
    assert sum(parts) == pytest.approx(result.wall_seconds, rel=0.05)
    assert all(seconds > 0 for seconds in parts)


def test_the_best_metric_is_kept_and_not_the_best_loss(tiny_llama: str, by_metric):
    result, tools = by_metric
    losses = [point.loss for point in result.evaluations]
    assert min(losses) == losses[-1]
    assert result.kept_step == 6
    assert result.kept_by == "best length on the dev split (0.900) of 4 looks"
    assert result.dev_loss_after == losses[2]
    # what was kept answers as the model of step 6 did, in the backend that will serve it
    texts = tools.scoring.texts
    assert len({tuple(answers) for answers in texts}) > 2
    assert texts[2] != texts[4]
    served = result.served_by
    with registry.backend(served.backend).open(served.model, {}) as session:
        answers = session.generate(tools.scoring.prompts, max_new_tokens=ANSWER_TOKENS)
    assert [answer.text for answer in answers] == texts[2]


@pytest.mark.slow
def test_by_the_loss_the_last_is_kept_with_the_same_answers(tiny_llama: str, tmp_path: Path):
    tools = Looking(SCRIPT)
    result = train(tiny_llama, tmp_path, tools, choose_checkpoint_by="loss")
    assert (result.kept_step, result.kept_by.split(" (")[0]) == (12, "lowest dev loss")
    with registry.backend("transformers").open(result.served_by.model, {}) as session:
        answers = session.generate(tools.scoring.prompts, max_new_tokens=ANSWER_TOKENS)
    assert [answer.text for answer in answers] == tools.scoring.texts[4]


@pytest.mark.parametrize("method", ["lora", pytest.param("prefix", marks=pytest.mark.slow)])
def test_an_adapter_answers_in_training_as_it_does_afterwards(
    tiny_llama: str, tmp_path: Path, method: str
):
    tools = Looking((0.0, 0.9, 0.5, 0.5, 0.5))
    changes = {"gradient_checkpointing": method == "lora"}
    result = train(tiny_llama, tmp_path, tools, method, learning_rate=0.05, **changes)
    assert result.kept_step == 3
    with registry.backend("transformers").open(result.served_by.model, {}) as session:
        answers = session.generate(tools.scoring.prompts, max_new_tokens=ANSWER_TOKENS)
    assert [answer.text for answer in answers] == tools.scoring.texts[1]


def test_training_ends_early_where_nothing_gets_better(tiny_llama: str, tmp_path: Path):
    tools = Looking((0.0, 0.9, 0.7, 0.6, 0.5))
    result = train(tiny_llama, tmp_path, tools, early_stopping_patience=2)
    assert (result.steps, result.kept_step) == (9, 3)
    assert result.ended_early == "nothing better on the dev split in 2 looks after step 3"
    assert [point.step for point in result.loss] == list(range(1, 10))


def test_a_learning_rate_a_thousand_times_too_high_is_stopped(tiny_llama: str, tmp_path: Path):
    with pytest.raises(DivergedError, match="training diverges") as told:
        train(tiny_llama, tmp_path, Looking(), learning_rate=10.0)
    assert "--learning-rate 1 instead of 10" in told.value.hint


@pytest.mark.slow
def test_a_rate_that_moves_nothing_is_remarked(tiny_llama: str, tmp_path: Path):
    tools = Looking()
    result = train(tiny_llama, tmp_path, tools, learning_rate=1e-9)
    remark = next(note for note in result.notes if "has not moved in 3 looks" in note)
    assert "Raise learning_rate (1e-09)" in remark
    assert remark in [event.message for event in tools.of("note")]


def test_trackers_that_are_not_there_are_told_before_training(tiny_llama: str, tmp_path: Path):
    job = looking_job(tiny_llama, tmp_path)
    for name, kind in (("neptune", MissingProgramError), ("nothing", InputError)):
        with pytest.raises(kind, match=name):
            registry.trainer("trl").train(job.model_copy(update={"report_to": (name,)}), Looking())
    assert not list(tmp_path.iterdir())


def test_a_stop_waits_until_what_was_drawn_at_once_has_been_learnt_from():
    from trainers.engines.ledger import Progress
    from trainers.engines.trl._watch import Watch

    looks = SimpleNamespace(plan=training_plan("tiny"), is_due=lambda *_: False)
    watch = Watch(None, Progress(job=""), None, RecordingTools(stop_at=2), looks)
    watch.trainer = SimpleNamespace(
        args=SimpleNamespace(steps_per_generation=2),
        num_iterations=1,
        accelerator=SimpleNamespace(num_processes=1),
    )
    for step, is_stopped in ((2, False), (3, False), (4, True)):
        watch.trainer._step = step
        state = SimpleNamespace(global_step=step, max_steps=12, is_world_process_zero=False)
        control = SimpleNamespace(should_save=False)
        watch.on_step_end(None, state, control)
        assert (watch.is_stopped, control.should_save) == (is_stopped, is_stopped or step == 2)
