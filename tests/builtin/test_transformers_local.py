"""Model folders good and bad: one clear sentence for each fault, and honest answers else."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import (
    BackendError,
    MissingExtraError,
    ModelFolderError,
    UnsupportedArchitectureError,
)
from advisor.resources import embedded_model_root
from tests.fixtures.tiny_llama import TEMPLATE, edit_json, make_tiny_llama
from tests.fixtures.training import prompt, training_plan, training_samples

BACKEND = registry.backend("transformers")


@pytest.fixture
def folder(tiny_llama: str, tmp_path: Path) -> Path:
    """A copy that may be broken."""
    return Path(shutil.copytree(tiny_llama, tmp_path / "model"))


def drop(*names: str):
    return lambda folder: [(folder / name).unlink() for name in names]


def write(name: str, content: bytes):
    return lambda folder: (folder / name).write_bytes(content)


FAULTS = {
    "no config": (drop("config.json"), ModelFolderError, "has no config.json"),
    "broken config": (write("config.json", b"{"), ModelFolderError, "config.json cannot be read"),
    "config is a list": (write("config.json", b"[]"), ModelFolderError, "not hold a JSON object"),
    "no tokenizer": (drop("tokenizer.json"), ModelFolderError, "has no tokenizer"),
    "broken tokenizer": (write("tokenizer.json", b"{"), ModelFolderError, "tokenizer"),
    "no weights": (drop("model.safetensors"), ModelFolderError, "has no weights"),
    "cut weights": (write("model.safetensors", b"half"), ModelFolderError, "cannot be read"),
    "unknown architecture": (
        lambda f: edit_json(f / "config.json", model_type="nonsense", architectures=["Nonsense"]),
        UnsupportedArchitectureError,
        "nonsense",
    ),
    "weights of another shape": (
        lambda f: edit_json(f / "config.json", num_hidden_layers=3),
        ModelFolderError,
        "lack",
    ),
}


@pytest.mark.ml
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_folder_is_told(folder: Path, fault: str, capfd: pytest.CaptureFixture):
    spoil, kind, words = FAULTS[fault]
    spoil(folder)
    with pytest.raises(kind) as caught:
        BACKEND.open(str(folder), {})
    assert words in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.ml
def test_a_hub_id_offline_is_told():
    with pytest.raises(ModelFolderError, match="nobody/nothing") as caught:
        BACKEND.open("nobody/nothing", {})
    assert "ADVISOR_ALLOW_DOWNLOAD=1" in caught.value.hint


@pytest.mark.ml
def test_a_hub_id_in_the_cache_asks_the_hub_nothing(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    commit = "0123456789abcdef0123456789abcdef01234567"
    there = tmp_path / "models--nobody--tiny"
    shutil.copytree(tiny_llama, there / "snapshots" / commit)
    (there / "refs").mkdir()
    (there / "refs" / "main").write_text(commit)
    monkeypatch.delenv("ADVISOR_ALLOW_DOWNLOAD", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    looked_up: list[object] = []

    def refuse(*told: object, **_more: object) -> None:
        looked_up.append(told[0])
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with BACKEND.open("nobody/tiny", {}) as session, BACKEND.open(tiny_llama, {}) as same:
        assert session.model_digest == same.model_digest
        assert session.generate([prompt("hello")], max_new_tokens=2)[0].finish != "error"
    assert looked_up == []


@pytest.mark.ml
def test_an_adapter_without_its_base_is_told(folder: Path):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/gone/base"}')
    with pytest.raises(ModelFolderError, match="base model '/gone/base' is not there"):
        BACKEND.open(str(folder), {})


@pytest.mark.ml
def test_a_device_that_is_not_there_is_told(tiny_llama: str):
    with pytest.raises(BackendError, match="'warp' is not there"):
        BACKEND.open(tiny_llama, {"device": "warp"})


def test_a_missing_extra_is_named(folder_without_ml: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("advisor.builtin.backends.transformers_local.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match="Running a local model"):
        BACKEND.open(str(folder_without_ml), {})


@pytest.fixture
def folder_without_ml(tmp_path: Path) -> Path:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    return tmp_path


@pytest.mark.ml
def test_prompts_too_long_come_back_as_failures(tmp_path: Path):
    model = make_tiny_llama(tmp_path / "short", context=64)
    with BACKEND.open(str(model), {}) as session:
        asked = [prompt("short"), prompt("x" * 100), prompt("y" * 45)]
        fits, too_long, tight = session.generate(asked, max_new_tokens=20)
    assert fits.finish in ("stop", "length")
    assert (too_long.finish, too_long.text) == ("error", "")
    assert too_long.error == f"The prompt has {too_long.prompt_tokens} tokens, the model takes 64."
    assert tight.prompt_tokens + tight.completion_tokens <= 64


@pytest.mark.ml
def test_a_base_model_without_chat_template_answers(tmp_path: Path):
    model = make_tiny_llama(tmp_path / "base", template=None)
    with BACKEND.open(str(model), {}) as session:
        [answer] = session.generate([prompt("Hi")], max_new_tokens=4)
    assert answer.prompt_tokens > len("### System\nAdd two.\n\n### User\nHi\n\n### Assistant\n") - 5
    assert answer.finish in ("stop", "length")


@pytest.mark.ml
def test_a_template_without_system_role_answers_and_trains_in_one_form(tmp_path: Path):
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl._rows import rows_of

    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    model = make_tiny_llama(tmp_path / "strict", template=refusal + TEMPLATE)
    with BACKEND.open(str(model), {}) as session:
        [answer] = session.generate([prompt("What is 0 plus two?")], max_new_tokens=4)
    tokenizer = open_tokenizer(training_plan(str(model)))
    [row] = rows_of(training_samples(1), "Add two.", tokenizer, sequence_length=128).dataset
    assert answer.prompt_tokens == row["labels"].count(-100)
    assert "<|user|>Add two.\n\nWhat is 0 plus two?" in tokenizer.decode(row["input_ids"])


@pytest.mark.ml
def test_changed_weights_have_another_digest(folder: Path, tiny_llama: str):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    changed = BACKEND.open(str(folder), {}).model_digest
    assert changed != BACKEND.open(tiny_llama, {}).model_digest


@pytest.mark.ml
def test_the_embedded_model_answers():
    with BACKEND.open(str(embedded_model_root()), {}) as session:
        [answer] = session.generate([prompt("Hello")], max_new_tokens=16)
    assert answer.text
    assert answer.finish in ("stop", "length")


@pytest.mark.ml
@pytest.mark.slow
def test_nothing_foreign_reaches_the_screen(tiny_llama: str):
    code = (
        "from advisor import registry; from tests.fixtures.training import prompt, training_plan, training_samples;"
        f"s = registry.backend('transformers').open({tiny_llama!r}, {{}});"
        "s.generate([prompt('Hi')], max_new_tokens=3)"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert (outcome.stdout, outcome.stderr) == ("", "")
