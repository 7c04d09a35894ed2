"""Whole models handed to mergekit: its words, its program, and its numbers where it is installed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from advisor.errors import MissingProgramError, PlanError, StorageError
from advisor.tools import Tools
from tests.fixtures.tuned_parts import combine_job, edited, make_whole
from trainers.combining.merge_recipe import merge_recipe
from trainers.combining.whole import MergekitCombiner

TOOLS = Tools(seed=0, instruction="", cache_dir=Path())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    place = tmp_path_factory.mktemp("models")
    return tuple(make_whole(place / f"{seed}", seed=seed) for seed in range(2))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whole(tmp_path_factory.mktemp("base") / "base", seed=9)


def stand_in(place: Path, script: str) -> str:
    """A program in the place of mergekit's."""
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return str(place)


def test_linear_in_mergekits_words():
    job = combine_job((Path("a"), Path("b")), "linear", Path("out"), weights=(0.75, 0.25))
    assert merge_recipe(job, dtype="bfloat16") == {
        "merge_method": "linear",
        "models": [
            {"model": "a", "parameters": {"weight": 0.75}},
            {"model": "b", "parameters": {"weight": 0.25}},
        ],
        "dtype": "float32",
        "out_dtype": "bfloat16",
    }


def test_ways_on_a_base_name_it_and_the_share_they_keep():
    job = combine_job((Path("a"), Path("b")), "dare", Path("out"), base="c", density=0.3)
    recipe = merge_recipe(job, dtype="float32")
    assert recipe["merge_method"] == "dare_linear"
    assert recipe["base_model"] == "c"
    assert recipe["models"][1]["parameters"] == {"weight": 1.0, "density": 0.3}


def test_slerp_goes_as_far_as_the_seconds_share():
    job = combine_job((Path("a"), Path("b")), "slerp", Path("out"), weights=(3.0, 1.0))
    recipe = merge_recipe(job, dtype="float32")
    assert recipe["base_model"] == "a"
    assert recipe["parameters"] == {"t": 0.25}


@pytest.mark.ml
@pytest.mark.parametrize(
    ("how", "more", "words"),
    [
        ("svd", {}, "not combined by 'svd'"),
        ("linear", {"weights": (1.0, -1.0)}, "add up to 0"),
        ("linear", {"rank": 4}, "no rank"),
        ("slerp", {"weights": (1.5, -0.5)}, "weights from 0"),
        ("ties", {}, "--base"),
    ],
)
def test_what_contradicts_itself_is_refused(how, more, words, models, tmp_path):
    assert words in MergekitCombiner().takes(combine_job(models, how, tmp_path, **more))


@pytest.mark.ml
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": 32}, "hidden_size is 64 and 32"),
        ({"architectures": ["GPT2LMHeadModel"]}, "different shapes"),
        ({"quantization_config": {"load_in_4bit": True}}, "packed weights"),
    ],
)
def test_models_that_do_not_go_together_are_refused(changes, words, models, tmp_path):
    other = edited(models[1], tmp_path / "other", "config.json", **changes)
    assert words in MergekitCombiner().takes(combine_job((models[0], other), "linear", tmp_path))


@pytest.mark.ml
def test_the_base_that_all_parts_were_tuned_from_needs_no_naming(models, base, tmp_path):
    facts = json.dumps({"model": str(base), "base_digest": "0123456789abcdef"})
    parts = [edited(model, tmp_path / model.name, "config.json") for model in models]
    for part in parts:
        (part / "base.json").write_text(facts)
    assert MergekitCombiner().takes(combine_job(parts, "ties", tmp_path)) == ""


@pytest.mark.ml
def test_without_the_program_it_says_how_to_get_it(models, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ADVISOR_MERGEKIT", raising=False)
    combiner = MergekitCombiner()
    assert "mergekit-yaml" in combiner.missing()
    with pytest.raises(MissingProgramError, match="mergekit") as caught:
        combiner.combine(combine_job(models, "linear", tmp_path / "out"), TOOLS)
    assert "ADVISOR_MERGEKIT" in caught.value.hint


@pytest.mark.ml
@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (
            "echo 'Traceback' >&2; echo 'RuntimeError: no such layer' >&2; exit 1",
            PlanError,
            "no such layer",
        ),
        ("echo 'OSError: No space left on device' >&2; exit 1", StorageError, "disk is full"),
    ],
)
def test_a_program_that_fails_is_told_by_its_last_words(
    script, error, words, models, tmp_path, monkeypatch
):
    monkeypatch.setenv("ADVISOR_MERGEKIT", stand_in(tmp_path / "program", script))
    with pytest.raises(error, match=words):
        MergekitCombiner().combine(combine_job(models, "linear", tmp_path / "out"), TOOLS)


@pytest.mark.ml
def test_the_program_sees_nothing_of_our_environment(models, tmp_path, monkeypatch):
    script = f'env > {tmp_path}/seen; cp "$1" {tmp_path}/merge.yml; mkdir "$2"; echo "{{}}" > "$2/config.json"; cp "$1" "$2/mergekit_config.yml"'
    monkeypatch.setenv("ADVISOR_MERGEKIT", stand_in(tmp_path / "program", script))
    monkeypatch.setenv("PYTHONPATH", "/ours")
    made = MergekitCombiner().combine(combine_job(models, "linear", tmp_path / "out"), TOOLS)
    seen = (tmp_path / "seen").read_text()
    assert "PYTHONPATH" not in seen
    assert "HF_HUB_OFFLINE=1" in seen
    assert made.versions == {}
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["config.json"]
    assert f"model: {models[0]}" in (tmp_path / "merge.yml").read_text()


@pytest.fixture
def installed() -> None:
    missing = MergekitCombiner().missing()
    if missing:
        pytest.skip(f"not tried with the real program: {missing} is not here")


@pytest.mark.ml
@pytest.mark.slow
def test_mergekits_linear_is_the_average(models, tmp_path, installed):
    from safetensors.torch import load_file

    made = MergekitCombiner().combine(combine_job(models, "linear", tmp_path / "out"), TOOLS)
    assert made.versions["mergekit"]
    ours, theirs = (load_file(model / "model.safetensors") for model in models)
    merged = load_file(next((tmp_path / "out").glob("*.safetensors")))
    assert set(merged) == set(ours)
    assert max(float((merged[k] - (ours[k] + theirs[k]) / 2).abs().max()) for k in ours) < 1e-6
    assert not (tmp_path / "out" / "README.md").exists()


@pytest.mark.ml
@pytest.mark.slow
def test_mergekits_ties_without_pruning_keeps_what_both_changed_alike(
    models, base, tmp_path, installed
):
    from safetensors.torch import load_file

    job = combine_job(models, "ties", tmp_path / "out", base=str(base), density=1.0)
    MergekitCombiner().combine(job, TOOLS)
    below = load_file(base / "model.safetensors")
    ours, theirs = (load_file(model / "model.safetensors") for model in models)
    merged = load_file(next((tmp_path / "out").glob("*.safetensors")))
    for name, start in below.items():
        a, b = ours[name] - start, theirs[name] - start
        alike = a.sign() == b.sign()
        wanted = start + (a + b) / 2
        assert float((merged[name] - wanted)[alike].abs().max()) < 1e-5


@pytest.mark.ml
@pytest.mark.slow
def test_a_program_that_is_named_wrongly_counts_as_missing(monkeypatch):
    monkeypatch.setenv("ADVISOR_MERGEKIT", os.devnull)
    assert MergekitCombiner().missing()
