"""What an engine still promises whose work is done by a program or a service that is not here.

It names pairs that exist; it refuses in one sentence with a way out, or writes the whole job down
and says the command; it writes nothing outside its folder, and nothing at all for a job that it
cannot take; it leaves alone what others left; and asking it what it is costs nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import AdvisorError, DatasetError, MissingProgramError, StorageError
from tests.conformance.test_trainers import ELSEWHERE, files
from tests.fixtures.training import RecordingTools, training_job

ASKED_IN_VAIN = "http://127.0.0.1:9/v1"
"""Nobody listens at the discard port."""


@pytest.fixture(params=sorted(ELSEWHERE))
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UNSLOTH_PYTHON", raising=False)
    monkeypatch.setenv("OPENAI_BASE_URL", ASKED_IN_VAIN)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-shown-0123456789")
    if request.param == "hosted":
        pytest.importorskip("openai")
        from trainers.engines.hosted import _service

        monkeypatch.setattr(_service, "ATTEMPTS", 2)
    return request.param


def a_job(folder: Path, **changes):
    return training_job("tiny", folder, method_options={}, **changes)


def test_the_set_names_registered_trainers():
    assert set(registry.names("advisor.trainers")) >= ELSEWHERE


def test_it_names_pairs_that_exist(name: str):
    info = registry.trainer(name).info
    assert info.id == name
    assert info.pairs
    assert len(set(info.pairs)) == len(info.pairs)
    for objective, method in info.pairs:
        assert objective in registry.names("advisor.objectives")
        assert method == "*" or method in registry.names("advisor.methods")
    assert info.spends_money is not info.trains_here


def test_it_refuses_in_one_sentence_and_says_the_way_out(name: str, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("not the trainer's")
    with pytest.raises(AdvisorError) as told:
        registry.trainer(name).train(a_job(tmp_path / "out"), RecordingTools())
    error = told.value
    assert "\n" not in error.message
    assert error.message.endswith(".")
    assert error.hint
    assert "sk-never-shown" not in f"{error.message} {error.hint} {error.where}"
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    assert (tmp_path / "out" / "notes.txt").read_text() == "not the trainer's"
    if isinstance(error, MissingProgramError):
        folder = Path(error.hint.partition("cd ")[2].partition(" && ")[0])
        assert folder.is_relative_to(tmp_path / "out")
        assert files(folder)
        assert all(content for file, content in files(folder).items() if file != "NOTES.txt")


def test_writing_it_down_twice_gives_the_same(name: str, tmp_path: Path):
    told = []
    for place in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(AdvisorError):
            registry.trainer(name).train(a_job(place), RecordingTools())
        told.append({f: c for f, c in files(place).items() if "hosted.json" not in f})
        told[-1] = {f: c for f, c in told[-1].items() if "progress.json" not in f}
    assert told[0] == told[1]


def test_no_samples_is_told_before_anything_is_written(name: str, tmp_path: Path):
    with pytest.raises(DatasetError, match="no training samples"):
        registry.trainer(name).train(a_job(tmp_path / "out", train_samples=()), RecordingTools())
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(name: str, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        registry.trainer(name).train(a_job(tmp_path / "file" / "out"), RecordingTools())
    assert (tmp_path / "file").read_text() == "in the way"
