"""Adapters combined by PEFT: what comes out is worked out by hand beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import PlanError, StorageError
from advisor.schema.evaluation import Message, Prompt
from advisor.schema.export import ExportJob
from advisor.tools import Tools
from tests.fixtures.small_files import files_of_at_most
from tests.fixtures.tuned_parts import (
    combine_job,
    deltas,
    edited,
    factors,
    farthest,
    make_adapter,
    weighted_sum,
)
from trainers.combining.adapters import PeftCombiner

pytestmark = pytest.mark.ml
WAYS = ("linear", "svd", "cat", "ties", "dare", "dare_ties", "magnitude_prune")
EXACT = 2e-5
"""Of numbers around 1, multiplied and added in float32."""


def combined(models, how, out, **more):
    tools = Tools(seed=0, instruction="", cache_dir=out)
    return PeftCombiner().combine(combine_job(models, how, out, **more), tools)


@pytest.mark.slow  # the conformance suite opens one of each
@pytest.mark.parametrize("how", WAYS)
def test_every_way_gives_an_adapter_that_opens_and_answers(how, pair, tmp_path):
    made = combined(pair, how, tmp_path)
    assert made.combiner == "peft"
    assert made.rank == (8 if how == "cat" else 4)
    assert made.served_by.model == str(tmp_path)
    prompt = Prompt(sample_id="a", messages=(Message(role="user", content="Hello"),))
    with registry.backend("transformers").open(str(tmp_path), {}) as session:
        (answer,) = session.generate([prompt], max_new_tokens=2)
    assert answer.completion_tokens > 0


def test_cat_is_the_weighted_sum_whatever_ranks_scales_and_signs(tiny_llama, pair, tmp_path):
    third = make_adapter(
        tiny_llama,
        tmp_path / "third",
        seed=3,
        r=9,
        use_rslora=True,
        target_modules=["q_proj", "gate_proj"],
    )
    parts, weights = (third, *pair), (0.5, 2.0, -1.0)
    made = combined(parts, "cat", tmp_path / "out", weights=weights)
    assert made.rank == 17
    assert farthest(deltas(tmp_path / "out"), weighted_sum(parts, weights)) < EXACT
    assert any("is the weighted sum" in note for note in made.notes)


def test_the_first_parts_rule_for_scales_does_not_reach_the_result(tiny_llama, tmp_path):
    """PEFT keeps rsLoRA's rule and would make the sum larger by the root of the rank."""
    parts = [make_adapter(tiny_llama, tmp_path / f"{n}", seed=n, use_rslora=True) for n in range(2)]
    combined(parts, "cat", tmp_path / "out")
    assert farthest(deltas(tmp_path / "out"), weighted_sum(parts, (1, 1))) < EXACT


def test_svd_is_the_nearest_to_the_sum_in_its_rank(pair, tmp_path):
    import torch

    combined(pair, "svd", tmp_path / "four", weights=(1.0, 0.5))
    wanted = weighted_sum(pair, (1.0, 0.5))
    for layer, whole in wanted.items():
        left, sizes, right = torch.linalg.svd(whole)
        wanted[layer] = left[:, :4] @ torch.diag(sizes[:4]) @ right[:4]
    assert farthest(deltas(tmp_path / "four"), wanted) < EXACT
    made = combined(pair, "svd", tmp_path / "eight", weights=(1.0, 0.5), rank=64)
    assert made.rank == 8  # the sum has no higher one
    assert farthest(deltas(tmp_path / "eight"), weighted_sum(pair, (1.0, 0.5))) < EXACT


def test_linear_adds_the_factors_which_is_not_the_sum(pair, tmp_path):
    made = combined(pair, "linear", tmp_path, weights=(1.0, 0.5))
    first, second = (factors(part) for part in pair)
    wanted = {}
    for layer, (down, up, scale) in first.items():
        other_down, other_up, other_scale = second[layer]
        ours, theirs = scale**0.5, (0.5 * other_scale) ** 0.5
        wanted[layer] = (ours * up + theirs * other_up) @ (ours * down + theirs * other_down)
    assert farthest(deltas(tmp_path), wanted) < EXACT
    whole = weighted_sum(pair, (1.0, 0.5))
    off = sum(float((wanted[k] - whole[k]).square().sum()) for k in whole)
    size = sum(float(one.square().sum()) for one in whole.values())
    assert f"lies {100 * (off / size) ** 0.5:.0f} % of the size" in made.notes[-1]


def test_on_different_layers_linear_is_the_sum(tiny_llama, pair, tmp_path):
    other = make_adapter(tiny_llama, tmp_path / "up", seed=4, target_modules=["up_proj"])
    combined((pair[0], other), "linear", tmp_path / "out")
    assert farthest(deltas(tmp_path / "out"), weighted_sum((pair[0], other), (1, 1))) < EXACT


def kept(delta, share):
    """The largest numbers of a change, as many as the share says."""
    import torch

    flat = delta.abs().flatten()
    least = torch.topk(flat, int(share * flat.numel())).values.min()
    return torch.where(delta.abs() >= least, delta, torch.zeros_like(delta))


