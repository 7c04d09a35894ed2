"""Whether a whole model's weights are those of the evaluated one, read from the first rows of each.

An answer shows that something is wrong, on the questions that were asked; the weights show what.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from advisor.contracts.tensor_headers import TensorAbout
from advisor.shipping.model_files import ADAPTER, located, read_object, stack_of

Numbers: TypeAlias = Any
"""An array of float32: numpy is not seen by the type checker."""
Place = tuple[Path, TensorAbout]

MOST_LAYERS = 512
"""Of models with more, some are read, spread evenly."""
MOST_NUMBERS = 1 << 18
"""Read of one layer: its first rows."""
KINDS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
STRENGTH = 0.02
"""Beyond which an adapter is merged with another strength; a fit over a layer errs far less."""
OTHERS = 0.004
"""Share of a layer's size that rounding to 16 bits cannot explain (2^-9 at most for bfloat16)."""
SWALLOWED = 0.5
"""Share of a change that rounding must leave, for its strength to be told."""
BLOCK, LEVELS = 64, 16
"""Weights in 4 bits hold so many values in each block, whatever they are unpacked to."""
UNREADABLE = ("use_dora", "rank_pattern", "alpha_pattern", "lora_bias", "fan_in_fan_out")
"""Settings of adapters whose change is not simply scale x up @ down."""
CHANGED_BASES = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Starts that take a part out of the base."""
TABLES = ("embed_tokens", "wte", "lm_head")


class Layer(NamedTuple):
    """One layer of the export beside what it should be."""

    name: str
    off: float
    """How far it lies from what it should be, beside its adapter's strength, as a share."""
    strength: float | None = None
    """How often the adapter's change is in it; None where nothing of an adapter should be."""
    is_coarse: bool = False
    """Whether it holds 4 bits for each number, whatever its precision."""


def weighed(reference: Path, own: Path) -> list[str]:
    """What a whole model's weights show against the evaluated model, an adapter or a whole one.

    As sentences. Nothing is said of what cannot be read this way: packed weights, adapters that
    are no LoRA, layers that go by other names.
    """
    stack, theirs = stack_of(reference), located(own)
    return _another_head(stack, theirs) + _told(_layers(stack, theirs))


def _told(layers: list[Layer]) -> list[str]:
    """The first of what a rounding to 16 bits cannot explain."""
    of = f"of {len(layers):,} layers"
    coarse = sum(layer.is_coarse for layer in layers)
    if coarse:
        return [
            (
                f"Its weights hold {LEVELS} values at most in every {BLOCK}, in {coarse:,} {of}:"
                " they were rounded to 4 bits, and unpacked again. Merge into weights of 16 bits"
                " or more, never into packed ones."
            )
        ]
    told, strengths = [], [layer.strength for layer in layers if layer.strength is not None]
    wrong = [strength for strength in strengths if abs(strength - 1) > STRENGTH]
    if wrong:
        times = round(median(wrong), 2) + 0.0  # no -0.00
        told.append(
            f"The adapter is merged with {times:.2f} times the strength that it was evaluated with,"
            f" in {len(wrong):,} {of}: look at lora_alpha, r and use_rslora of what was merged."
        )
    others = [layer for layer in layers if layer.off > OTHERS]
    if others:
        far = max(others, key=lambda layer: layer.off)
        told.append(
            f"Its weights are others than those that were evaluated in {len(others):,} {of}, by"
            f" {100 * far.off:.1f} % in {far.name}: another base or another adapter was merged, or"
            " they were rounded to few bits."
        )
    return told


def _another_head(stack: tuple[Path, ...], theirs: dict[str, Place]) -> list[str]:
    """A head that is no longer the table of the embeddings, which both are in the evaluated one."""
    names = {name for place in stack for name in located(place)}
    tuned = [name for place in stack[:-1] for name in located(place) if _is_table(name)]
    head = next((name for name in theirs if name.endswith("lm_head.weight")), "")
    table = next(
        (name for name in theirs if name.endswith(("embed_tokens.weight", "wte.weight"))), ""
    )
    is_one = bool(stack) and bool(read_object(stack[-1] / "config.json").get("tie_word_embeddings"))
    if not (is_one and head and table) or tuned or any(n.endswith("lm_head.weight") for n in names):
        return []
    if _bytes_equal(theirs[head], theirs[table]):
        return []
    return [
        (
            f"Its head ({head}) is not the table of its embeddings, as in the evaluated model,"
            " where both are one: it is left over from another model."
        )
    ]


def _is_table(name: str) -> bool:
    return any(table in name for table in TABLES)


def _bytes_equal(one: Place, other: Place) -> bool:
    if (one[1].dtype, one[1].shape) != (other[1].dtype, other[1].shape):
        return False
    with one[0].open("rb") as ours, other[0].open("rb") as theirs:
        ours.seek(one[1].start)
        theirs.seek(other[1].start)
        left = one[1].end - one[1].start
        while left:
            size = min(left, 1 << 24)
            if ours.read(size) != theirs.read(size):
                return False
            left -= size
    return True


