import itertools
import json
from pathlib import Path

import pytest
import yaml

from advisor.catalog import query
from advisor.catalog.entries import recipe_from
from advisor.catalog.load import catalog_root, files_in, read, recipes_root
from advisor.catalog.models import models_from
from advisor.errors import (
    CatalogError,
    PriceMissingError,
    UnknownGpuError,
    UnknownModelError,
    UnsupportedArchitectureError,
)
from advisor.resources import rules_root
from advisor.schema.machine import MachineFacts

DAY = "2026-11-25"


@pytest.mark.parametrize(
    ("ref", "name", "parameters"),
    [
        ("0.5b", "qwen2.5-0.5b", 494_032_768),
        ("1b", "llama-3.2-1b", 1_235_814_400),
        ("3b", "llama-3.2-3b", 3_212_749_824),
        ("7b", "qwen2.5-7b", 7_615_616_512),
        ("8B", "llama-3.1-8b", 8_030_261_248),
        ("13b", "llama-2-13b", 13_015_864_320),
        ("32b", "qwen2.5-32b", 32_763_876_352),
        ("70b", "llama-3.1-70b", 70_553_706_496),
        ("meta-llama/Llama-3.1-70B-Instruct", "llama-3.1-70b", 70_553_706_496),
        ("mistral-7b", "mistral-7b", 7_248_023_552),
        ("qwen3-8b", "qwen3-8b", 8_190_735_360),
        ("gemma-2-9b", "gemma-2-9b", 9_241_705_984),
        ("phi-3-mini", "phi-3-mini", 3_821_079_552),
    ],
)
def test_a_size_or_name_means_a_shape_with_the_published_count(ref, name, parameters):
    card = query.find_model(ref)
    assert (card.id, card.parameters) == (name, parameters)


LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}


def folder_with(tmp_path: Path, config) -> Path:
    text = config if isinstance(config, str) else json.dumps(config)
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_is_counted_from_its_config(tmp_path):
    card = query.find_model(str(folder_with(tmp_path, LLAMA)))
    layer = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128 + 2 * 64
    assert card.parameters == 1000 * 64 + 2 * layer + 64
    assert card.local_path == str(tmp_path)
    assert query.find_model(str(tmp_path / "config.json")).parameters == card.parameters


def test_gpt2_is_counted_by_its_own_keys(tmp_path):
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": 1024,
        "vocab_size": 50257,
    }
    assert query.find_model(str(folder_with(tmp_path, config))).parameters == 124_439_808


@pytest.mark.parametrize(
    "change",
    [
        {"architectures": ["MixtralForCausalLM"]},
        {"architectures": None, "vocab_size": None},
        {"hidden_size": "wide"},
        {"num_hidden_layers": 0},
    ],
)
def test_what_cannot_be_counted_is_refused(tmp_path, change):
    with pytest.raises(UnsupportedArchitectureError) as caught:
        query.find_model(str(folder_with(tmp_path, LLAMA | change)))
    assert caught.value.hint


@pytest.mark.parametrize("content", ["{broken", "[]"])
def test_a_broken_config_is_told(tmp_path, content):
    with pytest.raises(
        UnknownModelError, match=r"config\.json (cannot be read|is not a JSON object)"
    ):
        query.find_model(str(folder_with(tmp_path, content)))


def test_a_folder_without_config_is_told(tmp_path):
    with pytest.raises(UnknownModelError, match=r"holds no config\.json"):
        query.find_model(str(tmp_path))


def test_an_unknown_model_gets_a_suggestion():
    with pytest.raises(UnknownModelError, match=r"Did you mean 'llama-3\.1-8b'"):
        query.find_model("lama-3.1-8b")


def test_a_hub_id_is_found_in_the_local_cache(tmp_path, monkeypatch):
    snapshot = tmp_path / "models--someone--small" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    folder_with(snapshot, LLAMA)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert query.find_model("someone/small").hidden_size == 64


@pytest.mark.parametrize("name", ["H100", "NVIDIA H100 80GB HBM3", "h100-sxm", "h100 sxm"])
def test_a_gpu_answers_to_its_aliases(name):
    assert query.find_gpu(name).id == "h100"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Tesla T4", "t4"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA L40S", "l40s"),
        ("Tesla V100-SXM2-16GB", "v100-16gb"),
        ("Tesla V100-SXM2-32GB", "v100-32gb"),
        ("NVIDIA A100-SXM4-40GB", "a100-40gb"),
        ("NVIDIA A100-PCIE-40GB", "a100-40gb-pcie"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA A100 80GB PCIe", "a100-80gb-pcie"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100-pcie"),
        ("NVIDIA H100 NVL", "h100-nvl"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA H20", "h20"),
        ("NVIDIA GH200 480GB", "gh200-96gb"),
        ("NVIDIA B200", "b200"),
        ("NVIDIA GB200", "gb200"),
        ("NVIDIA GB10", "gb10"),
        ("NVIDIA GeForce RTX 3080", "rtx-3080-10gb"),
        ("NVIDIA GeForce RTX 3090 Ti", "rtx-3090-ti"),
        ("NVIDIA GeForce RTX 4060", "rtx-4060-8gb"),
        ("NVIDIA GeForce RTX 4060 Ti", "rtx-4060-ti-16gb"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "rtx-4070-ti-super"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 5090", "rtx-5090"),
        ("NVIDIA RTX A6000", "rtx-a6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"),
        ("Quadro RTX 6000", "quadro-rtx-6000"),
        ("AMD Instinct MI300X", "mi300x"),
        ("p4d", "a100-40gb"),
        ("g5", "a10g"),
        ("4090", "rtx-4090"),
    ],
)
def test_a_card_is_known_as_torch_and_clouds_call_it(name, found):
    assert query.find_gpu(name).id == found


