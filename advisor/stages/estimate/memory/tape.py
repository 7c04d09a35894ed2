"""A record of one layer's operations that tells what they keep and how high their backward reaches.

It follows reverse-mode differentiation by sizes alone: an operation keeps some tensors, its
backward makes gradients of its inputs, and both go once the last use is over. Sizes are laws, not
numbers, so one record serves every length and batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Size(NamedTuple):
    """Bytes per token, whatever the tokens, and per pair of tokens in a sequence."""

    token: float = 0.0
    fixed: float = 0.0
    pair: float = 0.0

    def plus(self, other: Size) -> Size:
        """The sum."""
        return Size(self.token + other.token, self.fixed + other.fixed, self.pair + other.pair)

    def minus(self, other: Size) -> Size:
        """The difference."""
        return Size(self.token - other.token, self.fixed - other.fixed, self.pair - other.pair)

    def times(self, factor: float) -> Size:
        """So many of it."""
        return Size(self.token * factor, self.fixed * factor, self.pair * factor)

    def bytes(self, tokens: float, length: float) -> float:
        """For so many tokens in sequences of that length."""
        return self.token * tokens + self.fixed + self.pair * tokens * length


NOTHING = Size()


class Storage:
    """Memory that several tensors may lie in; it lives while somebody holds it."""

    __slots__ = ("holders", "is_adapter", "size")

    def __init__(self, size: Size, *, is_adapter: bool = False) -> None:
        self.size = size
        self.holders = 0
        self.is_adapter = is_adapter


class Tensor:
    """A tensor of the forward pass."""

    __slots__ = ("grad", "size", "storage", "wide")

    def __init__(self, size: Size, wide: int, storage: Storage, *, grad: bool) -> None:
        self.size, self.wide, self.storage, self.grad = size, wide, storage, grad
        """`wide` is bytes per number; `grad` says whether a gradient flows to it."""


class Back(NamedTuple):
    """An operation's backward."""

    passing: Size = NOTHING
    """Needed for a moment."""
    gains: Size = NOTHING
    """Gradients of weights that it leaves."""
    keeps_output: bool = False
    trains: bool = False
    """Whether there is one even where no input needs a gradient."""


NONE = Back()
"""A backward that needs nothing but gradients of the inputs."""


class _Node(NamedTuple):
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    kept: tuple[Storage, ...]
    back: Back
    is_sum: bool = False


