"""Keys that mean one thing in Axolotl and another elsewhere, put into words that mean one thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

AXOLOTL = frozenset(
    (
        "base_model",
        "sequence_len",
        "sample_packing",
        "lora_target_linear",
        "evals_per_epoch",
        "saves_per_epoch",
        "dataset_prepared_path",
        "pad_to_sequence_len",
    )
)
"""Keys that no other tool has."""
_ADAPTED = ("lora_r", "lora_alpha", "peft", "load_in_4bit", "load_in_8bit", "method", "use_peft")
TOGETHER, MICRO, GATHERED = "batch_size", "micro_batch_size", "gradient_accumulation_steps"


class Said(NamedTuple):
    """A configuration in words that mean one thing, and what a person should know of that."""

    content: dict[Any, Any]
    aside: list[str]
    is_axolotl: bool


def in_our_words(content: Mapping[Any, Any]) -> Said:
    """The same configuration with Axolotl's own meanings written out.

    An adapter that is left empty trains all weights, and `batch_size` is micro-batch times
    accumulation: both as Axolotl reads them. `batch_size` beside `micro_batch_size` is the total
    whoever wrote it.
    """
    found, aside = dict(content), list[str]()
    is_axolotl = bool(AXOLOTL & found.keys())
    if "adapter" in found and found["adapter"] is None:
        found["adapter"] = "full"
    elif is_axolotl and "base_model" in found and not any(map(found.get, ("adapter", *_ADAPTED))):
        found["adapter"] = "full"
        aside.append("adapter: none is named, so all weights are trained, as Axolotl does")
    if found.get(TOGETHER) is not None and (is_axolotl or found.get(MICRO) is not None):
        aside += _parted(found)
    return Said(found, aside, is_axolotl)


def _parted(found: dict[Any, Any]) -> list[str]:
    """Turn the total batch into steps that are gathered; what is then told."""
    total, micro = found.pop(TOGETHER), found.get(MICRO) or 1
    if found.get(GATHERED) is not None:
        return [f"{TOGETHER}: {MICRO} and {GATHERED} stand beside it and decide"]
    if not isinstance(total, int) or not isinstance(micro, int) or micro < 1 or total < 1:
        found[TOGETHER] = total  # told as the fault that it is
        return []
    found[MICRO], found[GATHERED] = micro, max(total // micro, 1)
    return [f"{TOGETHER}: read as the total, {micro} x {found[GATHERED]} sequences to an update"]