def test_pruning_of_the_changes_themselves_by_hand(pair, tmp_path):
    made = combined(pair, "magnitude_prune", tmp_path, weights=(1.0, 2.0), density=0.3, rank=64)
    assert made.how == "magnitude_prune_svd"
    ours, theirs = map(deltas, pair)
    wanted = {k: kept(ours[k], 0.3) + 2 * kept(theirs[k], 0.3) for k in ours}
    assert farthest(deltas(tmp_path), wanted) < EXACT


def test_ties_trims_elects_signs_and_averages_those_that_agree(pair, tmp_path):
    import torch

    made = combined(pair, "ties", tmp_path, rank=64)
    assert made.how == "ties_svd"
    assert any("20%" in note and "2306.01708" in note for note in made.notes)
    ours, theirs = map(deltas, pair)
    wanted = {}
    for layer in ours:
        both = torch.stack([kept(ours[layer], 0.2), kept(theirs[layer], 0.2)])
        elected = torch.where(both.sum(0) >= 0, 1.0, -1.0)
        agree = both.sign() == elected
        wanted[layer] = (both * agree).sum(0) / agree.sum(0).clamp(min=1)
    assert farthest(deltas(tmp_path), wanted) < EXACT


def test_dare_keeps_each_number_with_the_share_and_makes_up_for_it(pair, tmp_path):
    combined((pair[0], pair[1]), "dare", tmp_path, weights=(1.0, 0.0), density=0.5, rank=64)
    ours, made = deltas(pair[0]), deltas(tmp_path)
    shares = []
    for layer, delta in ours.items():
        ratio = made[layer] / delta
        is_kept = (ratio - 2).abs() < 0.05
        assert bool((is_kept | (made[layer].abs() < 1e-4)).all())
        shares.append(float(is_kept.float().mean()))
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("how", ["dare", pytest.param("dare_ties", marks=pytest.mark.slow)])
def test_the_seed_decides_what_is_dropped_and_nothing_else_does(how, pair, tmp_path):
    import torch

    before = torch.random.get_rng_state()
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        combined(pair, how, tmp_path / name, seed=seed)
        torch.rand(3)
    a, b, c = (deltas(tmp_path / name) for name in "abc")
    assert farthest(a, b) == 0
    assert farthest(a, c) > 0.01
    torch.random.set_rng_state(before)


@pytest.mark.parametrize(
    ("how", "done"), [("linear", "cat"), ("ties", "ties_svd"), ("dare", "dare_linear_svd")]
)
def test_different_ranks_take_the_way_that_allows_them_and_say_so(
    how, done, tiny_llama, pair, tmp_path
):
    other = make_adapter(tiny_llama, tmp_path / "other", seed=5, r=2)
    made = combined((pair[0], other), how, tmp_path / "out")
    assert made.how == done
    assert "ranks 2 and 4" in made.notes[0]
    assert done in made.notes[0]


def test_a_rank_that_differs_from_layer_to_layer_counts_as_different(tiny_llama, pair, tmp_path):
    other = make_adapter(tiny_llama, tmp_path / "other", seed=5, rank_pattern={"v_proj": 2})
    made = combined((pair[0], other), "svd", tmp_path / "out", rank=64)
    assert made.how == "svd"
    assert combined((pair[0], other), "linear", tmp_path / "two").how == "cat"


def test_parts_of_different_layers_keep_all_their_changes(tiny_llama, tmp_path):
    """PEFT takes the first part's layers for all, and would lose those of the second."""
    parts = [
        make_adapter(tiny_llama, tmp_path / f"{n}", seed=n, layers_to_transform=[n])
        for n in range(2)
    ]
    combined(parts, "cat", tmp_path / "out")
    assert farthest(deltas(tmp_path / "out"), weighted_sum(parts, (1, 1))) < EXACT


def test_the_folder_is_complete_and_names_its_base_in_our_own_file_alone(
    tiny_llama, pair, tmp_path
):
    combined(pair, "svd", tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None  # a place of this machine
    others = [file for file in tmp_path.rglob("*") if file.name != "base.json"]
    assert not [file for file in others if tiny_llama.encode() in file.read_bytes()]
    assert config["inference_mode"] is True
    assert config["lora_alpha"] == config["r"] == 4
    assert json.loads((tmp_path / "base.json").read_text()) == json.loads(
        (pair[0] / "base.json").read_text()
    )
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / name).read_bytes() == (pair[0] / name).read_bytes()
    assert not [file for file in tmp_path.rglob("*") if file.suffix in {".bin", ".pt", ".pkl"}]


def test_a_base_of_the_hub_stays_named(tiny_llama, tmp_path):
    cached = tmp_path / "models--house--tiny" / "snapshots" / "abc"
    shutil.copytree(tiny_llama, cached)
    parts = [make_adapter(str(cached), tmp_path / f"{n}", seed=n) for n in range(2)]
    combined(parts, "cat", tmp_path / "out")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "house/tiny"


