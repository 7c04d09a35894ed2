"""What the exporters write: complete folders, every stop token, the chat form, commands that run."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.errors import ModelFolderError, PlanError, StorageError
from advisor.schema.export import Exported
from tests.fixtures.small_files import files_of_at_most
from tests.fixtures.tiny_llama import edit_json
from tests.fixtures.training import RecordingTools, prompt
from tests.trainers.exporting.tuned import (
    contents,
    export_job,
    logits,
    opened,
    peft_adapter,
    tuned_by,
)

pytestmark = [pytest.mark.ml, pytest.mark.filterwarnings("ignore")]

EDITED = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}>"


def exported(form: str, model: Path | str, folder: Path, **options: str) -> Exported:
    job = export_job(model, folder, **options)
    return registry.exporter(form).export(job, RecordingTools())


def answers(folder: str, questions: int, tokens: int = 16) -> list[str]:
    asked = [
        prompt(f"What is {i} plus two? It is number {i * 37 % 101}.") for i in range(questions)
    ]
    with registry.backend("transformers").open(folder, {"device": "cpu"}) as session:
        return [one.text for one in session.generate(asked, max_new_tokens=tokens)]


@pytest.fixture(scope="module")
def adapter(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter whose chat form was edited, on a base with a stop token of its own."""
    place = tmp_path_factory.mktemp("adapter")
    shutil.copytree(tiny_llama, place / "base")
    edit_json(place / "base" / "generation_config.json", eos_token_id=[4, 5], temperature=0.7)
    tuned_by("lora", str(place / "base"), place / "tuned")
    (place / "tuned" / "chat_template.jinja").write_text(EDITED)
    return place / "tuned"


def test_stop_tokens_and_the_edited_chat_form_are_written(adapter: Path, tmp_path: Path):
    before = contents(adapter)
    found = exported("merged", adapter, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert told["eos_token_id"] == [4, 5, 2]
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == EDITED
    assert "advisor" not in (tmp_path / "out" / "config.json").read_text()
    assert not {"base.json", "adapter_config.json"} & set(found.files)
    assert found.precision == "float32"
    assert not found.is_lossy
    modes = {file.stat().st_mode for file in (tmp_path / "out").iterdir()}
    assert len(modes) == 1
    assert contents(adapter) == before
    whole, at = opened(str(tmp_path / "out")), opened(str(adapter.parent / "base"))
    assert (logits(whole) - logits(at)).abs().max() > 0.01
    with registry.backend("transformers").open(str(tmp_path / "out"), {"device": "cpu"}) as session:
        assert set(session.ends) == {"<|user|>", "<|assistant|>", "<|end|>"}


def test_a_whole_model_is_copied_byte_by_byte_and_completed(tiny_llama: str, tmp_path: Path):
    tuned_by("llama_pro", tiny_llama, tmp_path / "tuned", method_options={"blocks": 1})
    (tmp_path / "tuned" / "chat_template.jinja").unlink()
    (tmp_path / "tuned" / "optimizer.pt").write_bytes(b"of the training")
    found = exported("merged", tmp_path / "tuned", tmp_path / "out")
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "tuned" / name).read_bytes()
    assert not {"base.json", "optimizer.pt"} & set(found.files)
    form = (tmp_path / "out" / "chat_template.jinja").read_text()
    assert form == _open_form(tmp_path / "tuned")
    assert opened(str(tmp_path / "out")).config.num_hidden_layers == 3
    again = exported("merged", tmp_path / "tuned", tmp_path / "half", dtype="bfloat16")
    assert str(opened(str(tmp_path / "half")).dtype) == "torch.bfloat16"
    assert again.is_lossy
    assert "rounded to bfloat16" in again.notes[0]


def _open_form(folder: Path) -> str:
    """The form that is taken for a model without one."""
    from trainers.engines.trl._model import tokenizer_at

    return str(tokenizer_at(str(folder)).chat_template)


