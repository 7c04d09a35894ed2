"""What ends training inside a run: hours, or the money that is left of the budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.artifacts import RunFolder
from advisor.errors import PlanError, TrainingError
from advisor.schema.plugin import TrainerInfo
from advisor.schema.profile import ConstraintFacts, Profile
from advisor.schema.run import RunSettings
from advisor.schema.train import TrainEvent, TrainJob
from advisor.tools import ignore_event
from advisor.training_log import TRAIN_LOG, training_log
from advisor.tuning import Limit, limit_of, trained, training_inputs
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes
from tests.fixtures.training import training_job, training_plan
from tests.fixtures.values import train_result


def space_of(folder: Path, **changes) -> Workspace:
    data = write_house_codes(folder / "data.jsonl")
    settings = RunSettings(name="x", data=str(data), backend="echo", **changes)
    return Workspace(settings, RunFolder(folder / "run"))


def profile(**limits: float) -> Profile:
    return Profile(constraints=ConstraintFacts(**limits))


def test_the_tighter_of_time_and_money_ends_it(tmp_path: Path):
    space = space_of(tmp_path, usd_per_hour=2.0)
    assert limit_of(space, profile()) == Limit()
    assert limit_of(space, profile(budget_usd=10, max_hours=3)).hours == 3
    by_money = limit_of(space, profile(budget_usd=10, max_hours=8))
    assert by_money.hours == 5
    assert "10 USD are spent at 2 USD per hour" in by_money.sentence
    assert by_money.hint == "--budget-usd"


def test_what_earlier_sessions_have_spent_counts(tmp_path: Path):
    space = space_of(tmp_path, usd_per_hour=2.0)
    path = space.folder.path / TRAIN_LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TrainEvent(kind="step", usd=6.0).model_dump_json() + "\n")
    assert limit_of(space, profile(budget_usd=10)).hours == 2
    assert limit_of(space, profile(budget_usd=5)).hours == 0
    assert training_log(path, ignore_event, 2.0).usd_before == 6.0


def test_what_options_name_and_the_metric_are_part_of_what_was_trained(tmp_path: Path):
    reward = tmp_path / "worth.py"
    reward.write_text("def worth(*told): return 1.0\n")
    plan = training_plan("tiny", method_options={"reward": f"{reward}:worth"})
    general = tmp_path / "general.jsonl"
    general.write_text('{"input": "Say one", "target": "one"}\n')
    space = space_of(tmp_path, general_data=str(general))
    before = training_inputs(space, plan)
    assert training_inputs(space, plan) == before
    reward.write_text("def worth(*told): return 2.0\n")
    general.write_text('{"input": "Say two", "target": "two"}\n')
    told = training_inputs(space, plan)
    changed = {key for key, value in told.items() if before[key] != value}
    assert changed == {"named_by_options", "general_data"}
    kept = {"general_data": str(general)}
    for changes in ({"metric": "token_f1"}, {"max_new_tokens": 7}):
        other = training_inputs(space_of(tmp_path, **kept | changes), plan)
        assert {key for key, value in other.items() if told[key] != value} == {"scored_by"}


def read_last(space: Workspace) -> TrainEvent:
    lines = (space.folder.path / TRAIN_LOG).read_text().splitlines()
    return TrainEvent.model_validate_json(lines[-1])


def test_hours_of_earlier_sessions_of_the_job_count_unless_it_begins_anew(
    tmp_path: Path, monkeypatch
):
    space = space_of(tmp_path)
    attempt(space, tmp_path, Stopped(is_done=True), Limit(), monkeypatch)
    [line] = (space.folder.path / TRAIN_LOG).read_text().splitlines()
    mark = TrainEvent.model_validate_json(line).job
    lasted = [(mark, 1.0), (mark, 3600.0), ("another", 9000.0), (mark, 1800.0), (mark, 9.0)]
    events = [TrainEvent(kind="step", job=job, elapsed_seconds=took) for job, took in lasted]
    lines = "".join(event.model_dump_json(exclude_defaults=True) + "\n" for event in events)
    (space.folder.path / TRAIN_LOG).write_text(lines)
    job = training_job("m", tmp_path)
    assert limit_of(space, profile(max_hours=4), job).hours == 4
    limit = limit_of(space, profile(max_hours=4), job.model_copy(update={"resume": True}))
    assert limit.hours == pytest.approx(2.4975)
    assert "limit of 4 hours, 1.5 of them in earlier sessions" in limit.sentence
    other = training_job("other", tmp_path, resume=True)
    assert limit_of(space, profile(max_hours=4), other).hours == 4
    assert limit_of(space, profile(max_hours=1), job.model_copy(update={"resume": True})).hours == 0


class Stopped:
    """A trainer that is asked to stop, or is done."""

    def __init__(self, *, is_done: bool, words: str = "", **info) -> None:
        self.is_done = is_done
        self.words = words
        self.info = TrainerInfo(id="stopped", label="a stand-in", **info)
        self.tools = None

    def train(self, job: TrainJob, tools):
        self.tools = tools
        tools.emit(TrainEvent(kind="step", step=1, total_steps=2))
        if not self.is_done:
            assert tools.should_stop()
            raise KeyboardInterrupt(*filter(None, [self.words]))
        return train_result()


def attempt(space: Workspace, folder: Path, trainer: Stopped, limit: Limit, monkeypatch):
    monkeypatch.setattr(
        "advisor.tuning.train", lambda job, trainer, tools: trainer.train(job, tools)
    )
    space.trainer = trainer
    return trained(space, training_job("m", folder), limit)


def test_the_limit_is_told_as_an_error_and_the_users_wish_is_not(tmp_path: Path, monkeypatch):
    space = space_of(tmp_path)
    limit = Limit(0.0, "Training stopped: 5 USD are spent at 2 USD per hour", "--budget-usd")
    with pytest.raises(TrainingError, match=r"5 USD are spent .* its last checkpoint is kept"):
        attempt(space, tmp_path, Stopped(is_done=False), limit, monkeypatch)
    space.is_stopping = True
    with pytest.raises(KeyboardInterrupt):
        attempt(space, tmp_path, Stopped(is_done=False), Limit(), monkeypatch)
    assert not space.is_training


def test_what_a_limit_ends_elsewhere_is_not_told_as_a_checkpoint(tmp_path: Path, monkeypatch):
    space, limit = space_of(tmp_path), Limit(0.0, "Training stopped at the limit of 1 hours", "x")
    for words, told in (
        (
            "job 7 goes on at there and is paid for",
            "hours; job 7 goes on at there and is paid for.",
        ),
        ("", "what it began elsewhere may go on there and be paid for"),
    ):
        trainer = Stopped(is_done=False, words=words, trains_here=False)
        with pytest.raises(TrainingError, match=told):
            attempt(space, tmp_path, trainer, limit, monkeypatch)


def test_a_trainer_that_spends_at_a_price_nobody_knows_is_refused_a_budget(
    tmp_path: Path, monkeypatch
):
    trainer = Stopped(is_done=True, spends_money=True)
    space = space_of(tmp_path, budget_usd=5, usd_per_hour=2.0)
    with pytest.raises(PlanError, match="budget is 5 USD, and nobody knows what 'stopped' will"):
        attempt(space, tmp_path, trainer, Limit(), monkeypatch)
    assert trainer.tools is None
    assert attempt(space_of(tmp_path), tmp_path, trainer, Limit(), monkeypatch)


def test_a_trainer_is_handed_the_log_and_the_metric_and_the_result_its_price(
    tmp_path: Path, monkeypatch
):
    space = space_of(tmp_path, usd_per_hour=1e6)
    trainer = Stopped(is_done=True)
    result = attempt(space, tmp_path, trainer, Limit(), monkeypatch)
    assert space.log is None
    assert trainer.tools.scoring.metric == "exact_match"
    assert (space.folder.path / TRAIN_LOG).read_text().count("\n") == 1
    assert result.usd == read_last(space).usd > 0
    earlier = TrainEvent(kind="step", usd=100.0, job="of another training").model_dump_json()
    (space.folder.path / TRAIN_LOG).write_text(earlier + "\n")
    again = attempt(space, tmp_path, trainer, Limit(), monkeypatch)
    assert again.usd == pytest.approx(read_last(space).usd - 100)
