"""Tuning at a service, against one on this machine that has faults; OpenAI's own was not asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import (
    AdvisorError,
    BackendAuthError,
    BackendQuotaError,
    BackendTimeoutError,
    DatasetError,
    PlanError,
    TrainingError,
)
from advisor.schema.evaluation import Message, Sample
from advisor.schema.train import TrainJob, TrainResult
from tests.fixtures.training import RecordingTools, training_job, training_samples
from tests.fixtures.tuning_server import TuningServer, tuning_server
from trainers.engines.hosted import HostedTrainer
from trainers.engines.ledger import Ledger

pytest.importorskip("openai")

KEY = "sk-secret-0123456789abcdef"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def a_job(folder: Path, server: TuningServer | str, **changes) -> TrainJob:
    url = server if isinstance(server, str) else server.base_url
    options = {"base_url": url, "poll_seconds": 0.01, **changes.pop("options", {})}
    model = changes.pop("model", "small")
    return training_job(model, folder, method_options=options, **changes)


def tune(job: TrainJob, tools: RecordingTools | None = None) -> TrainResult:
    return registry.trainer("hosted").train(job, tools or RecordingTools())


def everything_in(folder: Path) -> str:
    return "".join(p.read_text(errors="replace") for p in folder.rglob("*") if p.is_file())


def test_a_job_is_sent_followed_and_its_model_named(tmp_path: Path):
    tools = RecordingTools()
    with tuning_server() as server:
        result = tune(a_job(tmp_path / "out", server, dev_samples=training_samples(3)), tools)
    assert (result.served_by.backend, result.served_by.model) == ("openai", "ft:small:mine")
    assert result.served_by.settings == {"base_url": server.base_url}
    assert [point.loss for point in result.loss] == pytest.approx([1.8, 1.6, 1.4, 1.2])
    assert (result.steps, result.wall_seconds, result.dev_loss_after) == (4, 90, 1.5)
    assert any("1234 trained tokens" in note for note in result.notes)
    assert [event.step for event in tools.of("step")] == [1, 2, 3, 4]
    kinds = [event.kind for event in tools.events]
    assert (kinds[:2], kinds[-1]) == (["note", "start"], "end")
    assert "are its own" in tools.events[0].message
    [asked] = server.asked
    assert asked["method"] == {
        "type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 4}},
    }  # fmt: skip
    assert (asked["training_file"], asked["validation_file"]) == ("file-1", "file-2")
    assert server.keys == {f"Bearer {KEY}"}
    [first, *rest] = [json.loads(line) for line in server.contents["train"].splitlines()]
    assert len(rest) == 23
    assert [turn["role"] for turn in first["messages"]] == ["system", "user", "assistant"]


def test_a_finished_job_is_not_sent_again(tmp_path: Path):
    with tuning_server() as server:
        result = tune(a_job(tmp_path / "out", server))
        before = server.seen.total()
        assert tune(a_job(tmp_path / "out", server)) == result
        assert server.seen.total() == before


def test_preferences_are_sent_in_the_services_form(tmp_path: Path):
    samples = tuple(s.model_copy(update={"rejected": "No."}) for s in training_samples())
    with tuning_server() as server:
        tune(a_job(tmp_path, server, objective="dpo", train_samples=samples,
                   options={"beta": 0.2, "suffix": "mine", "model": "theirs"}))  # fmt: skip
    [asked] = server.asked
    assert asked["method"]["dpo"]["hyperparameters"]["beta"] == 0.2
    assert (asked["suffix"], asked["model"]) == ("mine", "theirs")
    row = json.loads(server.contents["train"].splitlines()[0])
    assert set(row) == {"input", "preferred_output", "non_preferred_output"}
    assert row["non_preferred_output"] == [{"role": "assistant", "content": "No."}]


def test_earlier_answers_weigh_nothing_and_calls_stay_calls(tmp_path: Path):
    call = {"name": "add", "arguments": '{"a": 1}', "id": "c1"}
    talk = Sample(
        id="t", input="And now?", target="Done.",
        history=(Message(role="user", content="Hi"), Message(role="assistant", content="Hello")),
        steps=(
            Message(role="assistant", content="", tool_calls=(call,)),
            Message(role="tool", content="2", name="add", call_id="c1"),
        ),
    )  # fmt: skip
    with tuning_server() as server:
        tune(a_job(tmp_path, server, train_samples=(talk,) * 10))
    row = json.loads(server.contents["train"].splitlines()[0])
    assistants = [turn for turn in row["messages"] if turn["role"] == "assistant"]
    assert [turn["weight"] for turn in assistants] == [0, 0, 1]
    assert assistants[1]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert row["messages"][-2] == {"role": "tool", "content": "2", "tool_call_id": "c1"}


def once(request: str, fault: str, times: int = 1) -> Callable[[str, int], str]:
    return lambda asked, nth: fault if asked == request and nth < times else ""


REQUESTS = (
    "GET /files", "POST /files", "POST /fine_tuning/jobs", "GET /fine_tuning/jobs/JOB",
    "GET /fine_tuning/jobs/JOB/events",
)  # fmt: skip
QUICK = {
    ("POST /files", "lost"), ("POST /fine_tuning/jobs", "lost"),
    ("GET /fine_tuning/jobs/JOB", "reset"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        pytest.param(one, fault, marks=[] if (one, fault) in QUICK else [pytest.mark.slow])
        for one in REQUESTS
        for fault in ("429", "500", "reset", "lost")
    ],
)
def test_faults_that_pass_cost_nothing_twice(request_: str, fault: str, tmp_path: Path):
    with tuning_server(faults=once(request_, fault, 2)) as server:
        result = tune(a_job(tmp_path, server))
    assert result.served_by.model == "ft:small:mine"
    assert len(server.jobs) == 1
    assert len(server.files) == 1
    assert [point.step for point in result.loss] == [1, 2, 3, 4]


def test_a_lost_job_is_found_at_a_service_that_keeps_no_marks(tmp_path: Path):
    faults = once("POST /fine_tuning/jobs", "lost")
    with tuning_server(faults=faults, gives_marks=False) as server:
        tune(a_job(tmp_path, server))
    assert len(server.jobs) == 1


@pytest.mark.parametrize("looks_lost", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_no_second_job_is_made_while_nobody_knows_of_the_first(tmp_path: Path, looks_lost: int):
    def faults(asked: str, nth: int) -> str:
        if asked == "POST /fine_tuning/jobs" and nth == 0:
            return "lost"
        return "500" if asked == "GET /fine_tuning/jobs" and nth < looks_lost else ""

    with tuning_server(faults=faults) as server:
        tune(a_job(tmp_path, server))
    assert server.seen["POST /fine_tuning/jobs"] == 1
    assert server.seen["GET /fine_tuning/jobs"] == looks_lost + 1
    assert len(server.jobs) == 1


def test_a_lost_job_is_found_beyond_the_first_page(tmp_path: Path):
    with tuning_server(faults=once("POST /fine_tuning/jobs", "lost")) as server:
        server.jobs.extend(
            {"id": f"other-{n}", "status": "running", "metadata": {"advisor_job": f"of {n}"},
             "model": "small", "training_file": "file-0", "created_at": 4_000_000_000}
            for n in range(60)
        )  # fmt: skip
        tune(a_job(tmp_path, server))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reasons": {"learning_rate": "--learning-rate"}}, "cannot be told learning_rate"),
        ({"reasons": {"rank": "--set", "schedule": "--set"}}, r"schedule, rank, .* them \(--set\)"),
        ({"reasons": {"epochs": "--set"}, "epochs": 2.5}, "whole epochs, and you asked for 2.5"),
    ],
)
def test_what_the_user_fixed_and_no_service_is_told_is_refused(changes, words: str, tmp_path: Path):
    with tuning_server() as server:
        with pytest.raises(PlanError, match=words):
            tune(a_job(tmp_path, server, **changes))
        assert not server.seen
        tune(a_job(tmp_path, server, reasons={"learning_rate": "the recipe", "epochs": "--set"}))


def test_what_it_cost_is_known_where_the_price_was_stated(tmp_path: Path):
    with tuning_server() as server:
        job = a_job(tmp_path, server, options={"usd_per_million_tokens": 500})
        assert tune(job).usd == pytest.approx(0.617)
        bill = HostedTrainer().bill(job.plan)
        assert (bill.model, bill.epochs, bill.usd_per_million_tokens) == ("small", 2, 500)
        ending = a_job(tmp_path, server, options={"cancel": True})
        assert HostedTrainer().bill(ending.plan) is None


class StopWhen(RecordingTools):
    """Asks to stop once so many steps have been told."""

    def should_stop(self) -> bool:
        return len(self.of("step")) >= 2


def test_an_interrupt_leaves_the_job_running_and_resume_follows_it(tmp_path: Path):
    states = ("queued", "running", "running", "running", "running", "succeeded")
    with tuning_server(states=states) as server:
        tools = StopWhen()
        with pytest.raises(KeyboardInterrupt, match=r"job ftjob-1 goes on at .* is paid"):
            tune(a_job(tmp_path, server), tools)
        assert tools.events[-1].kind == "checkpoint"
        assert "--resume" in tools.events[-1].message
        assert server.jobs[0]["status"] == "running"
        tools = RecordingTools()
        result = tune(a_job(tmp_path, server, resume=True), tools)
    assert len(server.jobs) == len(server.files) == 1
    assert tools.events[0].kind == "resume"
    assert [event.step for event in tools.of("step")] == [3, 4]
    assert [point.step for point in result.loss] == [1, 2, 3, 4]


def test_a_kill_between_request_and_record_makes_no_second_job(tmp_path: Path, monkeypatch):
    from trainers.engines.hosted._service import Service

    def killed(*_):
        raise SystemExit

    with tuning_server() as server:
        real = Service.create
        monkeypatch.setattr(Service, "create", lambda *told: [real(*told), killed()][0])
        with pytest.raises(SystemExit):
            tune(a_job(tmp_path, server))
        monkeypatch.setattr(Service, "create", real)
        tune(a_job(tmp_path, server, resume=True))
    assert len(server.jobs) == 1


def test_without_resume_a_running_job_is_followed_all_the_same(tmp_path: Path):
    with tuning_server(states=("running",) * 4 + ("succeeded",)) as server:
        with pytest.raises(KeyboardInterrupt):
            tune(a_job(tmp_path, server), StopWhen())
        tune(a_job(tmp_path, server))
    assert len(server.jobs) == 1


def test_a_failed_job_is_told_without_the_key_and_a_new_run_begins_a_new_one(tmp_path: Path):
    words = f"The job ran into moderation; key {KEY}"
    with tuning_server(states=("running", "failed"), error=words) as server:
        with pytest.raises(TrainingError, match="failed: The job ran into moderation") as told:
            tune(a_job(tmp_path, server))
        assert KEY not in f"{told.value} {told.value.hint}"
        server.states = ("succeeded",)
        tune(a_job(tmp_path, server))
    assert len(server.jobs) == 2
    assert len(server.files) == 1


def test_a_job_cancelled_elsewhere_is_told(tmp_path: Path):
    with (
        tuning_server(states=("running", "cancelled")) as server,
        pytest.raises(TrainingError, match="was cancelled"),
    ):
        tune(a_job(tmp_path, server))


def test_it_is_cancelled_only_when_asked(tmp_path: Path):
    with tuning_server(states=("running",) * 9) as server:
        with pytest.raises(TrainingError, match="no running job"):
            HostedTrainer().cancel(a_job(tmp_path, server), RecordingTools())
        with pytest.raises(KeyboardInterrupt):
            tune(a_job(tmp_path, server), StopWhen())
        with pytest.raises(TrainingError, match="cancelled, as asked"):
            tune(a_job(tmp_path, server, options={"cancel": True}))
    assert server.jobs[0]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("told", "changes", "kind", "words"),
    [
        ({"refuses_files": "Line 3 is no JSON"}, {}, TrainingError, "Line 3 is no JSON"),
        ({}, {"model": "unknown"}, TrainingError, "does not exist"),
        ({"faults": lambda *_: "401"}, {}, BackendAuthError, "refused the key"),
        ({}, {"train_samples": training_samples(9)}, DatasetError, "ask for 10 at least"),
        ({}, {"train_samples": ()}, DatasetError, "no training samples"),
        ({}, {"objective": "dpo"}, DatasetError, "no rejected answer"),
        ({}, {"model": str(Path(__file__).parent)}, PlanError, "a folder of this machine"),
        ({}, {"options": {"suffix": "x" * 65}}, PlanError, "has 65 letters"),
        ({}, {"options": {"poll_seconds": 0}}, PlanError, "poll_seconds"),
        ({}, {"options": {"learning_rate_multiplier": -1}}, PlanError, "multiplier"),
    ],
)
def test_what_cannot_pass_is_told_at_once(told, changes, kind: type, words: str, tmp_path: Path):
    with tuning_server(**told) as server, pytest.raises(kind, match=words) as caught:
        tune(a_job(tmp_path / "out", server, **changes))
    assert not server.jobs
    assert isinstance(caught.value, AdvisorError)
    assert caught.value.hint


def test_an_empty_account_is_told(tmp_path: Path, monkeypatch):
    with tuning_server() as server:
        usual = server._create
        server._create = lambda _: (429, {"error": {"message": "x", "code": "insufficient_quota"}})
        with pytest.raises(BackendQuotaError, match="nothing left to spend"):
            tune(a_job(tmp_path, server))
        server._create = usual
        tune(a_job(tmp_path, server, resume=True))
    assert len(server.files) == 1


def test_a_service_that_stays_away_is_given_up_and_nothing_is_lost(tmp_path: Path, monkeypatch):
    from trainers.engines.hosted import _service

    monkeypatch.setattr(_service, "ATTEMPTS", 3)
    away = lambda asked, _nth: "500" if asked.startswith("GET /fine_tuning/jobs/JOB") else ""  # noqa: E731
    with tuning_server(faults=away) as server:
        with pytest.raises(BackendTimeoutError, match="did not answer in 3 attempts") as told:
            tune(a_job(tmp_path, server))
        assert KEY not in str(told.value)
        server.faults = lambda *_: ""
        tune(a_job(tmp_path, server, resume=True))
    assert len(server.jobs) == 1


def test_the_key_is_nowhere_on_the_disk_or_in_events(tmp_path: Path):
    tools = RecordingTools()
    with tuning_server(faults=once("GET /files", "500")) as server:
        tune(a_job(tmp_path / "out", server), tools)
    told = "".join(event.model_dump_json() for event in tools.events)
    assert KEY not in everything_in(tmp_path) + told


def test_a_key_goes_only_where_it_is_meant_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    elsewhere = a_job(tmp_path, "https://tuning.example.com/v1")
    with pytest.raises(BackendAuthError, match=r"Nothing says which key is for tuning\.example"):
        tune(elsewhere)
    named = a_job(tmp_path, "https://tuning.example.com/v1", options={"api_key_env": "MY_KEY"})
    with pytest.raises(BackendAuthError, match="the variable MY_KEY is not set"):
        tune(named)
    monkeypatch.setenv("OPENAI_BASE_URL", "no address")
    with pytest.raises(PlanError, match="no address of a service"):
        tune(a_job(tmp_path, ""))
    with pytest.raises(PlanError, match="holds a user or a password") as told:
        tune(a_job(tmp_path, "https://me:hush@tuning.example.com/v1"))
    assert "hush" not in f"{told.value} {told.value.hint}"
    assert not list(tmp_path.iterdir())


def test_it_keeps_to_its_folder(tmp_path: Path):
    with tuning_server() as server:
        job = a_job(tmp_path / "out", server)
        tune(job)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    names = {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")}
    assert len(names) == 1
    [own] = names
    assert {p.name for p in (tmp_path / "out" / own).iterdir()} == {"hosted.json"}
    assert Ledger(job, "hosted").folder.name != own  # how it is spoken to is no part of the job