def _layers(stack: tuple[Path, ...], theirs: dict[str, Place]) -> list[Layer]:
    """Some layers of the export, each held against what it should be."""
    if len(stack) == 1:
        base = located(stack[0])
        pairs = [(name, base[name], theirs[name]) for name in base if name in theirs]
        matrices = [pair for pair in pairs if len(pair[1][1].shape) > 1 and not _is_table(pair[0])]
        found = [_held(name, one, other, None) for name, one, other in _some(matrices)]
    elif len(stack) == 2:
        found = _adapted(stack[0], located(stack[1]), theirs)
    else:
        found = []
    return [layer for layer in found if layer is not None]


def _some(listed: list[Any]) -> list[Any]:
    return listed[:: -(-len(listed) // MOST_LAYERS) or 1]


def _adapted(adapter: Path, base: dict[str, Place], theirs: dict[str, Place]) -> list[Layer | None]:
    config = read_object(adapter / ADAPTER)
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if config.get("peft_type") != "LORA" or not rank or alpha is None:
        return []
    start = str(config.get("init_lora_weights") or "").lower()
    if any(config.get(key) for key in UNREADABLE) or start.startswith(CHANGED_BASES):
        return []
    scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    factors, found = located(adapter), []
    mark = ".lora_A.weight"
    for key in _some(sorted(name for name in factors if name.endswith(mark))):
        stem = key.removesuffix(mark)
        name = f"{stem.removeprefix('base_model.model.')}.weight"
        up = factors.get(f"{stem}.lora_B.weight")
        if up is None or name not in base or name not in theirs:
            continue
        rows = _rows(base[name][1])
        down, above = _read(factors[key]), _read(up, rows)
        if down is not None and above is not None:
            change = np.float32(scale) * (above @ down)
            found.append(_held(name, base[name], theirs[name], change))
    return found


def _held(name: str, base: Place, own: Place, change: Numbers | None) -> Layer | None:
    """A layer beside its base and the change that it should hold; None where it cannot be read."""
    rows = _rows(base[1])
    before, after = _read(base, rows), _read(own, rows)
    if before is None or after is None or before.shape != after.shape:
        return None
    rest, strength = after - before, None
    size = max(float(np.linalg.norm(before)), float(np.linalg.norm(after))) or 1.0
    if change is not None:
        if change.shape != rest.shape or not change.any():
            return None
        own_share = _share(rest, change)
        rest = rest - np.float32(own_share) * change
        # A base in 16 bits swallows a part of small changes; what is left of one is no fault.
        left = _share(_rounded(before + change, own[1].dtype) - before, change)
        strength = own_share / left if left > SWALLOWED else None
    is_coarse = _is_coarse(after) and not _is_coarse(before)
    return Layer(name, float(np.linalg.norm(rest)) / size, strength, is_coarse)


def _share(rest: Numbers, change: Numbers) -> float:
    """How often a change is in what was added, by least squares."""
    return float((rest * change).sum() / (change * change).sum())


def _rounded(numbers: Numbers, kind: str) -> Numbers:
    """Float32 numbers as a kind of 16 bits would hold them."""
    if kind == "BF16":
        bits = numbers.astype(np.float32).view(np.uint32)
        even = bits + 0x7FFF + ((bits >> 16) & 1)
        return (even & np.uint32(0xFFFF0000)).view(np.float32)
    return numbers.astype(np.float16).astype(np.float32) if kind == "F16" else numbers


def _is_coarse(numbers: Numbers) -> bool:
    flat = numbers.reshape(-1)
    flat = flat[: len(flat) // BLOCK * BLOCK]
    if not len(flat):
        return False
    blocks = np.sort(flat.reshape(-1, BLOCK), axis=1)
    values = 1 + (np.diff(blocks, axis=1) != 0).sum(axis=1)
    return bool((values <= LEVELS).mean() > 0.99)


def _rows(about: TensorAbout) -> int:
    width = max(1, about.numbers // about.shape[0]) if about.shape and about.shape[0] else 1
    return max(1, MOST_NUMBERS // width)


def _read(place: Place, rows: int | None = None) -> Numbers | None:
    """The first rows of a matrix; None for a kind of number that is no whole one."""
    file, about = place
    kind = KINDS.get(about.dtype)
    if kind is None or len(about.shape) != 2:
        return None
    high, wide = about.shape
    high = high if rows is None else min(rows, high)
    try:
        raw = np.fromfile(file, dtype=kind, count=high * wide, offset=about.start)
    except OSError:
        return None
    if len(raw) != high * wide:
        return None
    if about.dtype == "BF16":
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32).reshape(high, wide)
