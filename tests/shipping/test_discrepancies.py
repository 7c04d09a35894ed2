"""Why an export is not the evaluated thing, told from what was heard; no model is opened."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from advisor.shipping.discrepancies import Heard, causes
from advisor.shipping.model_files import ModelFiles, look_into, stack_of
from tests.fixtures.values import completion, evaluation, manifest, scored


def heard(texts=None, ends=None, plain="", dtype="float32", **told) -> Heard:
    """Four answers, each as `told` says."""
    rows = [scored(n, 1.0).model_copy(update={"completion": completion(**told)}) for n in range(4)]
    conditions = manifest(settings={"backend.dtype": dtype})
    found = evaluation(n=4).model_copy(update={"scores": tuple(rows), "manifest": conditions})
    return Heard(found, texts, plain, ends)


def differ(before, after, *, folders=(None, None), claims="", may_cut=0.1):
    return causes(before, after, folders=folders, claims=claims, may_cut=may_cut)


def test_what_does_not_tell_is_unknown_and_no_fault():
    found = differ(heard(), heard(texts=("a",) * 4, ends=frozenset({"<|end|>"})))
    assert found == ((), (), None, None)


def test_answers_that_are_cut_and_were_not_are_a_fault_where_they_are_many():
    found = differ(heard(), heard(finish="length"))
    assert "4 of 4 answers run to the longest length" in found.faults[0]
    assert found.same_ends is False
    few = differ(heard(), heard(finish="length"), may_cut=1.0)
    assert few.faults == ()
    assert "4 of 4 answers" in few.hints[0]
    assert differ(heard(finish="length"), heard(finish="length")).faults == ()


def test_stop_tokens_are_held_against_each_other_both_ways():
    before, after = (
        heard(ends=frozenset({"<|end|>", "</s>"})),
        heard(ends=frozenset({"</s>", "\n"})),
    )
    found = differ(before, after)
    assert found.same_ends is False
    assert [fault.split(":")[0] for fault in found.faults] == [
        "The stop token '<|end|>' is missing",
        r"The stop token '\n' is new",
    ]


def test_what_a_template_holds_is_shown_without_its_power():
    hostile = "a\x1b[31m\u202eb"
    before = heard(texts=("x",) * 4, plain="abc")
    found = differ(before, heard(texts=("y",) * 4, plain=hostile))
    assert r"\x1b[31m\u202eb" in found.faults[0]
    assert "\x1b" not in found.faults[0]


def test_other_tokens_of_one_text_are_a_fault():
    texts = ("a",) * 4
    found = differ(heard(texts=texts, prompt_tokens=7), heard(texts=texts, prompt_tokens=8))
    assert "as 8 instead of 7" in found.faults[0]
    assert found.same_prompts is False


def test_prompts_of_other_lengths_are_a_hint_where_one_does_not_tell_how_it_reads():
    found = differ(heard(prompt_tokens=7), heard(prompt_tokens=9))
    assert found.faults == ()
    assert (
        "4 of 4 prompts have another number of tokens there, the first 9 instead of 7"
        in (found.hints[0])
    )
    assert differ(heard(prompt_tokens=7), heard(prompt_tokens=0)).hints == ()


def test_prompts_without_an_answer_are_told():
    after = heard(text="", finish="error", error="refused\x1b[2J")
    found = differ(heard(), after)
    assert "4 prompts got no answer" in found.hints[0]
    assert "\x1b" not in found.hints[0]


def model(folder: Path, *, tensors: dict | None = None, tokenizer: dict | None = None, **config):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer or {}))
    if tensors is not None:
        header = json.dumps(tensors).encode()
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder


def tensor(kind: str, *shape: int) -> dict:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [0, 0]}


def test_files_tell_precision_packing_and_vocabulary(tmp_path):
    whole = model(
        tmp_path / "whole",
        tensors={"__metadata__": {}, "a.weight": tensor("BF16", 8, 8), "b": tensor("F32", 3)},
        vocab_size=262,
    )
    assert look_into(whole) == ModelFiles("", "bfloat16", 16, 262)


@pytest.mark.parametrize(
    ("told", "name", "words"),
    [
        ({"quant_method": "bitsandbytes", "_load_in_8bit": True}, "a", "8 bits (bitsandbytes)"),
        ({"quant_method": "gptq", "bits": 4}, "a", "4 bits (gptq)"),
        ({"quant_method": "new"}, "a", "fewer bits (new)"),
        (None, "a.weight.quant_state.bitsandbytes__nf4", "fewer bits"),
        (None, "a.weight", ""),
    ],
)
def test_packed_weights_are_known_by_their_configuration_or_their_tensors(
    tmp_path, told, name, words
):
    more = {"quantization_config": told} if told else {}
    folder = model(tmp_path / "m", tensors={name: tensor("U8", 64)}, **more)
    assert look_into(folder).packed == words


@pytest.mark.parametrize("content", [b"", b"12", b"\xff" * 8, struct.pack("<Q", 3) + b"not"])
def test_broken_files_tell_nothing(tmp_path, content):
    folder = model(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(content)
    assert look_into(folder) == ModelFiles()
    assert look_into(tmp_path / "nothing") == ModelFiles()


def test_a_stack_is_followed_down_to_what_is_here(tmp_path):
    base = model(tmp_path / "base", vocab_size=9)
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(tmp_path / "middle")})
    )
    (tmp_path / "middle").mkdir()
    (tmp_path / "middle" / "base.json").write_text(json.dumps({"model": str(base)}))
    assert [place.name for place in stack_of(tmp_path / "top")] == ["top", "middle", "base"]
    (tmp_path / "middle" / "base.json").write_text(json.dumps({"model": str(tmp_path / "top")}))
    assert [place.name for place in stack_of(tmp_path / "top")] == ["top", "middle"]


def test_the_base_is_what_an_export_is_held_against(tmp_path):
    base = model(
        tmp_path / "base", tokenizer={"eos_token": "</s>"}, vocab_size=9, eos_token_id=[2, 3]
    )
    own = model(
        tmp_path / "own",
        tensors={"a": tensor("BF16", 8)},
        tokenizer={"eos_token": "</s>"},
        vocab_size=10,
        eos_token_id=2,
    )
    found = differ(heard(), heard(), folders=(base, own), claims="float32")
    assert found.faults == (
        (
            "The stop token 3 is missing in config.json (eos_token_id), which counts where there is no"
            " generation_config.json: plain transformers, and a server that reads only this file, do"
            " not stop there."
        ),
    )
    assert found.hints == (
        "Its vocabulary holds 10 tokens, that of the evaluated model 9.",
        (
            "Its weights are in bfloat16, and the model was evaluated in float32; it is said to be in"
            " float32."
        ),
    )
