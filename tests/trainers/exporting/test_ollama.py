"""What Ollama is told asks as the tuned model was asked, and stops where it stopped."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import MissingProgramError, PlanError
from tests.fixtures.tiny_llama import edit_json
from tests.fixtures.training import INSTRUCTION, RecordingTools
from tests.trainers.exporting.test_gguf import ODD
from tests.trainers.exporting.tuned import export_job, tuned_by
from trainers.exporting.go_template import evaluated
from trainers.exporting.modelfile import parsed
from trainers.exporting.ollama import OllamaExporter

pytestmark = pytest.mark.ml

NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def exported(model: Path | str, folder: Path, **options: str) -> Any:
    return OllamaExporter().export(export_job(model, folder, **options), RecordingTools())


@pytest.fixture(scope="module")
def whole(tiny_llama, tmp_path_factory) -> Any:
    return exported(tiny_llama, tmp_path_factory.mktemp("ollama") / "out")


def changed(tiny_llama: str, folder: Path, template: str, **generation: Any) -> Path:
    shutil.copytree(tiny_llama, folder)
    (folder / "chat_template.jinja").write_text(template)
    if generation:
        edit_json(folder / "generation_config.json", **generation)
    return folder


def test_the_modelfile_says_all_that_the_proof_rests_on(whole):
    out = Path(whole.output_dir)
    file = parsed((out / "Modelfile").read_text())
    assert whole.files == ("Modelfile", "create.sh", "tuned.gguf")
    assert file.base == "./tuned.gguf"
    assert file.system == INSTRUCTION
    assert file.stops == ("<|end|>",)
    assert file.parameters == {"temperature": "0", "num_predict": "4", "num_ctx": "256"}
    assert os.access(out / "create.sh", os.X_OK)
    assert "ollama create tuned -f Modelfile" in (out / "create.sh").read_text()
    assert whole.served_by.backend == "gguf"


@pytest.mark.skipif(shutil.which("ollama") is not None, reason="Ollama is here")
def test_that_ollama_was_not_run_is_said(whole):
    assert any(told.startswith("Ollama is not installed") for told in whole.unchecked)
    assert all(snippet.was_run is None for snippet in whole.snippets)


def test_the_server_is_asked_as_was_evaluated(whole):
    words = shlex.split(whole.snippets[1].text)
    told = json.loads(words[words.index("-d") + 1])
    assert told["messages"][0] == {"role": "system", "content": INSTRUCTION}
    assert told["options"] == {"num_predict": 4, "temperature": 0}


def test_the_tokens_of_a_prompt_are_the_tuned_model_s(whole, tiny_llama):
    """BOS once: the file has it put first, and TEMPLATE does not write it."""
    from transformers import AutoTokenizer

    from trainers.exporting._gguf_plain import PlainEngine

    template = parsed((Path(whole.output_dir) / "Modelfile").read_text()).template
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    words = PlainEngine(Path(whole.served_by.model), 256).words
    assert words.adds_bos
    for text in (*ODD, " spaces "):
        turns = [{"role": "user", "content": text}]
        said = [{"role": "system", "content": "Be brief."}, *turns]
        wanted = tokenizer.apply_chat_template(said, add_generation_prompt=True)["input_ids"]
        made = evaluated(template, system="Be brief.", messages=turns)
        assert [words.bos_id, *words.encode(made)] == wanted
        assert words.encode(made).count(words.bos_id) == text.count("<s>")


def test_every_stop_token_and_cut_spaces_are_told(tiny_llama, tmp_path):
    template = (
        "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] | trim }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    model = changed(tiny_llama, tmp_path / "model", template, eos_token_id=[2, 4])
    found = exported(model, tmp_path / "out")
    file = parsed((tmp_path / "out" / "Modelfile").read_text())
    assert set(file.stops) == {"<|end|>", "<|user|>"}
    assert any("cuts spaces" in note for note in found.notes)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (
            NO_SYSTEM,
            "no system turn",
        ),
        ("{{ messages[-1].content }}{% if add_generation_prompt %}A:{% endif %}", "sequence of"),
    ],
)
def test_what_ollama_cannot_say_is_refused_before_merging(
    tiny_llama, tmp_path, template, why, monkeypatch
):
    monkeypatch.setattr("trainers.exporting._gguf_make.merged_model", None)
    model = changed(tiny_llama, tmp_path / "model", template)
    with pytest.raises(PlanError, match=why):
        exported(model, tmp_path / "out")


def test_a_tokenizer_that_no_gguf_file_can_hold_is_refused_with_what_ollama_takes(
    tiny_llama, tmp_path
):
    model = Path(shutil.copytree(tiny_llama, tmp_path / "model"))
    told = json.loads((model / "tokenizer.json").read_text())
    (model / "tokenizer.json").write_text(json.dumps(told | {"normalizer": {"type": "Lowercase"}}))
    with pytest.raises(PlanError, match="cannot be written into a GGUF file") as refused:
        exported(model, tmp_path / "out")
    hint = refused.value.hint
    assert "llama_cpp=FOLDER" in hint
    assert "form=adapter and base=NAME" in hint
    assert "vocabulary" not in hint  # Ollama's export knows no such option


def test_an_adapter_stands_on_a_base_of_ollama_s(tiny_llama, tmp_path):
    template = (Path(tiny_llama) / "chat_template.jinja").read_text()
    base = changed(tiny_llama, tmp_path / "base", template, eos_token_id=[2, 4])
    tuned_by("lora", str(base), tmp_path / "tuned", rank=8)
    with pytest.raises(PlanError, match="none is named"):
        exported(tmp_path / "tuned", tmp_path / "none", form="adapter")
    found = exported(tmp_path / "tuned", tmp_path / "out", form="adapter", base="llama3.2")
    file = parsed((tmp_path / "out" / "Modelfile").read_text())
    assert (file.base, file.adapter) == ("llama3.2", "./adapter")
    assert set(file.stops) == {"<|end|>", "<|user|>"}  # of generation_config.json, too
    assert "adapter/adapter_model.safetensors" in found.files
    assert found.served_by is None
    told = (tmp_path / "out" / "adapter" / "adapter_config.json").read_text()
    assert str(base) not in told
    assert "'llama3.2' is exactly the base" in found.unchecked[0]


def test_ollama_itself_is_asked_where_it_is(tiny_llama, tmp_path, monkeypatch):
    """A stand-in for the program, which cannot be installed here: what it is called with."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingProgramError, match="Ollama is not here"):
        exported(tiny_llama, tmp_path / "gone", create="yes")
    program = tmp_path / "bin" / "ollama"
    program.parent.mkdir()
    log = tmp_path / "log"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ -e {tmp_path}/down ] && echo no server && exit 1\nexit 0\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    found = exported(tiny_llama, tmp_path / "out", create="yes")
    assert "create tuned -f Modelfile" in log.read_text()
    assert found.served_by.backend == "openai"
    assert json.loads(found.served_by.model_dump_json())["settings"] == {
        "base_url": "http://localhost:11434/v1"
    }
    (tmp_path / "down").touch()
    with pytest.raises(PlanError, match="no server"):
        exported(tiny_llama, tmp_path / "again", create="yes")
