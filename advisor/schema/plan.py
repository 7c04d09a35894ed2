"""One concrete tuning proposal, complete, with no hidden default."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Interval, Provenance, Value

Precision = Literal["float32", "bfloat16", "float16"]
Phase = Literal["loss", "backward", "backward_end", "optimizer_step"]
Objective = Literal["sft", "cpt", "dpo", "orpo", "kto", "reward", "grpo"]


class Plan(Value):
    """Everything that decides memory, time and result of a tuning run."""

    model: str
    """Catalog name, folder or hub id."""
    objective: str = "sft"
    method: str
    precision: Precision
    """Precision in which the base weights are loaded."""
    base_bits: Literal[4, 8, 16, 32]
    """Bits per base weight after quantisation."""
    rank: int | None = Field(default=None, gt=0)
    alpha: float | None = Field(default=None, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: str = "all-linear"
    sequence_length: int = Field(gt=0)
    micro_batch_size: int = Field(gt=0)
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    gradient_checkpointing: bool = True
    loss_head: Literal["fused", "full"] = "fused"
    """Whether the loss is computed tile by tile or from all logits at once."""
    optimizer: str = "adamw_torch_fused"
    learning_rate: float = Field(gt=0)
    schedule: str = "linear"
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    epochs: float = Field(gt=0)
    examples: int | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    """Training tokens of one epoch, where known."""
    gpu: str
    gpus: int = Field(default=1, gt=0)
    strategy: Literal["single", "ddp", "zero1", "zero2", "zero3", "fsdp"] = "single"
    seed: int = 0
    reasons: dict[str, str] = Field(default_factory=dict)
    """Plan field -> id of the recipe, rule or flag that set it."""


class ExtraTerm(Value):
    """An addend that only a method or objective knows of."""

    name: str
    bytes: Interval
    formula: str
    provenance: Provenance
    phases: tuple[Phase, ...] = ()
    """When it is alive; empty means always."""


class Footprint(Value):
    """What a method does to memory: how many parameters train, and what each costs in bytes."""

    trainable_parameters: int = Field(ge=0)
    base_weight_bytes: float = Field(ge=0)
    """All base weights as loaded, quantised where the method quantises."""
    adapter_weight_bytes: float = Field(default=0.0, ge=0)
    gradient_bytes: float = Field(ge=0)
    optimizer_bytes: float = Field(ge=0)
    compute_share: float = Field(gt=0)
    """Floating point work per token as a share of full fine-tuning's 6 x parameters."""
    extra_terms: tuple[ExtraTerm, ...] = ()
    notes: tuple[str, ...] = ()


class Obstacle(Value):
    """Why a plan cannot run, or would run badly, on a machine."""

    severity: Literal["blocks", "warns"]
    message: str
    hint: str = ""