@pytest.mark.parametrize("name", ["rtx 6000", "h100 94gb", "a6000 ada"])
def test_a_name_that_could_be_two_cards_is_asked_about(name):
    with pytest.raises(UnknownGpuError):
        query.find_gpu(name)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("A100", "a100-40gb", "a100-80gb"),
        ("nvidia a100 sxm", "a100-40gb", "a100-80gb"),
        ("V100", "v100-16gb", "v100-32gb"),
        ("GH200", "gh200-96gb", "gh200-144gb"),
    ],
)
def test_a_name_that_cards_of_unlike_memory_share_is_asked_about(name, one, other):
    with pytest.raises(UnknownGpuError, match="is sold with") as caught:
        query.find_gpu(name)
    assert one in caught.value.hint
    assert other in caught.value.hint


def test_every_id_and_full_name_of_a_card_means_it():
    for card in query.gpus():
        assert query.find_gpu(card.id).id == card.id
        assert query.find_gpu(card.name).id == card.id


def test_gpu_facts_are_sane_and_say_where_they_come_from():
    cards = query.gpus()
    assert len(cards) >= 45
    for card in cards:
        facts = card.model_dump(exclude={"id", "name", "architecture", "is_cpu", "provenance"})
        known = {key for key, value in facts.items() if value is not None}
        assert known == {part.partition(":")[0] for part in card.provenance.source.split("; ")}
        assert {"memory_gib", "fp16_tflops", "bandwidth_gb_per_second", "power_watt"} <= known
        assert 0 < (card.achievable_share or 0.5) <= 1
        assert (card.fp8_tflops or 1e9) >= 1.9 * (card.bf16_tflops or 0)
        assert (card.bf16_tflops or 0) <= card.fp16_tflops
        assert (card.link_gb_per_second or 1e9) > 31


@pytest.mark.parametrize("name", ["t4", "v100-16gb", "quadro-rtx-6000"])
def test_cards_without_bfloat16_have_no_rate_for_it(name):
    assert query.find_gpu(name).bf16_tflops is None


def test_an_unknown_gpu_gets_a_suggestion():
    with pytest.raises(UnknownGpuError, match="Did you mean 'rtx-4090'"):
        query.find_gpu("rtx-4900")


def test_no_name_means_two_things():
    for kind in ("models", "gpus"):
        names = [name for entry in query._entries(kind) for name in entry["plain"]]
        assert sorted(names) == sorted(set(names))


def test_offers_are_sorted_and_dated():
    found = query.offers("h100", DAY)
    assert [o.usd_per_gpu_hour for o in found] == sorted(o.usd_per_gpu_hour for o in found)
    assert all(o.valid_from <= DAY for o in found)


def test_no_price_is_an_error_not_zero():
    with pytest.raises(PriceMissingError, match="no price for h100"):
        query.offers("h100", "2020-01-01")


def test_an_unknown_provider_gets_a_suggestion():
    with pytest.raises(PriceMissingError, match="Did you mean 'runpod'"):
        query.offers("h100", DAY, "runpot")


def test_this_machine_without_gpu_is_its_memory():
    card = query.local_gpu(MachineFacts(memory_gib=8.0, gpus=0))
    assert (card.id, card.is_cpu, card.memory_gib) == ("local", True, 8.0)
    assert query.offers("local", DAY)[0].usd_per_gpu_hour == 0


def test_this_machine_with_gpu_is_its_card():
    machine = MachineFacts(
        memory_gib=64.0, gpus=1, gpu="NVIDIA A100-SXM4-80GB", gpu_memory_gib=79.2
    )
    card = query.local_gpu(machine)
    assert (card.is_cpu, card.memory_gib, card.bf16_tflops) == (False, 79.2, 312)


def test_a_machine_of_unknown_memory_is_told():
    with pytest.raises(UnknownGpuError, match="could not be measured"):
        query.local_gpu(MachineFacts())


def plain(file):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(file.read_text(encoding="utf-8"), Loader=loader)


def cited(value):
    if isinstance(value, dict):
        own = [value["source"]] if isinstance(value.get("source"), str) else []
        return own + [s for v in value.values() for s in cited(v)]
    return [s for v in value for s in cited(v)] if isinstance(value, list) else []


