"""What a model is made of: groups of equal layers and the linear layers in each."""

from functools import cached_property
from typing import Literal, Self

from pydantic import Field

from advisor.schema.base import Value

Part = Literal["attention", "feed_forward", "router"]
Experts = Literal["fused", "modules", "packed"]
"""How software holds a mixture's experts: in one tensor that neither packing nor most adapters
reach (transformers 5); each as linear modules like any other; in one tensor that the software packs
itself, out of adapters' reach."""


class Linear(Value):
    """One linear layer as it occurs in a layer of the model."""

    name: str
    """Last part of the module's name as transformers gives it: `q_proj`."""
    inputs: int = Field(gt=0)
    outputs: int = Field(gt=0)
    bias: bool = False
    copies: int = Field(default=1, gt=0)
    """How many of it one layer has: the number of experts, else 1."""
    active_copies: int = Field(default=1, gt=0)
    """Through how many of them one token goes."""
    part: Part = "feed_forward"
    is_module: bool = True
    """False for experts fused into one tensor: what reaches them the plan says (`experts`)."""

    @property
    def weights(self) -> int:
        """Entries of one copy's matrix, without bias."""
        return self.inputs * self.outputs

    @property
    def parameters(self) -> int:
        """Parameters of all copies, biases included."""
        return self.copies * (self.weights + (self.outputs if self.bias else 0))


class LayerGroup(Value):
    """So many layers of the same shape."""

    count: int = Field(gt=0)
    linears: tuple[Linear, ...]
    """In the order of the forward pass: attention (a cross-attention's after it), router, routed
    experts (`copies` > 1), then the experts every token goes through; the last of each is the
    projection back to the hidden width."""
    other_parameters: int = Field(default=0, ge=0)
    """Norms and whatever else one layer trains outside its linear layers."""
    intermediate_size: int = Field(gt=0)
    """Feed-forward width that one token goes through (active experts added up)."""
    gated: bool = True
    """Whether the feed-forward has a gate beside its up-projection."""
    activation: str = "silu"
    norm: Literal["rms", "layer"] = "rms"
    norms: int = 2
    """Norms over the hidden width in one layer."""
    query_key_norm: bool = False
    parallel: bool = False
    """Attention and feed-forward read the same input."""
    window: int | None = None
    """How many tokens attention reaches back; None is all of them."""
    experts: int = 0
    experts_per_token: int = 0
    cross_attention: bool = False

    @cached_property
    def parameters(self) -> int:
        """Parameters of one layer."""
        return self.other_parameters + sum(linear.parameters for linear in self.linears)

    def split(self) -> Self:
        """The same layers with each expert, and the router, as linear modules of their own."""
        linears = tuple(part for linear in self.linears for part in _modules(linear))
        return self.model_copy(update={"linears": linears})


def _modules(linear: Linear) -> tuple[Linear, ...]:
    if linear.is_module:
        return (linear,)
    if linear.name != "gate_up_proj":
        return (linear.model_copy(update={"is_module": True}),)
    half = {"outputs": linear.outputs // 2, "is_module": True}
    return tuple(
        linear.model_copy(update={**half, "name": name}) for name in ("gate_proj", "up_proj")
    )


def dense_group(
    *,
    hidden_size: int,
    intermediate_size: int,
    heads: tuple[int, int, int],
    count: int = 1,
    gated: bool = True,
    biases: tuple[bool, bool] = (False, False),
) -> LayerGroup:
    """Equal dense layers as Llama names them, or as GPT-2 does where there is no gate.

    `heads` are the query heads, the key/value heads and the width of one head; `biases` say
    whether query, key and value and whether the output projection have one (GPT-2 has all).
    """
    if not gated:
        return _plain_group(hidden_size, intermediate_size, count)
    query, key_value = heads[0] * heads[2], heads[1] * heads[2]
    linears = (
        Linear(name="q_proj", inputs=hidden_size, outputs=query, bias=biases[0], part="attention"),
        *(
            Linear(
                name=name, inputs=hidden_size, outputs=key_value, bias=biases[0], part="attention"
            )
            for name in ("k_proj", "v_proj")
        ),
        Linear(name="o_proj", inputs=query, outputs=hidden_size, bias=biases[1], part="attention"),
        Linear(name="gate_proj", inputs=hidden_size, outputs=intermediate_size),
        Linear(name="up_proj", inputs=hidden_size, outputs=intermediate_size),
        Linear(name="down_proj", inputs=intermediate_size, outputs=hidden_size),
    )
    return LayerGroup(
        count=count,
        linears=linears,
        other_parameters=2 * hidden_size,
        intermediate_size=intermediate_size,
    )


def _plain_group(hidden_size: int, intermediate_size: int, count: int) -> LayerGroup:
    linears = (
        Linear(
            name="c_attn", inputs=hidden_size, outputs=3 * hidden_size, bias=True, part="attention"
        ),
        Linear(name="c_proj", inputs=hidden_size, outputs=hidden_size, bias=True, part="attention"),
        Linear(name="c_fc", inputs=hidden_size, outputs=intermediate_size, bias=True),
        Linear(name="c_proj", inputs=intermediate_size, outputs=hidden_size, bias=True),
    )
    return LayerGroup(
        count=count,
        linears=linears,
        other_parameters=4 * hidden_size,
        intermediate_size=intermediate_size,
        gated=False,
        activation="gelu_new",
        norm="layer",
    )
