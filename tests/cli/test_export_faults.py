"""Faults planted in a folder that somebody hands over, through the command, with real models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.artifacts import RunFolder
from advisor.cli.errors import door
from advisor.cli.main import cli
from advisor.contracts.contents import model_digest
from advisor.schema.train import Served, TrainResult
from advisor.schema.verify import Verification
from tests.fixtures.finished_runs import finished
from tests.fixtures.tiny_llama import edit_json, tiny_llama
from tests.fixtures.witnesses import adapter_on, merged_into

__all__ = ["finished", "tiny_llama"]

pytestmark = pytest.mark.ml


@pytest.fixture(scope="module")
def tuned(finished, tiny_llama, tmp_path_factory) -> Path:
    """A run whose model is an adapter, kept as its verification says, and its merged export."""
    run = tmp_path_factory.mktemp("tuned") / "run"
    shutil.copytree(finished, run)
    final = next((run / "training").glob("*/final"))
    shutil.rmtree(final)
    adapter_on(tiny_llama, final)
    folder = RunFolder(run)
    training = folder.read("train", TrainResult)
    served = Served(backend="transformers", model=str(final), settings={"device": "cpu"})
    here = {"served_by": served, "output_dir": str(run / "training")}
    folder.write(training.model_copy(update=here), folder.origin("train"))
    with registry.backend("transformers").open(str(final), {"device": "cpu"}) as session:
        digest = session.model_digest
    found = folder.read("verify", Verification)
    manifest = found.tuned.manifest.model_copy(update={"model_digest": digest})
    kept = {"verdict": "keep", "tuned": found.tuned.model_copy(update={"manifest": manifest})}
    origin = folder.origin("verify")
    made_from = origin.made_from | {"train": folder.digest("train")}
    inputs = origin.inputs | {"weights": model_digest(final)}
    told = origin.model_copy(update={"made_from": made_from, "inputs": inputs})
    folder.write(found.model_copy(update=kept), told)
    settings = run / "run.json"
    settings.write_text(settings.read_text().replace('"max_new_tokens": 64', '"max_new_tokens": 4'))
    return run


def export(run: Path, *words: str) -> tuple[int, dict]:
    told = CliRunner().invoke(cli, ["export", "--run-dir", str(run), "--json", "--quiet", *words])
    return told.exit_code, json.loads(told.stdout)


@pytest.fixture(scope="module")
def merged(tuned) -> Path:
    """What the real exporter makes of it, found to be the same by the real check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADVISOR_HOME", str(tuned.parent / "home"))
        code, record = export(tuned, "--to", "merged", "--option", "dtype=float32", "--check", "60")
    assert code == 0, record
    assert record["agreement"]["verdict"] == "same"
    assert record["agreement"]["n"] >= 50
    assert record["verification"] == "keep"
    return tuned / "exports" / "merged"


def another_template(folder: Path) -> None:
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|assistant|>", "<|user|>"))


def ends_told(file: str, **told):
    """The stop token told otherwise in a file, or (told nothing) its key deleted."""

    def plant(folder: Path) -> None:
        kept = json.loads((folder / file).read_text())
        kept = {key: one for key, one in kept.items() if not key.startswith("eos_token")}
        (folder / file).write_text(json.dumps(kept | told))

    return plant


def no_settings_and_none_beside(folder: Path) -> None:
    (folder / "generation_config.json").unlink()
    ends_told("config.json")(folder)


def no_settings(folder: Path) -> None:
    """Nothing is lost: config.json counts then."""
    (folder / "generation_config.json").unlink()


def a_map_without_a_stop_word(folder: Path) -> None:
    """As earlier versions of transformers wrote it: it counts before tokenizer_config.json."""
    (folder / "special_tokens_map.json").write_text('{"eos_token": null}')


def an_older_map(folder: Path) -> None:
    """As earlier versions wrote it, and complete: nothing is lost."""
    (folder / "special_tokens_map.json").write_text('{"eos_token": {"content": "<|end|>"}}')


def no_word_but_a_map(folder: Path) -> None:
    an_older_map(folder)
    ends_told("tokenizer_config.json")(folder)


def a_plain_word(folder: Path) -> None:
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text())
    for one in told["added_tokens"]:
        one["special"] = one["content"] != "<|end|>"
    file.write_text(json.dumps(told))


def no_added_word(folder: Path) -> None:
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text())
    told["added_tokens"] = [t for t in told["added_tokens"] if t["content"] != "<|end|>"]
    file.write_text(json.dumps(told))


def another_tokenizer(folder: Path) -> None:
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text())
    words = sorted(told["model"]["vocab"], key=told["model"]["vocab"].get)
    told["model"]["vocab"] |= {words[100]: 101, words[101]: 100}
    file.write_text(json.dumps(told))


def changed(folder: Path, change) -> None:
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    weights = load_file(file)
    save_file(change(weights), file, {"format": "pt"})


def a_head_left_over(folder: Path) -> None:
    def change(weights):
        table = next(one for name, one in weights.items() if name.endswith("embed_tokens.weight"))
        return {name: one.clone() for name, one in weights.items()} | {
            "lm_head.weight": table + 1e-4
        }

    changed(folder, change)
    edit_json(folder / "config.json", tie_word_embeddings=False)