def test_every_file_is_read_and_every_source_is_known():
    known = {s["id"] for s in plain(catalog_root() / "sources.yaml")["sources"]}
    known |= {s["id"] for s in plain(rules_root() / "sources.yaml")}
    files = [f for f in catalog_root().rglob("*.yaml") if f.name != "sources.yaml"]
    files += recipes_root().glob("*.yaml")
    found = [s for f in files for s in cited(plain(f))]
    assert set(found) <= known
    assert len(query.gpus()) == len(files_in(catalog_root() / "gpus")) >= 45
    assert len(query.models()) >= 60
    assert len(query.providers()) >= 18
    assert {g.id for g in query.gpus()} >= {o.gpu for o in query.all_offers(DAY)}


@pytest.mark.parametrize(
    ("folder", "key"), [("gpus", "id"), ("models", "family"), ("prices", "provider")]
)
def test_a_file_is_named_after_its_id(folder, key):
    for file in files_in(catalog_root() / folder):
        assert read(file).text(key) == file.stem


def test_recipes_cover_every_size_once_per_method():
    recipes = [recipe_from(read(f)) for f in files_in(recipes_root())]
    for method, objective in {(r.method, r.objective) for r in recipes}:
        ranges = sorted(
            (r.at_least_parameters, r.below_parameters)
            for r in recipes
            if (r.method, r.objective) == (method, objective)
        )
        assert ranges[0][0] == 0
        assert ranges[-1][1] is None
        assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))


SIZES = [
    "0.5b",
    "1b",
    "1.5b",
    "2b",
    "3b",
    "4b",
    "7b",
    "8b",
    "9b",
    "12b",
    "13b",
    "14b",
    "20b",
    "24b",
    "27b",
    "30b",
    "32b",
    "34b",
    "65b",
    "70b",
    "72b",
    "120b",
    "405b",
    "671b",
    "8x7b",
    "30b-a3b",
]


@pytest.mark.parametrize("size", SIZES)
def test_a_size_says_which_model_it_means(size):
    card = query.find_model(size)
    assert card.provenance.note.startswith(f"size {size} means {card.id}")
    assert "means" not in query.find_model(card.id).provenance.note


def test_a_size_in_an_unknown_name_is_suggested_not_taken():
    with pytest.raises(UnknownModelError, match=r"Did you mean '13b' \(llama-2-13b\)") as caught:
        query.find_model("my-org/foo-13b")
    assert "70b" in caught.value.hint
    assert len(caught.value.hint) < 200


def test_the_sizes_of_the_hint_exist():
    assert all(query.find_model(size).parameters > 0 for size in query.COMMON_SIZES)


@pytest.mark.parametrize(
    ("ref", "model"),
    [
        ("Meta-Llama-3-8B", "llama-3-8b"),
        ("Mixtral-8x7B-Instruct-v0.1-GPTQ", "mixtral-8x7b"),
        ("unsloth/Qwen3-32B-unsloth-bnb-4bit", "qwen3-32b"),
        ("NousResearch/Llama-2-70b-chat-hf", "llama-2-70b"),
    ],
)
def test_a_repository_without_owner_or_at_a_mirror_is_known(ref, model):
    card = query.find_model(ref)
    assert card.id == model
    assert ("is taken for" in card.provenance.note) == ("/" in ref)


@pytest.mark.parametrize(
    ("ref", "packed"),
    [
        ("TheBloke/Mistral-7B-v0.1-GPTQ", "gptq"),
        ("Mixtral-8x7B-Instruct-v0.1-GPTQ", "gptq"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "awq"),
        ("unsloth/Qwen3-32B-unsloth-bnb-4bit", "nf4"),
        ("unsloth/Qwen3-32B", None),
        ("llama-3.1-8b", None),
    ],
)
def test_a_name_may_say_how_the_weights_are_packed(ref, packed):
    card = query.find_model(ref)
    assert card.quantised_as == packed
    assert bool(card.packing) == (packed is not None)
    assert ("by its name" in card.provenance.note) == (packed is not None)


def test_another_owner_of_a_like_named_model_is_not_taken_for_it():
    with pytest.raises(UnknownModelError):
        query.find_model("someone-else/Qwen3-32B")


MODEL_FILE = """
family: somewhere
source: published-configs
models:
  - id: small
    title: Small
    parameters: 7
    config: {model_type: llama, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4,
      intermediate_size: 128, vocab_size: 100}
"""


def test_a_count_other_than_the_published_one_is_refused(tmp_path):
    file = tmp_path / "somewhere.yaml"
    file.write_text(MODEL_FILE, encoding="utf-8")
    with pytest.raises(CatalogError, match=r"has 95040 parameters, not 7") as caught:
        list(models_from(read(file)))
    assert "somewhere.yaml:7" in caught.value.where


def test_a_path_that_is_not_there_is_told_as_a_path(tmp_path):
    with pytest.raises(UnknownModelError, match="There is no model folder") as caught:
        query.find_model(str(tmp_path / "gone"))
    assert "tiny" in caught.value.hint
