"""Which linear layers an adapter reaches, and what it keeps for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from advisor.errors import PlanError
from advisor.schema.architecture import Linear
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Plan
from trainers.methods.states import WEIGHT_BYTES

ALL_LINEAR = "all-linear"
ADAPTER_BYTES = 4
"""PEFT makes adapters in 32 bits unless told otherwise."""
_PARTS = {
    "attn": "attention",
    "self_attn": "attention",
    "attention": "attention",
    "mlp": "feed_forward",
    "feed_forward": "feed_forward",
}


@dataclass(frozen=True)
class Numbers:
    """Bytes of a number, by where it lives."""

    activation: int
    """Of what flows between the layers."""
    trained: int
    """Of an adapter's weight."""
    path: int
    """Of what is computed inside the adapter: autocast lowers it to the activations'."""

    @property
    def casts_input(self) -> bool:
        """Whether the adapter works on a copy of its input in another precision."""
        return self.trained != self.activation


def numbers(plan: Plan) -> Numbers:
    """The precisions of a plan: adapters in 32 bits unless it says otherwise."""
    activation = WEIGHT_BYTES[plan.compute_precision or plan.precision]
    trained = WEIGHT_BYTES[plan.trained_precision] if plan.trained_precision else ADAPTER_BYTES
    autocast = plan.compute_precision is not None
    return Numbers(activation, trained, activation if autocast else max(trained, activation))


@dataclass(frozen=True)
class Adapted:
    """A linear layer that an adapter reaches."""

    linear: Linear
    layers: int
    """How many layers of the model have it."""
    shares_input: bool
    """Whether a sibling before it reads the same input (query, key and value do)."""

    @property
    def times(self) -> int:
        """How many of it the model has, over layers and experts."""
        return self.layers * self.linear.copies


def adapted_linears(model: ModelCard, targets: str) -> tuple[tuple[Adapted, ...], ...]:
    """What a plan's target modules reach, by layer group: all of them, or names with commas.

    A name is the last part of the module's, or `mlp.c_proj` where attention has one too. Raises
    PlanError for a name that the model does not have.
    """
    wanted = None
    if targets != ALL_LINEAR:
        wanted = [name.strip() for name in targets.split(",") if name.strip()]
        _refuse_unknown(model, wanted)
    groups = []
    for group in model.layer_groups:
        modules = [linear for linear in group.linears if linear.is_module]
        found, seen = [], set()
        for place, linear in enumerate(modules):
            if wanted is not None and not any(_names(name, linear) for name in wanted):
                continue
            follows = modules[place + 1 :]
            closes = all(other.part != linear.part for other in follows)
            reads = (linear.part, linear.inputs, place if closes else -1)
            found.append(Adapted(linear, group.count, reads in seen))
            seen.add(reads)
        groups.append(tuple(found))
    return tuple(groups)


def _names(name: str, linear: Linear) -> bool:
    head, _, tail = name.rpartition(".")
    if tail != linear.name:
        return False
    return not head or _PARTS.get(head.rpartition(".")[2], linear.part) == linear.part


def _refuse_unknown(model: ModelCard, wanted: list[str]) -> None:
    linears = [one for group in model.layer_groups for one in group.linears if one.is_module]
    unknown = [name for name in wanted if not any(_names(name, one) for one in linears)]
    if unknown or not wanted:
        known = ", ".join(dict.fromkeys(one.name for one in linears))
        raise PlanError(
            f"{model.id} has no linear layer '{', '.join(unknown)}'.",
            hint=f"Choose from {known}, or {ALL_LINEAR}.",
        )


def count(groups: Iterable[Iterable[Adapted]], one: Callable[[Linear], int]) -> int:
    """Trained parameters: those of one linear layer, over all that are reached."""
    return sum(found.times * one(found.linear) for group in groups for found in group)


@dataclass(frozen=True)
class Kept:
    """Bytes that an adapter keeps for its backward pass beside one linear layer."""

    per_token: float = 0.0
    shared_input: float = 0.0
    """Per token, once for all siblings that read the same input."""
    per_matrix: float = 0.0
    """Whatever the tokens."""


def kept_bytes(
    plan: Plan, groups: Iterable[Iterable[Adapted]], one: Callable[[Linear], Kept]
) -> float:
    """Over all layers, or of the layer with the most where layers are recomputed."""
    tokens = plan.micro_batch_size * plan.sequence_length
    layers = [(group, _layer_bytes(group, one, tokens)) for group in map(tuple, groups) if group]
    if plan.gradient_checkpointing:
        return max((size for _, size in layers), default=0.0)
    return sum(group[0].layers * size for group, size in layers)


def _layer_bytes(group: Iterable[Adapted], one: Callable[[Linear], Kept], tokens: int) -> float:
    total = 0.0
    for found in group:
        kept, linear = one(found.linear), found.linear
        input_bytes = 0.0 if found.shares_input else kept.shared_input
        total += tokens * linear.active_copies * (kept.per_token + input_bytes)
        total += linear.copies * kept.per_matrix
    return total


def largest(groups: Iterable[Iterable[Adapted]], one: Callable[[Linear], float]) -> float:
    """The most that one linear layer needs at its turn, in bytes."""
    return max((one(found.linear) for group in groups for found in group), default=0.0)
