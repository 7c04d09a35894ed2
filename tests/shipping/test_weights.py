"""What weights show of an export, on files written here; no model is opened."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from advisor.shipping._weights import weighed  # noqa: E402 - it needs numpy

NAME = "model.layers.0.self_attn.q_proj.weight"
STEM = "base_model.model.model.layers.0.self_attn.q_proj"
HIGH, WIDE, RANK, ALPHA = 96, 128, 4, 8
RANDOM = np.random.default_rng(5)
BASE = RANDOM.normal(size=(HIGH, WIDE)).astype(np.float32)
TABLE = RANDOM.normal(size=(40, WIDE)).astype(np.float32)
DOWN = RANDOM.normal(size=(RANK, WIDE)).astype(np.float32)
UP = RANDOM.normal(size=(HIGH, RANK)).astype(np.float32) / 40


def as_bytes(numbers, kind: str) -> bytes:
    if kind == "BF16":
        bits = numbers.astype(np.float32).view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
    return numbers.astype({"F32": "<f4", "F16": "<f2"}[kind]).tobytes()


def as_kept(numbers, kind: str):
    """Numbers as a file in this kind gives them back."""
    raw = as_bytes(numbers, kind)
    if kind == "BF16":
        wide = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(numbers.shape)
    return (
        np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[kind]).astype("f4").reshape(numbers.shape)
    )


def put(folder: Path, file: str, tensors: dict, kind: str = "F32") -> Path:
    folder.mkdir(exist_ok=True)
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, numbers in tensors.items():
        raw = as_bytes(numbers, kind)
        place = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": kind, "shape": list(numbers.shape), "data_offsets": place}
        body += raw
    text = json.dumps(header).encode()
    (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + body)
    return folder


def whole(folder: Path, tensors: dict, kind: str = "F32", **config) -> Path:
    put(folder, "model.safetensors", tensors, kind)
    (folder / "config.json").write_text(json.dumps({"tie_word_embeddings": True} | config))
    return folder


def adapter(
    folder: Path, base: Path, *, by: float = 1.0, more: dict | None = None, **config
) -> Path:
    factors = {f"{STEM}.lora_A.weight": DOWN, f"{STEM}.lora_B.weight": by * UP}
    put(folder, "adapter_model.safetensors", factors | (more or {}))
    told = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA}
    told |= {"base_model_name_or_path": str(base)} | config
    (folder / "adapter_config.json").write_text(json.dumps(told))
    return folder


CHANGE = ALPHA / RANK * UP @ DOWN


@pytest.fixture
def tuned(tmp_path) -> Path:
    """An adapter on its base, as it was evaluated."""
    base = whole(tmp_path / "base", {NAME: BASE, "model.embed_tokens.weight": TABLE})
    return adapter(tmp_path / "tuned", base)


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("times", [1.0, 2.0, 1.1, 0.0])
def test_the_strength_of_a_merged_adapter_is_read_off_the_weights(tuned, tmp_path, kind, times):
    own = whole(tmp_path / "own", {NAME: BASE + np.float32(times) * CHANGE}, kind)
    found = weighed(tuned, own)
    assert len(found) == (times != 1.0)
    if found:
        told = f"merged with {times:.2f} times the strength that it was evaluated with, in 1 of 1"
        assert told in found[0]


def test_rslora_has_a_strength_of_its_own(tuned, tmp_path):
    other = adapter(tmp_path / "rs", tmp_path / "base", use_rslora=True)
    own = whole(tmp_path / "own", {NAME: BASE + CHANGE})
    assert weighed(tuned, own) == []
    assert "merged with 0.50 times" in weighed(other, own)[0]


def test_what_16_bits_swallow_of_a_small_change_is_no_fault(tmp_path):
    kept = as_kept(BASE, "BF16")
    base = whole(tmp_path / "base", {NAME: kept}, "BF16")
    for by in (0.1, 0.05, 0.01, 0.001):
        tuned = adapter(tmp_path / f"by{by}", base, by=by)
        merged = kept + np.float32(by) * CHANGE
        own = whole(tmp_path / f"own{by}", {NAME: merged}, "BF16")
        assert weighed(tuned, own) == [], by


def test_a_change_larger_than_its_base_may_be_rounded_too(tmp_path):
    base = whole(tmp_path / "base", {NAME: BASE})
    tuned = adapter(tmp_path / "tuned", base, by=100)
    own = whole(tmp_path / "own", {NAME: BASE + 100 * CHANGE}, "BF16")
    assert weighed(tuned, own) == []


def in_four_bits(numbers):
    blocks = numbers.reshape(-1, 64)
    largest = np.abs(blocks).max(axis=1, keepdims=True)
    return (np.round(blocks / largest * 7) / 7 * largest).astype(np.float32).reshape(numbers.shape)


@pytest.mark.parametrize("kind", ["F32", "BF16"])
def test_weights_rounded_to_4_bits_are_known_after_unpacking(tuned, tmp_path, kind):
    own = whole(tmp_path / "own", {NAME: in_four_bits(BASE + CHANGE)}, kind)
    found = weighed(tuned, own)
    assert "rounded to 4 bits, and unpacked again" in found[0]
    assert len(found) == 1


def test_a_base_that_is_coarse_itself_is_no_fault(tmp_path):
    base = whole(tmp_path / "base", {NAME: in_four_bits(BASE)})
    assert weighed(base, whole(tmp_path / "own", {NAME: in_four_bits(BASE)})) == []


def test_another_base_is_named(tuned, tmp_path):
    noise = RANDOM.normal(size=BASE.shape).astype(np.float32)
    own = whole(tmp_path / "own", {NAME: BASE + CHANGE + np.float32(0.02) * noise})
    found = weighed(tuned, own)
    assert len(found) == 1
    assert "others than those that were evaluated in 1 of 1 layers, by 2.0 % in" in found[0]


def test_a_whole_model_is_held_against_itself(tmp_path):
    reference = whole(tmp_path / "whole", {NAME: BASE})
    for kind in ("F32", "F16", "BF16"):
        assert weighed(reference, whole(tmp_path / kind, {NAME: BASE}, kind)) == []
    assert "by 4.8 %" in weighed(reference, whole(tmp_path / "own", {NAME: 1.05 * BASE}))[0]


def test_one_layer_of_many_that_is_another_is_found(tmp_path):
    names = [f"model.layers.{n}.mlp.up_proj.weight" for n in range(30)]
    reference = whole(tmp_path / "whole", dict.fromkeys(names, BASE))
    other = {name: 1.01 * BASE if "17" in name else BASE for name in names}
    found = weighed(reference, whole(tmp_path / "own", other))
    assert "in 1 of 30 layers, by 1.0 % in model.layers.17.mlp.up_proj.weight" in found[0]
    coarse = {name: in_four_bits(BASE) if "17" in name else BASE for name in names}
    assert "in 1 of 30 layers: they" in weighed(reference, whole(tmp_path / "q", coarse))[0]


@pytest.mark.parametrize("off", [0.0, 0.01])
def test_a_head_left_from_another_model_is_a_fault(tuned, tmp_path, off):
    tensors = {NAME: BASE + CHANGE, "model.embed_tokens.weight": TABLE}
    own = whole(tmp_path / "own", tensors | {"lm_head.weight": TABLE + np.float32(off)})
    faults = weighed(tuned, own)
    assert [fault.split(" (")[0] for fault in faults] == (["Its head"] if off else [])


def test_a_head_of_its_own_that_the_evaluated_model_has_too_is_no_fault(tuned, tmp_path):
    heads = {"model.embed_tokens.weight": TABLE, "lm_head.weight": TABLE + 1}
    own = whole(tmp_path / "own", {NAME: BASE + CHANGE} | heads)
    trained = {"base_model.model.model.embed_tokens.weight": TABLE + 1}
    assert weighed(adapter(tmp_path / "parted", tmp_path / "base", more=trained), own) == []
    two = whole(tmp_path / "two", {NAME: BASE} | heads, tie_word_embeddings=False)
    assert weighed(adapter(tmp_path / "on two", two), own) == []


@pytest.mark.parametrize("key", ["use_dora", "alpha_pattern"])
def test_nothing_is_said_of_what_is_not_read_this_way(tuned, tmp_path, key):
    own = whole(tmp_path / "own", {NAME: BASE + 3 * CHANGE})
    odd = adapter(tmp_path / "odd", tmp_path / "base", **{key: {"q_proj": 3}})
    assert weighed(tuned, own)
    assert weighed(odd, own) == []
    (own / "model.safetensors").write_bytes(b"broken")
    assert weighed(tuned, own) == []
    cut = whole(tmp_path / "cut", {NAME: BASE})
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:-9])
    assert weighed(tuned, cut) == []
