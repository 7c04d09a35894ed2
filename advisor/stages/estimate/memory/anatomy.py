"""The operations of one layer as transformers runs them, recorded on a tape by their sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from advisor.schema.architecture import LayerGroup, Linear
from advisor.stages.estimate.memory.families import Habits
from advisor.stages.estimate.memory.tape import NOTHING, Back, Size, Storage, Tape, Tensor

SINGLE = 4
FUSED_QUERY = frozenset(
    {"qkv_proj", "query_key_value", "c_attn", "Wqkv", "wqkv", "W_pack", "attn.c_attn"}
)


@dataclass(frozen=True)
class Adapter:
    """What low-rank adapters are beside the linear layers that they reach."""

    rank: int
    targets: frozenset[str]
    """Names of linear layers; empty means all."""
    wide: int
    """Bytes of an adapter's weight."""
    dropout: bool

    def reaches(self, linear: Linear) -> bool:
        """Whether the linear layer is adapted."""
        return linear.is_module and (not self.targets or linear.name in self.targets)


@dataclass(frozen=True)
class Setting:
    """Everything but the shape that decides what a layer's operations keep."""

    stream: int
    """Bytes of a number between layers."""
    compute: int
    """Bytes of a number inside matrix products."""
    weight: int
    """Bytes of a base weight."""
    autocast: bool
    trained: bool
    """Whether the base itself is trained."""
    eager: bool
    adapter: Adapter | None
    recomputes: bool
    """Whether the layer is run again before its backward."""
    accumulates: bool = False
    """Whether gradients of weights are added to earlier ones, or counted elsewhere."""


@dataclass(frozen=True)
class Heads:
    """Widths of attention."""

    hidden: int
    query: int
    key_value: int
    heads: int
    head: int


