"""What every exporter promises.

It says what it needs and which options it takes, and refuses others before it writes; it writes
below its folder only, and lists all that it wrote; what was tuned, and its base, stay as they are;
what serves it names no place of this machine; and what can be opened here answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from advisor import registry
from advisor.contracts import Foreseeing
from advisor.errors import AdvisorError, MissingExtraError, MissingProgramError, PlanError
from advisor.schema.export import Exported, ExportJob
from tests.fixtures.training import RecordingTools, prompt, training_job
from tests.trainers.exporting.tuned import contents, tuned_by

GROUP = "advisor.exporters"
NAMES = registry.names(GROUP)
OF_WEIGHTS = [n for n in NAMES if "weights" in registry.exporter(n).info.needs]
OF_TRAINING = [n for n in NAMES if "training" in registry.exporter(n).info.needs]
BASE = "/somewhere/models/base"
"""Of trainings; it need not be there to be written down."""
SECRET_ROW = "What is 7 plus two?"


class Made(NamedTuple):
    job: ExportJob
    found: Exported
    folder: Path
    untouched: dict[str, Any]
    places: tuple[str, ...]
    """Of this machine: of the run, of the model and of its base, which no file may hold."""


@pytest.fixture(scope="module")
def tuned(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter on a miniature model."""
    folder = tmp_path_factory.mktemp("tuned") / "adapter"
    tuned_by("lora", tiny_llama, folder, rank=8)
    return folder


def a_job(name: str, model: Path, folder: Path, **options: str) -> ExportJob:
    training = training_job(BASE, folder) if name in OF_TRAINING else None
    return ExportJob(
        model=str(model),
        name="two-adder",
        output_dir=str(folder),
        instruction="Add two.",
        max_new_tokens=4,
        options=options,
        train_job=training,
        plan=training.plan if training else None,
    )


def make(name: str, model: Path, place: Path) -> Made:
    folder = place / "out"
    folder.mkdir()
    job = a_job(name, model, folder)
    before = {**contents(model)} if model.is_dir() else {}
    try:
        with _silence():
            found = registry.exporter(name).export(job, RecordingTools(cache_dir=place))
    except (MissingExtraError, MissingProgramError) as error:
        pytest.skip(error.message)
    told = model / "adapter_config.json"
    base = json.loads(told.read_text())["base_model_name_or_path"] if before else BASE
    places = (
        (str(Path(base).parent), str(model.parent), str(place)) if before else (BASE, str(place))
    )
    return Made(job, found, folder, before, places)


def _silence() -> Any:
    import warnings

    return warnings.catch_warnings(action="ignore")


@pytest.fixture(scope="module")
def plainly_read(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on a base whose tokenizer a GGUF file can hold; the embedded model's it cannot."""
    folder = tmp_path_factory.mktemp("plain") / "adapter"
    tuned_by("lora", tiny_llama, folder, rank=8)
    return folder


@pytest.fixture(scope="module", params=OF_WEIGHTS)
def of_weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    held_in_gguf = request.param in ("gguf", "ollama")
    model = request.getfixturevalue("plainly_read" if held_in_gguf else "tuned")
    return make(request.param, model, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=OF_TRAINING)
def of_training(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(request.param, Path("unused"), tmp_path_factory.mktemp(request.param))


def test_there_are_exporters_of_both_kinds():
    assert {"merged", "quantised", "vllm"} <= set(OF_WEIGHTS)
    assert {"axolotl", "llamafactory", "trl"} <= set(OF_TRAINING)
    assert sorted((*OF_WEIGHTS, *OF_TRAINING)) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name: str):
    info = registry.exporter(name).info
    assert info.id == name
    assert info.label
    assert info.needs in (("weights",), ("training",))
    assert not info.spends_money


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused_before_anything_is_written(name: str, tmp_path: Path):
    (tmp_path / "out").mkdir()
    job = a_job(name, tmp_path / "unused", tmp_path / "out", flavour="mint")
    with pytest.raises(PlanError, match="'flavour'") as told:
        registry.exporter(name).export(job, RecordingTools())
    assert told.value.hint
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.ml
@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_no_model_is_told_in_one_sentence(name: str, tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(AdvisorError) as told:
        registry.exporter(name).export(
            a_job(name, tmp_path / "nothing", tmp_path / "out"), RecordingTools()
        )
    assert "\n" not in told.value.message
    assert told.value.hint


@pytest.mark.parametrize("name", OF_TRAINING)
def test_no_training_is_told(name: str, tmp_path: Path):
    job = a_job(name, tmp_path / "unused", tmp_path).model_copy(update={"train_job": None})
    with pytest.raises(PlanError, match="no training"):
        registry.exporter(name).export(job, RecordingTools())


@pytest.mark.ml
def test_weights_are_written_below_the_folder_and_all_of_it_is_listed(of_weights: Made):
    written_as_promised(of_weights)
    assert of_weights.untouched == contents(Path(of_weights.job.model))
    assert of_weights.found.precision


def test_a_training_is_written_below_the_folder_and_all_of_it_is_listed(of_training: Made):
    written_as_promised(of_training)
    found = of_training.found
    assert found.served_by is None
    rows = "".join(
        content.decode() for name, content in contents(of_training.folder).items() if "json" in name
    )
    assert SECRET_ROW in rows
    assert any(
        "Start it in this folder" in c.decode() for c in contents(of_training.folder).values()
    )


def written_as_promised(made: Made) -> None:
    found, folder = made.found, made.folder
    for name, content in contents(folder).items():
        for place in made.places:
            assert place.encode() not in content, name
    assert found.output_dir == str(folder)
    assert sorted(found.files) == sorted(contents(folder))
    assert {path.name for path in folder.parent.iterdir()} == {"out"}
    assert found.snippets
    for snippet in found.snippets:
        for place in (str(folder), made.job.model, str(folder.parent)):
            assert (
                place not in f"{snippet.text} {snippet.note} {snippet.title}" or place == "unused"
            )
    for told in (*found.notes, *found.unchecked):
        assert "\n" not in told
        assert str(folder) not in told
        assert SECRET_ROW not in told


WRONG = {
    "merged": {"dtype": "int3"},
    "quantised": {"bits": "3"},
    "gguf": {"quantisation": "q 8"},
    "ollama": {"form": "round"},
    "vllm": {"as": "is"},
}
"""Form -> an option of it with a value that there is not."""


@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_a_wrong_value_is_told_before_anything_is_opened_or_written(name: str, tmp_path: Path):
    exporter = registry.exporter(name)
    if not isinstance(exporter, Foreseeing):
        pytest.skip("it says nothing beforehand")
    nowhere = tmp_path / "nowhere"
    for options in ({"no such option": "1"}, *([WRONG[name]] if name in WRONG else [])):
        with pytest.raises(PlanError):
            exporter.check(a_job(name, nowhere, nowhere, **options))
    assert not nowhere.exists()


def test_all_of_ours_say_something_beforehand():
    assert all(isinstance(registry.exporter(name), Foreseeing) for name in WRONG)


@pytest.mark.ml
def test_what_can_be_opened_here_answers(of_weights: Made):
    served = of_weights.found.served_by
    if served is None:
        assert of_weights.found.unchecked
        return
    settings = {"device": "cpu"} if served.backend == "transformers" else {}
    try:
        with (
            _silence(),
            registry.backend(served.backend).open(
                served.model, settings | served.settings
            ) as session,
        ):
            answer = session.generate([prompt("What is 3 plus two?")], max_new_tokens=4)[0]
    except (MissingExtraError, MissingProgramError) as error:
        pytest.skip(error.message)
    assert answer.completion_tokens > 0