def test_what_a_merge_of_a_packed_training_means_is_told(tiny_llama: str, tmp_path: Path):
    import torch

    bits = {"base_bits": 4, "quantisation": "nf4"}
    tuned_by("qlora", tiny_llama, tmp_path / "tuned", **bits)
    found = exported("merged", tmp_path / "tuned", tmp_path / "out", dtype="bfloat16")
    whole = opened(str(tmp_path / "out"))
    assert {one.dtype for one in whole.parameters()} == {torch.bfloat16}
    assert "quantization_config" not in json.loads((tmp_path / "out" / "config.json").read_text())
    assert "base in 4 bits" in found.notes[0]
    assert found.is_lossy


def test_what_the_settings_leave_out_is_no_end_whatever_the_configuration_says(tmp_path: Path):
    from trainers.exporting._writing import model_ends

    (tmp_path / "config.json").write_text('{"eos_token_id": 9}')
    assert model_ends(tmp_path) == 9
    (tmp_path / "generation_config.json").write_text("{}")
    assert model_ends(tmp_path) is None


def test_too_small_a_disk_is_told_before_merging(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from trainers.engines.trl import disk

    monkeypatch.setattr(disk, "free_bytes", lambda _folder: 1000)
    for form in ("merged", "gguf", "vllm"):
        with pytest.raises(
            StorageError, match=r"has 0\.0 MB free, and the model takes up to 6\d\.\d"
        ):
            exported(form, adapter, tmp_path / form)
        assert not contents(tmp_path / form)


def test_a_disk_that_is_full_in_between_is_told(tiny_llama: str, tmp_path: Path):
    from transformers import AutoTokenizer

    from trainers.exporting._writing import write_model

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    with files_of_at_most(100_000), pytest.raises(StorageError, match="cannot be written"):
        write_model(opened(tiny_llama), tokenizer, tmp_path)


def test_an_option_that_is_none_of_the_known_is_told(adapter: Path, tmp_path: Path):
    with pytest.raises(PlanError, match="'dtype' is 'int4'"):
        exported("merged", adapter, tmp_path / "out", dtype="int4")


@pytest.mark.slow  # the conformance suite opens one of 4 bits
def test_a_packed_export_is_opened_and_answers(adapter: Path, tmp_path: Path):
    found = exported("quantised", adapter, tmp_path / "out", bits="8")
    assert found.precision == "int8"
    assert found.is_lossy
    assert found.snippets[0].was_run
    assert not (tmp_path / "out" / ".unpacked").exists()
    told = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"]
    assert told["load_in_8bit"]
    assert len(answers(str(tmp_path / "out"), 2)) == 2
    whole = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert whole["eos_token_id"] == [4, 5, 2]


def test_an_adapter_of_a_packed_base_is_served_beside_it(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from trainers.exporting import _vllm

    shutil.copytree(adapter.parent / "base", tmp_path / "packed")
    shutil.copytree(adapter, tmp_path / "tuned")
    edit_json(tmp_path / "packed" / "config.json", quantization_config={"quant_method": "gptq"})
    edit_json(
        tmp_path / "tuned" / "adapter_config.json",
        base_model_name_or_path=str(tmp_path / "packed"),
    )
    monkeypatch.setattr(_vllm, "ran", lambda snippet, *_told: snippet)  # no kernels of GPTQ here
    exported("vllm", tmp_path / "tuned", tmp_path / "out")
    assert (tmp_path / "out" / "adapter" / "adapter_config.json").is_file()
    with pytest.raises(ModelFolderError, match="are packed"):
        exported("vllm", tmp_path / "tuned", tmp_path / "other", **{"as": "merged"})


def started(folder: Path, place: Path, **environment: str) -> list[str]:
    """What `serve.sh` tells a stand-in for vLLM, which is not installed here."""
    place.mkdir()
    program = place / "vllm"
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    told = {"PATH": f"{place}:{os.environ['PATH']}"} | environment
    run = subprocess.run(
        ["sh", str(folder / "serve.sh"), "--port", "9"],
        capture_output=True,
        text=True,
        check=True,
        env=told,
        cwd=place,
    )
    return run.stdout.splitlines()


def test_vllm_is_told_adapter_rank_template_and_stop_tokens(adapter: Path, tmp_path: Path):
    found = exported("vllm", adapter, tmp_path / "out")
    words = started(tmp_path / "out", tmp_path / "bin", BASE="/models/base one")
    assert words[:2] == ["serve", "/models/base one"]
    pairs = dict(itertools.pairwise(words))
    assert pairs["--lora-modules"] == "tuned=adapter"
    assert pairs["--max-lora-rank"] == "8"
    assert pairs["--tokenizer"] == "adapter"
    assert (tmp_path / "out" / pairs["--chat-template"]).read_text() == EDITED
    assert words[-2:] == ["--port", "9"]
    told = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert told["eos_token_id"] == [4, 5, 2]
    assert "vLLM was not run here" in found.unchecked[0]
    assert found.snippets[-1].was_run
    copied = contents(tmp_path / "out" / "adapter")
    changed = {"README.md", "base.json", "adapter_config.json"}
    assert all(copied[n] == c for n, c in contents(adapter).items() if n not in changed)
    assert "base.json" not in copied


def test_no_place_of_this_machine_goes_along_and_serve_sh_asks_for_the_base(
    adapter: Path, tmp_path: Path
):
    found = exported("vllm", adapter, tmp_path / "out")
    base = str(adapter.parent / "base")
    for content in contents(tmp_path / "out").values():
        assert str(adapter.parent).encode() not in content
    assert found.served_by is not None
    assert found.served_by.settings == {"dtype": "float32", "base": base}
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        started(tmp_path / "out", tmp_path / "bin")
    assert "BASE: set it to the folder of the base model" in stopped.value.stderr
    assert 'os.environ["BASE"]' in found.snippets[-1].text
    assert found.snippets[-1].was_run
    assert "BASE" not in os.environ


def test_a_base_of_the_hub_stays_named(tiny_llama: str, tmp_path: Path):
    cached = tmp_path / "models--house--tiny" / "snapshots" / "abc"
    shutil.copytree(tiny_llama, cached)
    tuned_by("lora", str(cached), tmp_path / "tuned")
    found = exported("vllm", tmp_path / "tuned", tmp_path / "out")
    assert started(tmp_path / "out", tmp_path / "bin")[1] == "house/tiny"
    told = json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text())
    assert told["base_model_name_or_path"] == "house/tiny"
    assert all(str(tmp_path).encode() not in one for one in contents(tmp_path / "out").values())
    assert found.served_by is not None


def test_what_vllm_is_told_to_serve_is_what_is_checked(adapter: Path, tmp_path: Path):
    found = exported("vllm", adapter, tmp_path / "out", dtype="bfloat16")
    assert "--dtype\nbfloat16" in "\n".join(started(tmp_path / "out", tmp_path / "bin", BASE="b"))
    assert found.served_by is not None
    assert found.served_by.settings["dtype"] == found.precision == "bfloat16"
    assert found.is_lossy
    whole = exported("vllm", adapter, tmp_path / "whole")
    assert not whole.is_lossy


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "biases"),
        ({"alpha_pattern": {"q_proj": 2}}, "alphas"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "embeddings"),
    ],
)
def test_vllm_gets_the_merged_model_where_it_takes_no_such_adapter(
    tiny_llama: str, tmp_path: Path, settings: dict[str, Any], why: str
):
    from trainers.exporting.vllm import refused_by_vllm
    from trainers.origin import origin_of

    peft_adapter(tiny_llama, tmp_path / "t", **{"target_modules": ["q_proj"]} | settings)
    assert why in refused_by_vllm(origin_of(tmp_path / "t"))