def unpacked_again(folder: Path) -> None:
    """As merged into 4-bit weights, and unpacked before it was saved."""
    import torch

    def rounded(one):
        if one.dim() != 2:
            return one
        flat = one.reshape(-1)
        blocks = flat[: len(flat) // 64 * 64].reshape(-1, 64)
        top = blocks.abs().amax(dim=1, keepdim=True).clamp(min=1e-9)
        coarse = (torch.round(blocks / top * 7) / 7 * top).reshape(-1)
        return torch.cat([coarse, flat[len(coarse) :]]).reshape(one.shape)

    changed(folder, lambda weights: {name: rounded(one) for name, one in weights.items()})


SETTINGS, TOKENIZER = "generation_config.json", "tokenizer_config.json"
FAULTS = [
    (None, ""),
    (another_template, "The chat template differs"),
    (no_settings, ""),
    (an_older_map, ""),
    (ends_told(SETTINGS), f"stop token 2 is missing in {SETTINGS}"),
    (ends_told(SETTINGS, eos_token_id=None), f"stop token 2 is missing in {SETTINGS}"),
    (ends_told(SETTINGS, eos_token_id=[]), f"stop token 2 is missing in {SETTINGS}"),
    (ends_told(SETTINGS, eos_token_id=4), f"stop token 2 is missing in {SETTINGS}"),
    (no_settings_and_none_beside, "stop token 2 is missing in config.json"),
    (ends_told(TOKENIZER), f"is missing in {TOKENIZER} (eos_token), which names none"),
    (ends_told(TOKENIZER, eos_token=None), f"is missing in {TOKENIZER}"),
    (ends_told(TOKENIZER, eos_token="<pad>"), f"{TOKENIZER} (eos_token), which names '<pad>'"),
    (no_word_but_a_map, f"is missing in {TOKENIZER} (eos_token), which names none"),
    (a_map_without_a_stop_word, "is missing in special_tokens_map.json"),
    (a_plain_word, "'<|end|>' is no longer marked as special in tokenizer.json"),
    (no_added_word, "'<|end|>' is no longer marked as special in tokenizer.json"),
    (another_tokenizer, "The tokenizer differs: 2 of"),
    (a_head_left_over, "Its head (lm_head.weight) is not the table of its embeddings"),
    (unpacked_again, "were rounded to 4 bits, and unpacked again"),
]


@pytest.mark.parametrize(("plant", "sentence"), FAULTS)
def test_a_folder_that_is_handed_over_is_held_against_the_run(
    tuned, merged, tmp_path, plant, sentence
):
    folder = Path(shutil.copytree(merged, tmp_path / "handed"))
    if plant is not None:
        plant(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, record = export(tuned, "--check-folder", str(folder), "--check", "12")
    found = record["agreement"]
    assert code == (5 if sentence else 0), record
    assert found["verdict"] == ("different" if sentence else "same")
    assert found["same_ends"] is ("stop token" not in " ".join(found["problems"]))
    assert sentence in " ".join(found["problems"])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_merge_into_4_bits_that_is_handed_over_is_caught(tuned, tiny_llama, tmp_path):
    pytest.importorskip("bitsandbytes")
    final = next((tuned / "training").glob("*/final"))
    packed = merged_into(tiny_llama, final, tmp_path / "packed", bits=4)
    code, record = export(tuned, "--check-folder", str(packed), "--check", "4")
    assert code == 5
    assert "packed in 4 bits (bitsandbytes)" in " ".join(record["agreement"]["problems"])


def test_an_adapter_merged_with_another_strength_is_named(tuned, tiny_llama, tmp_path):
    final = next((tuned / "training").glob("*/final"))
    folder = Path(shutil.copytree(final, tmp_path / "adapter"))
    alpha = json.loads((folder / "adapter_config.json").read_text())["lora_alpha"]
    edit_json(folder / "adapter_config.json", lora_alpha=1.5 * alpha)
    folder = merged_into(tiny_llama, folder, tmp_path / "merged")
    code, record = export(tuned, "--check-folder", str(folder), "--check", "4")
    assert code == 5
    told = " ".join(record["agreement"]["problems"])
    assert "merged with 1.50 times the strength" in told


def test_other_weights_in_the_run_are_not_what_was_verified(tuned, merged, tmp_path):
    run = Path(shutil.copytree(tuned, tmp_path / "run"))
    weights = next((run / "training").glob("*/final")) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    for words in (
        ["--to", "merged", "--out", str(tmp_path / "o")],
        ["--check-folder", str(merged)],
    ):
        code, told = export(run, *words)
        assert code == 1
        assert "weights are not those that were verified" in told["error"]["message"]
    assert not (tmp_path / "o").exists()


def test_what_is_no_model_is_told(tuned, tmp_path):
    code, told = export(tuned, "--check-folder", str(tmp_path))
    assert (code, told["error"]["type"]) == (1, "ModelFolderError")
    code, told = export(tuned, "--check-folder", str(tmp_path / "none"))
    assert (code, told["error"]["type"]) == (1, "ModelFolderError")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--run-dir", "a"), "Missing option '--to'"),
        (("m", "--out", "o", "--check-folder", "f"), "take a run by --run-dir"),
        (("--run-dir", "a", "--check-folder", "f", "--out", "o"), "writes nothing"),
        (("--run-dir", "a", "--check-folder", "f", "--no-check"), "contradict each other"),
    ],
)
def test_contradictions_are_usage_errors(words, sentence):
    told = CliRunner().invoke(cli, ["export", *words])
    assert told.exit_code == 2
    assert sentence in " ".join(told.output.split())


@pytest.mark.parametrize("command", ["export", "merge"])
def test_a_usage_error_names_the_help_of_its_command(command, capsys):
    more = ["--to", "merged"] if command == "export" else []
    with pytest.raises(SystemExit):
        door(lambda: cli.main([command, *more], standalone_mode=False), [command])
    assert f"{command} --help" in capsys.readouterr().err
