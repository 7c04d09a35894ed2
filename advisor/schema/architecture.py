"""What a model is made of: groups of equal layers and the linear layers in each."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value

Part = Literal["attention", "feed_forward", "router"]


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
    """False for experts fused into one tensor: neither adapters nor 4-bit loading reach them."""

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

    @property
    def parameters(self) -> int:
        """Parameters of one layer."""
        return self.other_parameters + sum(linear.parameters for linear in self.linears)