def test_vllm_serves_a_merged_model_under_its_name(tiny_llama: str, tmp_path: Path):
    tuned_by("dora", tiny_llama, tmp_path / "tuned")
    found = exported("vllm", tmp_path / "tuned", tmp_path / "out")
    words = started(tmp_path / "out", tmp_path / "bin")
    assert words[:4] == ["serve", "model", "--served-model-name", "tuned"]
    assert "--enable-lora" not in words
    assert "the merged model is served" in found.notes[0]
    assert "model/model.safetensors" in found.files
    with pytest.raises(PlanError, match="cannot be served as an adapter"):
        exported("vllm", tmp_path / "tuned", tmp_path / "other", **{"as": "adapter"})


def test_rank_takes_the_next_size_that_vllm_has():
    from trainers.exporting.vllm import rank_for

    sizes = [rank_for({"r": rank}) for rank in (1, 4, 8, 9, 100, 320, 512, 513)]
    assert sizes == [1, 8, 8, 16, 128, 320, 512, None]


def test_the_serving_snippet_runs_as_it_stands(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = exported("merged", adapter, tmp_path / "out")
    snippet = found.snippets[-1]
    assert snippet.was_run
    assert snippet.language == "python"
    monkeypatch.chdir(tmp_path / "out")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(snippet.text, "<snippet>", "exec"), {})  # it is what users paste
    assert said.getvalue().endswith("\n")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["merged", "quantised", "vllm"])