def test_what_was_combined_is_made_whole_as_any_adapter(tiny_llama, pair, tmp_path):
    from safetensors.torch import load_file

    combined(pair, "cat", tmp_path / "both")
    job = ExportJob(model=str(tmp_path / "both"), name="both", output_dir=str(tmp_path / "whole"))
    tools = Tools(seed=0, instruction="", cache_dir=tmp_path)
    registry.exporter("merged").export(job, tools)
    base = load_file(Path(tiny_llama) / "model.safetensors")
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    for layer, delta in weighted_sum(pair, (1, 1)).items():
        moved = whole[f"{layer}.weight"] - base[f"{layer}.weight"]
        assert float((moved - delta).abs().max()) < EXACT


def test_the_stand_in_for_the_base_takes_no_memory(tiny_llama):
    from trainers.combining._adapters import _stand_in

    model = _stand_in(tiny_llama)
    held = sum(one.untyped_storage().nbytes() for one in model.parameters())
    assert held < 200 * len(list(model.parameters()))
    assert sum(one.numel() for one in model.parameters()) > 100_000


def test_a_share_that_leaves_nothing_is_refused(pair, tmp_path):
    with pytest.raises(PlanError, match="Nothing is left") as told:
        combined(pair, "ties", tmp_path, density=1e-6)
    assert "--density" in told.value.hint
    assert not (tmp_path / "adapter_config.json").exists()


def test_weights_that_cancel_are_told_as_such(pair, tmp_path):
    from safetensors.torch import load_file, save_file

    other = edited(pair[0], tmp_path / "other", "base.json")
    file = other / "adapter_model.safetensors"
    save_file({k: -v if "lora_B" in k else v for k, v in load_file(file).items()}, file)
    with pytest.raises(PlanError, match="weights 1, 1 they cancel") as told:
        combined((pair[0], other), "linear", tmp_path / "out")
    assert "--weights" in told.value.hint
    assert "--density" not in told.value.hint


def test_too_small_a_disk_is_told_before_any_work(pair, tmp_path, monkeypatch):
    from trainers.combining import _adapters
    from trainers.engines.trl import disk

    monkeypatch.setattr(disk, "free_bytes", lambda _folder: 1000)
    monkeypatch.delattr(_adapters, "_stand_in")  # nothing is opened
    with pytest.raises(StorageError, match="free, and the model takes"):
        combined(pair, "cat", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_in_between_is_told(pair, tmp_path):
    with files_of_at_most(1000), pytest.raises(StorageError, match="cannot be written"):
        combined(pair, "cat", tmp_path / "out")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "more than low-rank factors"),
        ({"lora_bias": True}, "lora_B.bias"),
        ({"trainable_token_indices": [1, 2]}, "more than low-rank factors"),
    ],
)
def test_what_peft_would_lose_in_silence_is_refused(settings, words, tiny_llama, pair, tmp_path):
    other = make_adapter(tiny_llama, tmp_path / "other", seed=6, **settings)
    with pytest.raises(PlanError, match=words):
        combined((pair[0], other), "cat", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("base.json", {"base_digest": "0123456789abcdef"}, "different bases"),
        ("adapter_config.json", {"task_type": "SEQ_CLS"}, "different things"),
        ("adapter_config.json", {"peft_type": "IA3"}, "no LoRA adapter but IA3"),
        ("adapter_config.json", {"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ("adapter_config.json", {"alora_invocation_tokens": [5]}, "certain tokens"),
        ("tokenizer_config.json", {"eos_token": "<s>"}, "end their answers differently"),
        ("tokenizer.json", {"added_tokens": []}, "different tokenizers"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(file, changes, words, pair, tmp_path):
    other = edited(pair[1], tmp_path / "other", file, **changes)
    assert words in PeftCombiner().takes(combine_job((pair[0], other), "svd", tmp_path / "out"))


def test_another_chat_template_is_refused(pair, tmp_path):
    other = edited(pair[1], tmp_path / "other", "base.json")
    (other / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert "chat templates" in PeftCombiner().takes(combine_job((pair[0], other), "svd", tmp_path))


def test_a_foreign_adapter_without_facts_or_tokenizer_goes_by_its_base(tiny_llama, pair, tmp_path):
    other = edited(pair[1], tmp_path / "other", "base.json")
    for file in other.iterdir():
        if not file.name.startswith("adapter_"):
            file.unlink()
    combined((other, pair[0]), "cat", tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "base.json").read_text())
    assert facts["base_digest"] == json.loads((pair[0] / "base.json").read_text())["base_digest"]
    assert (tmp_path / "out" / "chat_template.jinja").is_file()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"weights": (1.0,)}, "2 models and 1 weights"),
        ({"weights": (0.0, 0.0)}, "Every weight is 0"),
        ({"density": 0.5}, "prunes nothing"),
        ({"how": "slerp"}, "not combined by 'slerp'"),
        ({"how": "cat", "rank": 3}, "sum of the ranks"),
    ],
)
def test_jobs_that_contradict_themselves_are_refused(more, words, pair, tmp_path):
    how = more.get("how", "svd")
    rest = {key: value for key, value in more.items() if key != "how"}
    assert words in PeftCombiner().takes(combine_job(pair, how, tmp_path, **rest))
