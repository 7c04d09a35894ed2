"""Which software a row names: the catalog's stack for it, and the loss it says it uses."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from advisor.catalog.load import catalog_root

STACKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("fitcheck", ("fitcheck", "peft")),
    ("method_comparison", ("peft-comparison", "peft")),
    ("fms-acceleration", ("fms-acceleration", "stock")),
    ("fsdp_qlora", ("fsdp-qlora", "peft")),
    ("unsloth", ("unsloth",)),
    ("axolotl", ("axolotl", "hf-trainer")),
    ("factory", ("llama-factory", "hf-trainer")),
    ("megatron", ("megatron", "ms-swift")),
    ("swift", ("ms-swift", "hf-trainer")),
    ("qwenlm", ("qwen", "deepspeed", "hf-trainer")),
    ("torchtune", ("torchtune",)),
    ("torchao", ("torchtune",)),
    ("torchtitan", ("torchtitan",)),
    ("litgpt", ("litgpt",)),
    ("lit-gpt", ("litgpt",)),
    ("colossal", ("colossalai", "deepspeed")),
    ("deepspeed", ("deepspeed", "hf-trainer")),
    ("trl", ("hf-trainer",)),
    ("transformers", ("hf-trainer",)),
    ("hf ", ("hf-trainer",)),
    ("peft", ("peft", "hf-trainer")),
)
"""Part of the published framework name -> catalog stacks that describe it, closest first."""
UNKNOWN = "stock"
_TRANSFORMERS = re.compile(r"transformers 4\.(\d+)")
_OWN_LOSS = range(46, 50)
"""In these versions the loss is a function of its own that copies shifted logits; later ones shift
the labels."""


@cache
def _known() -> frozenset[str]:
    return frozenset(path.stem for path in (catalog_root() / "stacks").glob("*.yaml"))


def stack_of(run: dict[str, Any], checkpointing: str = "") -> tuple[str, bool]:
    """The stack of a row, and whether the row told: by its framework, or by the word for a layer.

    LitGPT alone calls layers `Block`, and so in its policy of checkpointing.
    """
    framework = str(run.get("framework") or "").lower()
    if not framework and "block checkpointing" in checkpointing.lower():
        framework = "litgpt"
    version = _TRANSFORMERS.search(framework)
    if "fms-acceleration" in framework and version and int(version.group(1)) not in _OWN_LOSS:
        return "fms-acceleration-2024", True
    if "qwenlm" in framework and run["quant"] == "int4":
        return "qwen-gptq", True
    for word, stacks in STACKS:
        if word in framework:
            return next((s for s in stacks if s in _known()), UNKNOWN), True
    return UNKNOWN, False


def loss_head_of(run: dict[str, Any]) -> str | None:
    """The loss that a row states; None leaves it to the stack."""
    framework = str(run.get("framework") or "").lower()
    if run.get("liger") or ("axolotl" in framework and run.get("fused_kind") == "chunked"):
        return "fused_linear"
    if run.get("fused_kind") == "kernel":
        return "fused"
    own = any(word in framework for word in ("unsloth", "torchtune", "litgpt", "lit-gpt"))
    if run.get("fused_kind") == "chunked":
        return None if own else "fused_linear"
    return None if own else "stock"