class Tape:
    """Operations in the order in which they ran."""

    def __init__(self) -> None:
        self._nodes: list[_Node] = []
        self._runs: list[tuple[Storage, ...]] = []
        """What every operation reads, writes and keeps, with or without a backward."""
        self.adapter = False
        """Whether what is recorded now belongs to an adapter."""

    def run(
        self,
        inputs: Sequence[Tensor],
        size: Size,
        wide: int,
        *,
        kept: Sequence[Tensor | Size] = (),
        back: Back = NONE,
    ) -> Tensor:
        """An operation with one new output, which keeps tensors for its backward."""
        grad = back.trains or any(one.grad for one in inputs)
        out = Tensor(size, wide, Storage(size, is_adapter=self.adapter), grad=grad)
        held: list[Storage] = []
        if grad:
            held = [self._storage(one) for one in kept]
            if back.keeps_output:
                held.append(out.storage)
            self._nodes.append(_Node(tuple(inputs), (out,), tuple(held), back))
        self._runs.append((out.storage, *(one.storage for one in inputs), *held))
        return out

    def parts(self, source: Tensor, sizes: Sequence[Size]) -> tuple[Tensor, ...]:
        """Views of one tensor, whose gradients are joined into a new one."""
        found = tuple(Tensor(size, source.wide, source.storage, grad=source.grad) for size in sizes)
        if source.grad:
            self._nodes.append(_Node((source,), found, (), NONE))
        return found

    def sum(self, first: Tensor, second: Tensor) -> Tensor:
        """A sum; the gradient of an equally precise addend is the sum's own."""
        wide = max(first.wide, second.wide)
        size = first.size if first.wide >= second.wide else second.size
        out = Tensor(size, wide, Storage(size), grad=first.grad or second.grad)
        self._runs.append((out.storage, first.storage, second.storage))
        if out.grad:
            self._nodes.append(_Node((first, second), (out,), (), NONE, is_sum=True))
        return out

    def held_until_now(self, one: Tensor) -> None:
        """A function's own variable holds the tensor till here, though nothing uses it any more."""
        self._runs.append((one.storage,))

    def kept(self, *, adapter: bool) -> Size:
        """All that is kept for the backward pass: by the layer itself, or by its adapters."""
        return _total([one for one in self._kept() if one.is_adapter == adapter])

    def keeps(self, one: Tensor) -> bool:
        """Whether the tensor is kept."""
        return one.storage in self._kept()

    def heights(self, arriving: Tensor, *, recomputes: bool) -> list[Size]:
        """How much lives at each operation of the backward pass, what is kept included.

        `arriving` is the output whose gradient comes from above; it counts. A layer that recomputes
        does so when its backward first needs something kept, beside the gradients made until then;
        without recomputation the forward pass is that of the last layer, where none lives yet.
        """
        held = self._kept()
        for one in held:
            one.holders = sum(one in node.kept for node in self._nodes)
        kept = _total(held)
        live = kept.plus(arriving.size)
        first = Storage(arriving.size)
        first.holders = 1
        gradients = {id(arriving): first}
        found = [live]
        waiting = None if recomputes else NOTHING
        for node in reversed(self._nodes):
            if waiting is None and node.kept:
                waiting = live.minus(kept)
            live = _back(node, gradients, live, found)
        return [*found, *(one.plus(waiting or NOTHING) for one in self.forward_heights())]

    def forward_heights(self) -> list[Size]:
        """How much lives at each operation of the forward pass that keeps for the backward.

        A tensor that is not kept goes with its last use.
        """
        held = set(self._kept())
        last = {one: index for index, run in enumerate(self._runs) for one in run}
        live, seen, found = NOTHING, set[Storage](), []
        for index, run in enumerate(self._runs):
            for one in dict.fromkeys(run):
                if one not in seen:
                    seen.add(one)
                    live = live.plus(one.size)
            found.append(live)
            for one in dict.fromkeys(run):
                if last[one] == index and one not in held:
                    live = live.minus(one.size)
        return found

    def _storage(self, one: Tensor | Size) -> Storage:
        if isinstance(one, Tensor):
            return one.storage
        return Storage(one, is_adapter=self.adapter)

    def _kept(self) -> list[Storage]:
        return list(dict.fromkeys(one for node in self._nodes for one in node.kept))


def _total(storages: Sequence[Storage]) -> Size:
    total = NOTHING
    for one in storages:
        total = total.plus(one.size)
    return total


def _back(node: _Node, gradients: dict[int, Storage], live: Size, found: list[Size]) -> Size:
    """One operation's backward; returns what lives after it."""
    arrived = [g for g in (gradients.pop(id(out), None) for out in node.outputs) if g is not None]
    made: list[tuple[Tensor, Storage]] = []
    if arrived:
        for one in node.inputs:
            if not one.grad:
                continue
            if node.is_sum and one.wide == node.outputs[0].wide:
                storage = arrived[0]
            else:
                storage = Storage(one.size)
                live = live.plus(one.size)
            storage.holders += 1
            made.append((one, storage))
        found.append(live.plus(node.back.passing))
    live = live.plus(node.back.gains if arrived else NOTHING)
    for storage in (*arrived, *dict.fromkeys(node.kept)):
        live = _released(storage, live)
    for one, storage in made:
        live = _collected(one, storage, gradients, live, found)
    return live


def _collected(
    one: Tensor, fresh: Storage, gradients: dict[int, Storage], live: Size, found: list[Size]
) -> Size:
    """Add a gradient to an earlier one of the same tensor, in place where nobody else holds it."""
    before = gradients.get(id(one))
    if before is None:
        gradients[id(one)] = fresh
        return live
    if before.holders == 1:
        return _released(fresh, live)
    total = Storage(one.size)
    total.holders = 1
    live = live.plus(one.size)
    found.append(live)
    gradients[id(one)] = total
    return _released(before, _released(fresh, live))


def _released(storage: Storage, live: Size) -> Size:
    storage.holders -= 1
    return live if storage.holders else live.minus(storage.size)
