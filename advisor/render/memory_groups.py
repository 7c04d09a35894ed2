"""Terms of a peak gathered into a few groups that a bar can show, each with a letter of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from advisor.schema.base import Interval
    from advisor.schema.estimate import Estimate, Option

REST = "allocator and device context"
"""What the process takes beyond its tensors."""


@dataclass(frozen=True)
class Group:
    """Terms shown in one colour, and under one letter where there are no colours."""

    letter: str
    title: str
    style: str
    """On a terminal."""
    terms: frozenset[str] = frozenset()


GROUPS = (
    Group("W", "weights", "black on blue", frozenset((
        "weights", "reference model", "gathered weights", "unpacked layer",
        "weights gathered to generate",
    ))),
    Group("P", "adapters", "black on magenta", frozenset((
        "adapter", "shared projections", "permutations", "change of experts",
    ))),
    Group("O", "optimizer", "black on yellow", frozenset((
        "optimizer states", "optimizer temporary", "master weights", "projection being sought",
    ))),
    Group("G", "gradients", "black on green", frozenset((
        "gradients", "whole gradients", "gradient buckets", "32-bit gradients",
    ))),
    Group("A", "activations", "black on cyan", frozenset((
        "activations", "one layer's backward", "adapter inputs", "activations of new blocks",
        "keys and values with prefix", "gradients of layer inputs",
    ))),
    Group("L", "logits, loss", "black on red", frozenset((
        "logits and loss", "logits of both answers",
    ))),
    Group("X", "other", "black on white"),
    Group("C", "allocator, context", "white on bright_black", frozenset((REST, "framework"))),
)  # fmt: skip
_OTHER = 6
_PLACES = {name: place for place, group in enumerate(GROUPS) for name in group.terms}
_WORDS = {"logits": 5, "gradient": 3, "optimizer": 2, "activations": 4, "adapter": 1, "weights": 0}
"""Word in the name of a term that a plugin brings -> its group, the surest word first."""


def group_of(term: str) -> int:
    """The place of a term's group in `GROUPS`; terms nobody foresaw go by a word in their name."""
    if term in _PLACES:
        return _PLACES[term]
    return next((place for word, place in _WORDS.items() if word in term), _OTHER)


def segments(option: Option) -> Iterator[tuple[str, float]]:
    """Name and GiB of every term and of what the process takes beyond its tensors, by group."""
    found = [(term.name, term.gib) for term in option.memory.terms]
    rest = process(option).likely - option.memory.allocated_gib.likely
    if rest > 0:
        found.append((REST, rest))
    yield from sorted(found, key=lambda segment: group_of(segment[0]))


def grouped(option: Option) -> tuple[float, ...]:
    """GiB of each group, in the order of `GROUPS`."""
    found = [0.0] * len(GROUPS)
    for name, gib in segments(option):
        found[group_of(name)] += gib
    return tuple(found)


def process(option: Option) -> Interval:
    """Memory of the whole process, or the highest tier that is known."""
    memory = option.memory
    return memory.process_gib or memory.reserved_gib or memory.allocated_gib


def card_sizes(options: Iterable[Option]) -> dict[str, float]:
    """Usable GiB of each GPU, or what the first option on it says to be left and taken."""
    found: dict[str, float] = {}
    for option in options:
        left = process(option).likely + option.headroom_gib
        found.setdefault(option.gpu, option.usable_gib or left)
    return found


def best_by_method(options: Sequence[Option]) -> list[Option]:
    """The first option of every method, as the options are ranked."""
    found: dict[str, Option] = {}
    for option in options:
        found.setdefault(option.method, option)
    return list(found.values())


def drawn_options(options: Sequence[Option], most: int) -> list[Option]:
    """Each method's best option, then the next ones, in their order."""
    best = {id(option) for option in best_by_method(options)}
    rest = [id(option) for option in options if id(option) not in best]
    kept = best | set(rest[: max(most - len(best), 0)])
    return [option for option in options if id(option) in kept]


def chosen(estimate: Estimate) -> Option:
    """The recommended option, or the first where none can be recommended."""
    return estimate.options[estimate.recommended or 0]


def mark_of(estimate: Estimate, place: int) -> str:
    """'cheapest', 'fastest' or both, for an option that can be recommended."""
    marks = []
    if place == cheapest(estimate):
        marks.append("cheapest")
    if place == estimate.fastest:
        marks.append("fastest")
    return ", ".join(marks)


def cheapest(estimate: Estimate) -> int | None:
    """The cheapest option that fits as surely as the recommended one; None without prices.

    Options stand in the order fitting, allowed, cheap: it is the first of the kind.
    """
    if estimate.recommended is None:
        return None
    surely = estimate.options[estimate.recommended].fits
    same = (i for i, o in enumerate(estimate.options) if o.fits == surely)
    first = next(same, None)
    if first is None or estimate.options[first].cost_usd is None:
        return None
    return first
