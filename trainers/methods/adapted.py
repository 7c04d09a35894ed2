"""Which linear layers an adapter reaches, and what it keeps for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from advisor.errors import PlanError
from advisor.schema.architecture import LayerGroup, Linear
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import Plan
from trainers.methods.states import WEIGHT_BYTES

ALL_LINEAR = "all-linear"
ADAPTER_BYTES = 4
"""PEFT makes adapters in 32 bits unless told otherwise."""
EXPERT_FAMILIES = frozenset(
    {
        "afmoe", "cohere2_moe", "deepseek_v2", "deepseek_v3", "deepseek_v32", "dots1",
        "ernie4_5_moe", "exaone_moe", "flex_olmo", "glm4_moe", "glm4_moe_lite", "glm4v_moe",
        "glm_moe_dsa", "hunyuan_v1_moe", "longcat_flash", "minimax", "minimax_m2", "mixtral",
        "olmoe", "qwen3_moe", "qwen3_next", "solar_open",
    }
)  # fmt: skip
"""Families whose experts, fused into tensors since transformers 5, PEFT's LoRA still reaches."""
_FUSED_NAMES = {"gate_proj": "gate_up_proj", "up_proj": "gate_up_proj", "down_proj": "down_proj"}
_FUSED_NAMES |= {"w1": "gate_up_proj", "w3": "gate_up_proj", "w2": "down_proj"}
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
    is_fused: bool = False
    """Whether it is a tensor of all experts: its changed weights are built and kept."""
    rank_times: int = 1
    """2 where gate and up-projection lie in one tensor."""

    @property
    def times(self) -> int:
        """How many of it the model has, over layers and experts."""
        return self.layers * self.linear.copies


def adapted_linears(
    model: ModelCard, targets: str, *, reaches_experts: bool = False
) -> tuple[tuple[Adapted, ...], ...]:
    """What a plan's target modules reach, by layer group: all of them, or names with commas.

    A name is the last part of the module's, or `mlp.c_proj` where attention has one too.
    `reaches_experts` says whether the method also takes experts that are fused into tensors; it
    then leaves feed-forward layers beside them alone, as PEFT does. Raises PlanError for a name
    that the model does not have.
    """
    wanted = None
    if targets != ALL_LINEAR:
        wanted = [name.strip() for name in targets.split(",") if name.strip()]
    fused = reaches_experts and model.family in EXPERT_FAMILIES
    if wanted is not None:
        _refuse_unknown(model, wanted, fused=fused)
    return tuple(_reached(group, wanted, fused=fused) for group in model.layer_groups)


def _reached(group: LayerGroup, wanted: list[str] | None, *, fused: bool) -> tuple[Adapted, ...]:
    linears = [one for one in group.linears if one.is_module or fused]
    found, seen = [], set()
    for place, linear in enumerate(linears):
        if fused and linear.is_module and linear.name in _FUSED_NAMES:
            continue
        if wanted is not None and not any(_names(name, linear) for name in wanted):
            continue
        closes = all(other.part != linear.part for other in linears[place + 1 :])
        reads = (linear.part, linear.inputs, place if closes else -1)
        is_experts = not linear.is_module and linear.part != "router"
        times = 2 if is_experts and linear.name == "gate_up_proj" else 1
        found.append(Adapted(linear, group.count, reads in seen, is_experts, times))
        seen.add(reads)
    return tuple(found)


def _names(name: str, linear: Linear) -> bool:
    head, _, tail = name.rpartition(".")
    if linear.is_module and tail != linear.name:
        return False
    if not linear.is_module and linear.name not in (tail, _FUSED_NAMES.get(tail)):
        return False
    return not head or _PARTS.get(head.rpartition(".")[2], linear.part) == linear.part


def _refuse_unknown(model: ModelCard, wanted: list[str], *, fused: bool) -> None:
    linears = [one for group in model.layer_groups for one in group.linears]
    linears = [one for one in linears if one.is_module or fused]
    unknown = [name for name in wanted if not any(_names(name, one) for one in linears)]
    if unknown or not wanted:
        known = ", ".join(dict.fromkeys(one.name for one in linears))
        raise PlanError(
            f"{model.id} has no linear layer '{', '.join(unknown)}'.",
            hint=f"Choose from {known}, or {ALL_LINEAR}.",
        )


def trained_entries(groups: Iterable[Iterable[Adapted]], one: Callable[[Linear], int]) -> int:
    """Trained parameters: those of one linear layer, over all that are reached."""
    return sum(
        found.times * found.rank_times * one(found.linear) for group in groups for found in group
    )


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
    per_token, fixed = kept_rates(plan, groups, one)
    return plan.micro_batch_size * plan.sequence_length * per_token + fixed


def kept_rates(
    plan: Plan, groups: Iterable[Iterable[Adapted]], one: Callable[[Linear], Kept]
) -> tuple[float, float]:
    """The same as bytes per token, and bytes whatever the tokens."""
    tokens = plan.micro_batch_size * plan.sequence_length
    size = numbers(plan).activation

    def kept(found: Adapted) -> Kept:
        return fused_kept(found.linear, size) if found.is_fused else one(found.linear)

    layers = [
        (group[0].layers, *_layer_rates(group, kept)) for group in map(tuple, groups) if group
    ]
    if plan.gradient_checkpointing:
        most = max(layers, key=lambda one: tokens * one[1] + one[2], default=(0, 0.0, 0.0))
        return most[1:]
    return sum(n * rate for n, rate, _ in layers), sum(n * fixed for n, _, fixed in layers)


def fused_kept(linear: Linear, size: int) -> Kept:
    """Inputs of fused experts, and their changed weights, in the activations' precision."""
    return Kept(per_token=float(size * linear.inputs), per_matrix=float(size * linear.weights))


def _layer_rates(group: Iterable[Adapted], one: Callable[[Adapted], Kept]) -> tuple[float, float]:
    rate = fixed = 0.0
    for found in group:
        kept, linear = one(found), found.linear
        input_bytes = 0.0 if found.shares_input else kept.shared_input
        rate += linear.active_copies * (kept.per_token + input_bytes)
        fixed += linear.copies * kept.per_matrix
    return rate, fixed


def largest(groups: Iterable[Iterable[Adapted]], one: Callable[[Linear], float]) -> float:
    """The most that one linear layer needs at its turn, in bytes."""
    return max((one(found.linear) for group in groups for found in group), default=0.0)
