"""Terms can be recomputed from what `--explain` says of them."""

import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

GIB = 2**30


def weights(x):
    packed = x.get("packed_parameters", 0) * x.get("bytes_per_packed", 0)
    rest = x["other_parameters"] * x["bytes_per_other"]
    return (packed + rest + x.get("head_bytes", 0)) * x["share"]


def trained(x):
    return x["trainable_parameters"] * x["bytes_per_parameter"] * x["share"]


def kept(x):
    return x["tokens"] * x["bytes_per_token"] + x["fixed_bytes"]


def matrix(x):
    return x["entries"] * x["bytes_per_number"]


FORMULAS = {
    "weights": weights,
    "adapter": trained,
    "optimizer states": trained,
    "gradients": trained,
    "adapter inputs": kept,
    "unpacked layer": matrix,
    "merged change": matrix,
    "change of experts": matrix,
}
PLANS = (
    ("full", "8b", ()),
    ("lora", "8b", ("--no-gradient-checkpointing", "--seq-len", "512")),
    ("qlora", "8b", ()),
    ("qlora", "8b", ("--stack", "peft", "--batch-size", "4")),
    ("qlora", "mixtral-8x7b", ("--stack", "unsloth")),
    ("qlora", "mixtral-8x7b", ()),
    ("lora", "0.5b", ("--stack", "litgpt")),
    ("full", "8b", ("--gpus", "4")),
    ("dora", "8b", ("--quantisation", "nf4")),
)


@pytest.mark.parametrize(("method", "model", "flags"), PLANS)
def test_formula_and_inputs_give_the_bytes(method, model, flags):
    words = ["estimate", "--model", model, "--method", method, "--gpu", "h200", "--json", *flags]
    result = CliRunner().invoke(cli, words)
    [option] = json.loads(result.stdout)["options"]
    seen = set()
    for term in option["memory"]["terms"]:
        if term["name"] in FORMULAS and term["inputs"]:
            found = FORMULAS[term["name"]](term["inputs"]) / GIB
            assert found == pytest.approx(term["gib"], rel=1e-9, abs=1e-12), term
            seen.add(term["name"])
    assert "weights" in seen
    assert method == "full" or seen >= {"adapter", "optimizer states"}