def test_the_serving_snippet_runs_in_a_process_of_its_own(adapter: Path, tmp_path: Path, form: str):
    found = exported(form, adapter, tmp_path / "out")
    base = json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"]
    run = subprocess.run(
        [sys.executable, "-c", found.snippets[-1].text],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path / "out",
        env=os.environ | {"BASE": base},  # which the adapter's example asks for, and says so
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("\n")


def test_a_snippet_that_fails_is_told(tmp_path: Path):
    from advisor.schema.export import Snippet
    from trainers.exporting._running import ran

    told = ran(Snippet(title="", language="python", text="open('no such file')"), tmp_path)
    assert told.was_run is False
    assert "no such file" in told.note
    silent = ran(Snippet(title="", language="python", text="print()"), tmp_path)
    assert silent.was_run
    assert "printed nothing" in silent.note


def test_a_snippet_that_breaks_its_process_down_takes_nothing_with_it(tmp_path: Path):
    from advisor.schema.export import Snippet
    from trainers.exporting._running import ran_apart

    def told(text: str) -> Snippet:
        return ran_apart(Snippet(title="", language="python", text=text), tmp_path)

    broken = told("import os; os.abort()")
    assert broken.was_run is False
    assert "exit code -6" in broken.note
    assert "ZeroDivisionError" in told("1 / 0").note
    assert told("import os; print(os.getcwd())").note == ""
    assert told("import os; print(os.getcwd())").was_run


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter on the embedded model, trained a few steps."""
    import torch
    from peft import LoraConfig, get_peft_model

    from advisor.resources import embedded_model_root
    from trainers.engines.trl._model import tokenizer_at

    base, folder = str(embedded_model_root()), tmp_path_factory.mktemp("learnt")
    tokenizer = tokenizer_at(base)
    torch.manual_seed(0)
    model = get_peft_model(
        opened(base, dtype=torch.float32),
        LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    rows = [f"What is {i} plus two? It is {i + 2}, and that is all." for i in range(8)]
    batch = tokenizer(rows, return_tensors="pt", padding=True)
    for _ in range(8):
        loss = model(**batch, labels=batch["input_ids"]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(str(folder))
    return folder


@pytest.mark.slow  # benchmarks/results/exports.json has it; `advisor merge` asks some each time
def test_at_least_99_of_100_greedy_answers_stay_the_same(learnt: Path, tmp_path: Path):
    from advisor.resources import embedded_model_root

    exported("merged", learnt, tmp_path / "out")
    before, after = answers(str(learnt), 100, 8), answers(str(tmp_path / "out"), 100, 8)
    base = answers(str(embedded_model_root()), 10, 8)
    assert sum(a != b for a, b in zip(base, before, strict=False)) > 5  # it has learnt something
    assert sum(a == b for a, b in zip(before, after, strict=True)) >= 99
