"""Readers against the modules that transformers really builds."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from advisor.catalog.architectures import card_of
from advisor.schema.base import Provenance

pytestmark = pytest.mark.ml
ROOT = Path(__file__).parents[2]
GOLDEN = yaml.safe_load((ROOT / "tests" / "golden" / "parameters.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def counting():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import golden_parameters
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return golden_parameters


def modules_in_layers(model):
    """(name, inputs, outputs, bias) of the linear modules inside numbered layers, counted."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    found = Counter()
    for path, module in model.named_modules():
        if not re.search(r"\.\d+\.", f".{path}"):
            continue
        name = path.rpartition(".")[2]
        if isinstance(module, Conv1D):
            found[name, module.nx, module.nf, True] += 1
        elif isinstance(module, Linear):
            found[name, module.in_features, module.out_features, module.bias is not None] += 1
    return found


def modules_read(card):
    found = Counter()
    for group in card.groups:
        for each in group.linears:
            if each.is_module:
                key = (each.name, each.inputs, each.outputs, each.bias)
                found[key] += group.count * each.copies
    return found


def configurations(counting):
    """Of each family of the catalog three models, and every configuration of the golden file.

    `scripts/golden_parameters.py` counts all.
    """
    families = {}
    for name, config in counting.catalog_configs().items():
        families.setdefault(config["model_type"], []).append(name)
    chosen = {
        n for names in families.values() for n in (names[0], names[len(names) // 2], names[-1])
    }
    return {n: c for n, c in counting.catalog_configs().items() if n in chosen} | {
        entry["name"]: entry["config"] for entry in GOLDEN["configurations"]
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(4))
def test_parameters_and_linear_layers_equal_those_of_transformers(counting, part):
    compared = 0
    for number, (name, config) in enumerate(sorted(configurations(counting).items())):
        if number % 4 != part:
            continue
        model = counting.model_of(config)
        if model is None:
            continue
        card = card_of(config, name, Provenance(kind="computed"), where=name)
        assert card.parameters == counting.parameters_of(config, model), name
        assert modules_read(card) == modules_in_layers(model), name
        compared += 1
    assert compared >= 20


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["llama-3.2-1b", "gpt2", "qwen2.5-1.5b", "phi-2", "opt-350m"])
def test_embeddings_and_head_equal_those_of_transformers(counting, name):
    config = counting.catalog_configs()[name]
    model = counting.model_of(config)
    card = card_of(config, name, Provenance(kind="computed"), where=name)
    head = model.get_output_embeddings()
    shared = head.weight is model.get_input_embeddings().weight
    assert card.tied_embeddings == shared
    if not shared:
        assert card.head_parameters == sum(p.numel() for p in head.parameters())
    assert card.embedding_parameters >= model.get_input_embeddings().weight.numel()
