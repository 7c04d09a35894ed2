"""Datasheet facts: model shapes, GPUs and dated prices, each with its source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Provenance, Usd, Value


class ModelCard(Value):
    """The shape of a causal language model; enough to count parameters and memory."""

    id: str
    architecture: str = ""
    """Class name as in `config.json`."""
    hidden_size: int = Field(gt=0)
    layers: int = Field(gt=0)
    attention_heads: int = Field(gt=0)
    key_value_heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    vocabulary_size: int = Field(gt=0)
    tied_embeddings: bool = False
    max_sequence_length: int | None = None
    parameters: int = Field(gt=0)
    active_parameters: int | None = None
    """Parameters used per token; differs from `parameters` in mixtures of experts."""
    gated_mlp: bool = True
    local_path: str | None = None
    """Folder with weights on this machine, where there is one."""
    provenance: Provenance


class Gpu(Value):
    """A GPU's datasheet, or this machine described in the same words."""

    id: str
    name: str
    memory_gib: float = Field(gt=0)
    bf16_tflops: float | None = None
    """Dense, without sparsity; None = unknown."""
    bandwidth_gb_per_second: float | None = None
    architecture: str = ""
    is_cpu: bool = False
    provenance: Provenance


class Offer(Value):
    """A dated price for hours on a machine."""

    gpu: str
    provider: str
    kind: Literal["on_demand", "spot", "reserved", "own"]
    usd_per_gpu_hour: Usd
    region: str = ""
    gpus: int = 1
    valid_from: str
    checked: str
    source: str
