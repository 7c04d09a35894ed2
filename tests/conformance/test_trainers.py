"""The promises behind the contract `Trainer`, kept by every registered trainer that runs here.

What an engine must still promise whose program or service is elsewhere is in
test_trainers_elsewhere.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import DatasetError, StorageError
from advisor.schema.train import TrainResult
from tests.fixtures.training import RecordingTools, job_for, prompt

ELSEWHERE = {"axolotl", "hosted", "llamafactory", "unsloth"}
"""Another project's program, or a service, does their work."""
HERE = [name for name in registry.names("advisor.trainers") if name not in ELSEWHERE]
LIGHT = {name for name in HERE if not registry.trainer(name).info.extra}
BASES = {"small_model": "tiny_encoder"} | dict.fromkeys(LIGHT)
"""What a trainer tunes, where it is not the tiny language model."""
TRAINERS = [pytest.param(name, marks=[] if name in LIGHT else [pytest.mark.ml]) for name in HERE]


BESIDE_STEPS = ("preflight", "evaluation", "note")
"""What a trainer may tell of before its first step."""


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def home(folder: Path) -> Path:
    """The one sub-folder that a job has below its output folder."""
    [own] = [place for place in folder.iterdir() if place.is_dir()]
    return own


def base_of(name: str, request: pytest.FixtureRequest) -> str:
    fixture = BASES.get(name, "tiny_llama")
    return request.getfixturevalue(fixture) if fixture else "tiny"


@pytest.fixture(scope="module", params=TRAINERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def base(name: str, request: pytest.FixtureRequest) -> str:
    return base_of(name, request)


@pytest.fixture(scope="module")
def unbroken(
    name: str, base: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainResult, RecordingTools, Path]:
    """One run from start to end, watched from outside the output folder."""
    place = tmp_path_factory.mktemp(f"unbroken-{name}")
    tools = RecordingTools()
    result = registry.trainer(name).train(job_for(name, base, place / "out"), tools)
    return result, tools, place


def test_takes_the_pairs_it_names(name: str):
    info = registry.trainer(name).info
    assert info.id == name
    assert info.pairs
    for objective, method in info.pairs:
        assert objective in registry.names("advisor.objectives")
        assert method == "*" or method in registry.names("advisor.methods")


def test_writes_only_under_its_folder(unbroken):
    result, _, place = unbroken
    own = home(place / "out")
    assert {p.name for p in place.iterdir()} == {"out"}
    seen = {p.name for p in (place / "out").iterdir() if not p.name.startswith(".")}
    assert seen == {own.name}
    assert {p.name for p in own.iterdir()} == {"final", "result.json"}
    assert result.output_dir == str(place / "out")


def test_reports_what_it_took(unbroken):
    result, _, _ = unbroken
    assert result.peak_memory_gib is not None
    assert 0.001 < result.peak_memory_gib < 64
    assert result.wall_seconds > 0
    assert result.steps == 12
    assert [point.step for point in result.loss] == list(range(1, 13))
    assert result.train_samples == 24
    assert result.resumed_from_step is None


def test_tells_every_step(unbroken):
    result, tools, _ = unbroken
    kinds = [event.kind for event in tools.events if event.kind not in BESIDE_STEPS]
    assert kinds[0] == "start"
    assert tools.events[-1].kind == "end"
    steps = tools.of("step")
    assert [event.step for event in steps] == list(range(1, 13))
    assert {event.total_steps for event in steps} == {12}
    assert [event.loss for event in steps] == [point.loss for point in result.loss]


def test_what_it_made_can_be_opened(unbroken):
    result, _, _ = unbroken
    backend = registry.backend(result.served_by.backend)
    with backend.open(result.served_by.model, {}) as session:
        [answer] = session.generate([prompt("What is 7 plus two?")], max_new_tokens=8)
    assert answer.finish in ("stop", "length")
    assert answer.prompt_tokens > 0


def test_the_same_seed_gives_the_same(name: str, base: str, unbroken, tmp_path: Path):
    result, _, _ = unbroken
    again = registry.trainer(name).train(job_for(name, base, tmp_path / "out"), RecordingTools())
    assert again.loss == result.loss
    assert files(Path(again.served_by.model)) == files(Path(result.served_by.model))


def test_another_seed_gives_another(name: str, base: str, unbroken, tmp_path: Path):
    job = job_for(name, base, tmp_path / "out", seed=1)
    assert registry.trainer(name).train(job, RecordingTools()).loss != unbroken[0].loss


def test_stops_when_asked_and_continues_to_the_same_end(
    name: str, base: str, unbroken, tmp_path: Path
):
    result, _, _ = unbroken
    trainer = registry.trainer(name)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(job_for(name, base, tmp_path / "out"), RecordingTools(stop_at=5))
    own = home(tmp_path / "out")
    assert not (own / "final").exists()
    tools = RecordingTools()
    continued = trainer.train(job_for(name, base, tmp_path / "out", resume=True), tools)
    assert continued.resumed_from_step == 5
    assert tools.events[0].kind == "resume"
    assert [event.step for event in tools.of("step")] == list(range(6, 13))
    assert continued.loss == result.loss
    assert files(own / "final") == files(Path(result.served_by.model))
    assert {p.name for p in own.iterdir()} == {"final", "result.json"}


def test_a_finished_job_is_not_trained_again(name: str, base: str, unbroken):
    result, _, place = unbroken
    tools = RecordingTools()
    job = job_for(name, base, place / "out", resume=True)
    assert registry.trainer(name).train(job, tools) == result
    assert tools.of("step") == []


def test_another_job_in_the_folder_starts_afresh(name: str, base: str, tmp_path: Path):
    trainer = registry.trainer(name)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(job_for(name, base, tmp_path / "out"), RecordingTools(stop_at=3))
    (tmp_path / "out" / "notes.txt").write_text("not the trainer's")
    tools = RecordingTools()
    job = job_for(name, base, tmp_path / "out", resume=True, epochs=1, learning_rate=5e-3)
    result = trainer.train(job, tools)
    assert result.resumed_from_step is None
    assert [event.step for event in tools.of("step")] == list(range(1, 7))
    assert (tmp_path / "out" / "notes.txt").read_text() == "not the trainer's"


def test_a_result_whose_files_are_gone_is_not_believed(name: str, base: str, tmp_path: Path):
    trainer = registry.trainer(name)
    job = job_for(name, base, tmp_path / "out", epochs=0.5, resume=True)
    final = Path(trainer.train(job, RecordingTools()).served_by.model)
    largest = max(final.iterdir(), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    tools = RecordingTools()
    trainer.train(job, tools)
    assert len(tools.of("step")) == 3


def test_no_samples_is_told(name: str, base: str, tmp_path: Path):
    job = job_for(name, base, tmp_path / "out", train_samples=())
    with pytest.raises(DatasetError, match="no training samples"):
        registry.trainer(name).train(job, RecordingTools())


def test_a_folder_that_cannot_be_written_is_told(name: str, base: str, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    job = job_for(name, base, tmp_path / "file" / "out")
    with pytest.raises(StorageError):
        registry.trainer(name).train(job, RecordingTools())
    assert (tmp_path / "file").read_text() == "in the way"
