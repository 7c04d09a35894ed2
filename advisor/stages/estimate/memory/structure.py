"""What a layer keeps and how high its backward reaches, worked out once per shape and setting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from advisor.schema.architecture import LayerGroup
from advisor.stages.estimate.memory.anatomy import Adapter, Anatomy, Heads, Setting
from advisor.stages.estimate.memory.families import habits_of
from advisor.stages.estimate.memory.tape import NOTHING, Size
from advisor.stages.estimate.memory.work import NUMBER_BYTES, Work

LOW_RANK = frozenset({"lora", "qlora", "dora", "rslora"})
"""Methods that put low-rank products beside linear layers."""


class Structure(NamedTuple):
    """Laws of one layer."""

    kept: Size
    """Kept by the layer itself, adapters apart."""
    kept_first: Size
    """The same in the first layer, whose input needs no gradient under low-rank adapters."""
    entry: Size
    """Of the layer's input, where that is among what is kept."""
    heights: tuple[Size, ...]
    """Candidates for the height of the backward pass: on top of what adapters keep."""

    def height(self, tokens: float, length: float) -> float:
        """The highest point of the backward pass in bytes, what is kept included."""
        return max(size.bytes(tokens, length) for size in self.heights)


def structure(work: Work, group: LayerGroup, *, accumulates: bool = False) -> Structure:
    """The laws of one layer of the plan."""
    model = work.model
    heads = Heads(
        hidden=model.hidden_size,
        query=model.attention_heads * model.head_dim,
        key_value=model.key_value_heads * model.head_dim,
        heads=model.attention_heads,
        head=model.head_dim,
    )
    return _worked_out(group, heads, model.family, setting_of(work, accumulates=accumulates))


def last_norm(work: Work) -> tuple[Size, Size]:
    """What the norm after the last layer keeps, and its output."""
    model = work.model
    return _last_norm(
        model.layer_groups[-1],
        Heads(model.hidden_size, 0, 0, 0, 0),
        model.family,
        setting_of(work, accumulates=True),
    )


@lru_cache(maxsize=256)
def _last_norm(group: LayerGroup, heads: Heads, family: str, setting: Setting) -> tuple[Size, Size]:
    layer = Anatomy(group, heads, habits_of(family), setting)
    entry = layer.entered()
    out = layer.norm(entry, heads.hidden)
    return layer.tape.kept(adapter=False), out.size


def setting_of(work: Work, *, accumulates: bool) -> Setting:
    """Precisions, attention and adapters of the plan."""
    plan = work.plan
    habits = habits_of(work.model.family)
    adapter = None
    if plan.method in LOW_RANK and plan.rank is not None:
        names = [name.strip().rpartition(".")[2] for name in plan.target_modules.split(",")]
        trained = plan.trained_precision or "float32"
        adapter = Adapter(
            rank=plan.rank,
            targets=frozenset() if names == ["all-linear"] else frozenset(names),
            wide=NUMBER_BYTES[trained],
            dropout=plan.dropout > 0,
        )
    return Setting(
        stream=work.stream_bytes,
        compute=work.number_bytes,
        weight=NUMBER_BYTES[work.trained_precision],
        autocast=plan.compute_precision is not None and plan.compute_precision != "float32",
        trained=work.trains_all,
        eager=plan.attention == "eager" or habits.always_eager,
        adapter=adapter,
        accumulates=accumulates,
        recomputes=plan.gradient_checkpointing,
    )


@lru_cache(maxsize=1024)
def _worked_out(group: LayerGroup, heads: Heads, family: str, setting: Setting) -> Structure:
    habits = habits_of(family)
    layer = Anatomy(group, heads, habits, setting)
    out = layer.record()
    first = Anatomy(group, heads, habits, setting)
    first.record(grad=setting.trained or setting.adapter is None)
    adapters = layer.tape.kept(adapter=True)
    heights = [
        height.minus(adapters) for height in layer.tape.heights(out, recomputes=setting.recomputes)
    ]
    return Structure(
        kept=layer.tape.kept(adapter=False),
        kept_first=first.tape.kept(adapter=False),
        entry=layer.entry.size if layer.tape.keeps(layer.entry) else NOTHING,
        heights=_highest(heights),
    )


def _highest(sizes: Sequence[Size]) -> tuple[Size, ...]:
    """Those that may be the highest for some number of tokens and some length."""
    found: list[Size] = []
    for size in sorted(set(sizes), reverse=True):
        if not any(_covers(other, size) for other in found):
            found.append(size)
    return tuple(found)


def _covers(other: Size, size: Size) -> bool:
    return other.token >= size.token and other.fixed >= size.fixed and other.pair >= size.pair