class Anatomy:
    """Records a layer on a tape, part by part."""

    def __init__(self, group: LayerGroup, heads: Heads, habits: Habits, setting: Setting) -> None:
        self.group, self.heads, self.habits, self.setting = group, heads, habits, setting
        self.tape = Tape()

    def record(self, *, grad: bool = True) -> Tensor:
        """The layer's output; its input has a gradient unless nothing before it is trained."""
        entry = self.entry = self.entered(grad=grad)
        if self.group.parallel:
            return self._parallel(entry)
        after = self._residual(entry, self._attention)
        if self.group.cross_attention:
            after = self._residual(after, self._attention)
        return self._residual(after, self._feed_forward)

    def entered(self, *, grad: bool = True) -> Tensor:
        """What comes from the layer before."""
        size = Size(float(self.heads.hidden * self.setting.stream))
        return Tensor(size, self.setting.stream, Storage(size), grad=grad)

    def _residual(self, entry: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        inner = entry if self.habits.only_post_norms else self.norm(entry, self.heads.hidden)
        out = part(inner)
        self.tape.held_until_now(inner)
        if self.habits.post_norms or self.habits.only_post_norms:
            out = self.norm(out, self.heads.hidden)
        return self.tape.sum(entry, self.dropped(out))

    def _parallel(self, entry: Tensor) -> Tensor:
        first = self.norm(entry, self.heads.hidden)
        second = self.norm(entry, self.heads.hidden) if self.group.norms > 1 else first
        attention = self.dropped(self._attention(first))
        forward = self.dropped(self._feed_forward(second))
        return self.tape.sum(entry, self.tape.sum(forward, attention))

    def cast(self, source: Tensor, wide: int) -> Tensor:
        """The same in another precision; nothing is kept for it."""
        if source.wide == wide:
            return source
        return self.tape.run([source], source.size.times(wide / source.wide), wide)

    def dropped(self, source: Tensor) -> Tensor:
        """After dropout, where the family trains with it."""
        if not self.habits.dropout:
            return source
        mask = source.size.times(1 / source.wide)
        return self.tape.run([source], source.size, source.wide, kept=[mask])

    def norm(self, source: Tensor, width: float) -> Tensor:
        """A norm over `width` numbers per token."""
        trained, tape = self.setting.trained, self.tape
        single = Size(width * SINGLE)
        if self.group.norm == "layer":
            wide = self.cast(source, SINGLE) if self.setting.autocast else source
            return tape.run([wide], wide.size, wide.wide, kept=[wide])
        lifted = self.cast(source, SINGLE)
        back = Back(passing=single.times(2))
        scaled = tape.run([lifted], single, SINGLE, kept=[lifted], back=back)
        if self.habits.scales_in_single:
            kept = [scaled] if trained else []
            return self.cast(tape.run([scaled], single, SINGLE, kept=kept), source.wide)
        lowered = self.cast(scaled, source.wide)
        return tape.run([lowered], lowered.size, lowered.wide, kept=[lowered] if trained else [])

    def linear(self, source: Tensor, linear: Linear) -> Tensor:
        """A linear layer and the adapter beside it."""
        setting, times = self.setting, linear.active_copies
        entry = self.cast(source, setting.compute) if setting.autocast else source
        wide = setting.compute if setting.autocast else entry.wide
        kept: list[Tensor | Size] = [entry] if setting.trained else []
        back = Back(trains=setting.trained)
        if setting.trained:
            made = Size(fixed=float(linear.parameters * setting.weight))
            gains = NOTHING if setting.accumulates else made
            back = back._replace(passing=made.minus(gains), gains=gains)
        size = Size(float(linear.outputs * times * wide))
        out = self.tape.run([entry], size, wide, kept=kept, back=back)
        adapter = setting.adapter
        if adapter is None or not adapter.reaches(linear):
            return out
        return self._adapted(source, out, linear, adapter)

    def _adapted(self, source: Tensor, out: Tensor, linear: Linear, adapter: Adapter) -> Tensor:
        tape, times = self.tape, linear.active_copies
        path = self.setting.compute if self.setting.autocast else adapter.wide
        tape.adapter = True
        entry = cast = self.cast(source, adapter.wide)
        if adapter.dropout:
            mask = Size(float(linear.inputs * times))
            entry = tape.run([entry], entry.size, entry.wide, kept=[mask])
        if self.setting.autocast:
            entry = self.cast(entry, path)
        between = tape.run(
            [entry],
            Size(float(adapter.rank * times * path)),
            path,
            kept=[entry],
            back=Back(trains=True),
        )
        size = Size(float(linear.outputs * times * path))
        change = tape.run([between], size, path, kept=[between])
        scaled = tape.run([change], size, path)
        tape.held_until_now(cast)
        tape.adapter = False
        return self.cast(tape.sum(out, scaled), out.wide)

    def _linears(self, part: str) -> list[Linear]:
        return [one for one in self.group.linears if one.part == part]

    def _attention(self, source: Tensor) -> Tensor:
        linears = self._linears("attention")
        if self.group.cross_attention:
            linears = linears[: len(linears) // 2]
        if len(linears) < 2:
            return source
        query, key, value = self._projected(source, linears[:-1])
        if self.habits.rotates:
            query, key = self._rotated(query), self._rotated(key)
        if self.setting.autocast:
            query, key, value = (
                self.cast(one, self.setting.compute) for one in (query, key, value)
            )
        run = self._eager if self.setting.eager else self._flash
        return self.linear(run(query, key, value), linears[-1])

    def _projected(self, source: Tensor, linears: list[Linear]) -> tuple[Tensor, Tensor, Tensor]:
        heads, names = self.heads, [one.name for one in linears]
        if names[0] not in FUSED_QUERY and len(linears) >= 3:
            is_latent = any(name.startswith("kv_b") for name in names)
            query, key, value = (self._latent if is_latent else self._apart)(source, linears)
        elif names[0] == "q_proj":  # layers that share keys, or take them for values too
            query = self.linear(source, linears[0])
            key = self.linear(source, linears[1]) if len(linears) > 1 else query
            value = key
        else:
            joint = self.linear(source, linears[0])
            for gate in linears[1:]:
                self.linear(source, gate)
            sizes = [
                Size(float(width * joint.wide))
                for width in (heads.query, heads.key_value, heads.key_value)
            ]
            query, key, value = self.tape.parts(joint, sizes)
        if self.group.query_key_norm:
            query, key = self.norm(query, heads.query), self.norm(key, heads.key_value)
        return query, key, value

    def _apart(self, source: Tensor, linears: list[Linear]) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (self.linear(source, one) for one in linears[:3])
        return query, key, value

    def _latent(self, source: Tensor, linears: list[Linear]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (often) and keys with values go through narrow layers first (DeepSeek)."""
        heads = self.heads
        narrow, wide = linears[-2:]
        query = source
        for one in linears[:-2]:
            query = self.linear(query, one)
        joint = self.linear(self.linear(source, narrow), wide)
        sizes = [Size(float(heads.query * joint.wide)), Size(float(heads.key_value * joint.wide))]
        key, value = self.tape.parts(joint, sizes)
        return query, key, value

    def _rotated(self, source: Tensor) -> Tensor:
        wide = max(source.wide, self.setting.stream)
        size = source.size.times(wide / source.wide)
        return self.tape.run([source], size, wide, back=Back(passing=size.times(2)))

    def _flash(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        sums = Size(float(self.heads.heads * SINGLE))
        passing = Size(float(self.heads.query * SINGLE)).plus(sums)
        if self.heads.key_value < self.heads.query:  # gradients of each head, then their sum
            passing = passing.plus(query.size.times(2))
        return self.tape.run(
            [query, key, value],
            query.size,
            query.wide,
            kept=[query, key, value, sums],
            back=Back(passing=passing, keeps_output=True),
        )

    def _eager(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        tape, heads, compute = self.tape, self.heads.heads, query.wide
        if self.heads.key_value < self.heads.query:
            key, value = (tape.run([one], query.size, compute) for one in (key, value))
        scores = Size(pair=float(heads * compute))
        found = tape.run([query, key], scores, compute, kept=[query, key])
        found = tape.run([found], scores, compute)
        if self.habits.caps_scores:
            found = tape.run([found], scores, compute)
            found = tape.run([found], scores, compute, back=Back(keeps_output=True))
            found = tape.run([found], scores, compute)
        found = self.cast(found, max(compute, self.setting.stream))  # the mask's precision
        if self.habits.lifts_scores:
            found = self.cast(found, SINGLE)
        lifts = self.setting.autocast and not self.habits.softmax_in_half
        wide = SINGLE if self.habits.softmax_in_single or lifts else found.wide
        lifted = Size(pair=float(heads * wide))
        shares = tape.run([found], lifted, wide, back=Back(passing=lifted, keeps_output=True))
        shares = self.cast(shares, compute)
        if self.habits.attention_dropout:
            mask = Size(pair=float(heads))
            shares = tape.run([shares], scores, compute, kept=[mask])
        mixed = tape.run([shares, value], query.size, compute, kept=[shares, value])
        return tape.run([mixed], query.size, compute)

    def _feed_forward(self, source: Tensor) -> Tensor:
        linears = self._linears("feed_forward")
        if not linears:
            return source
        if self.group.experts > 1:
            return self._experts(source, linears)
        if not self.group.gated:
            return self.linear(self._activated(self.linear(source, linears[0])), linears[-1])
        return self._gated(source, linears)

    def _gated(self, source: Tensor, linears: list[Linear]) -> Tensor:
        if len(linears) == 2:
            joint = self.linear(source, linears[0])
            gate, up = self.tape.parts(joint, [joint.size.times(0.5)] * 2)
        else:
            gate, up = self.linear(source, linears[0]), None
        active = self._activated(gate)
        up = self.linear(source, linears[1]) if up is None else up
        product = self.tape.run([active, up], active.size, active.wide, kept=[active, up])
        return self.linear(product, linears[-1])

    def _activated(self, source: Tensor) -> Tensor:
        if self.group.activation not in self.habits.spelt_out:
            return self.tape.run([source], source.size, source.wide, kept=[source])
        wide = SINGLE if self.setting.autocast else source.wide
        single = source.size.times(wide / source.wide)
        lifted = self.cast(source, wide)
        back = Back(passing=single.times(2))
        cubed = self.tape.run([lifted], single, wide, kept=[lifted], back=back)
        inner = self.tape.run([self.tape.sum(source, cubed)], single, wide)
        bent = self.tape.run([inner], single, wide, back=Back(keeps_output=True))
        shifted = self.tape.run([bent], single, wide)
        half = self.tape.run([source], source.size, source.wide)
        return self.tape.run([half, shifted], single, wide, kept=[half, shifted])

    def _experts(self, source: Tensor, linears: list[Linear]) -> Tensor:
        """Tokens go to the experts chosen for them, and come back weighted; some go to all."""
        shared = [one for one in linears if one.copies == 1]
        linears = [one for one in linears if one.copies > 1] or linears
        beside = self._gated(source, shared[-3:]) if len(shared) in (3, 4) else None
        chosen = self.group.experts_per_token
        size = source.size.times(float(chosen))
        entry = self.tape.run([source], size, source.wide)
        joint = linears[0]
        inner = self.linear(entry, joint)
        if len(linears) == 2:
            gate, up = self.tape.parts(inner, [inner.size.times(0.5)] * 2)
        else:
            gate, up = inner, self.linear(entry, linears[1])
        active = self.tape.run([gate], gate.size, gate.wide, kept=[gate])
        product = self.tape.run([active, up], active.size, active.wide, kept=[active, up])
        out = self.linear(product, linears[-1])
        weighted = self.tape.run([out], out.size, out.wide, kept=[out])
        joined = self.tape.run([weighted], source.size, source.wide)
        return joined if beside is None else self.tape.sum(joined, beside)
