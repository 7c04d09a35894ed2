"""Datasheet facts: model shapes, GPUs and dated prices, each with its source."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field

from advisor.schema.architecture import Experts, LayerGroup, dense_group
from advisor.schema.base import Figure, Provenance, Usd, Value
from advisor.schema.plan import Quantisation
from advisor.schema.throughput import Throughput
from advisor.schema.tiers import Tiers


class ModelCard(Value):
    """The shape of a language model; enough to count parameters and memory."""

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
    family: str = ""
    """`model_type` of its configuration: llama, qwen3_moe, t5."""
    kind: Literal["decoder", "encoder_decoder", "encoder"] = "decoder"
    groups: tuple[LayerGroup, ...] = ()
    """Layers by shape, first to last; empty means `layers` equal dense ones."""
    embedding_parameters: int | None = None
    """Token and position embeddings."""
    head_parameters: int | None = None
    """The output head; 0 where it is tied to the embeddings."""
    is_approximate: bool = False
    """Whether an unknown architecture was read by the stated fallback."""
    packing: str = ""
    """How the checkpoint is packed, in the words of its configuration; empty = it is not."""
    quantised_as: Quantisation | None = None
    """The packing that plans know it as; None with a `packing` = nothing here trains on it."""
    extra_parameters: int = Field(default=0, ge=0)
    """Of parts loaded beside the language model and not trained with it: a vision tower."""
    extra_linear_weights: int = Field(default=0, ge=0)
    """Those of them that 4-bit loading packs."""
    uncounted: tuple[str, ...] = ()
    """Parts of the configuration that nobody counted: `audio_config`."""
    local_path: str | None = None
    """Folder with weights on this machine, where there is one."""
    configuration: str = Field(default="", exclude=True, repr=False)
    """Its `config.json` as text, for whoever builds the model; empty where it is not known."""
    provenance: Provenance

    @cached_property
    def layer_groups(self) -> tuple[LayerGroup, ...]:
        """`groups`, or what the flat numbers describe: equal dense layers, gated or GPT-2's."""
        return self.groups or (
            dense_group(
                hidden_size=self.hidden_size,
                intermediate_size=self.intermediate_size,
                heads=(self.attention_heads, self.key_value_heads, self.head_dim),
                count=self.layers,
                gated=self.gated_mlp and self.architecture != "GPT2LMHeadModel",
            ),
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values; what was derived from the old ones is forgotten."""
        copied = super().model_copy(update=update, deep=deep)
        for derived in ("layer_groups", "has_experts", "_split"):
            copied.__dict__.pop(derived, None)
        return copied

    @cached_property
    def has_experts(self) -> bool:
        """Whether it is a mixture of experts."""
        return any(group.experts for group in self.groups)

    def loaded_as(self, experts: Experts | None) -> Self:
        """The model as software holds it that has experts in this way."""
        return self._split if experts == "modules" and self.has_experts else self

    @cached_property
    def _split(self) -> Self:
        groups = tuple(group.split() for group in self.groups)
        return self if groups == self.groups else self.model_copy(update={"groups": groups})


class Gpu(Value):
    """A GPU's datasheet, or this machine described in the same words."""

    id: str
    name: str
    memory_gib: float = Field(gt=0)
    bf16_tflops: float | None = None
    """Dense, without sparsity; None = unknown or not supported."""
    fp16_tflops: float | None = None
    """Dense, with 32-bit accumulation; what a GPU without bfloat16 trains with."""
    fp8_tflops: float | None = None
    """Dense; None = unknown or not supported."""
    bandwidth_gb_per_second: float | None = None
    power_watt: float | None = None
    """Thermal design power."""
    link_gb_per_second: float | None = None
    """Between GPUs of one machine, one way; None = over PCIe."""
    pcie_gb_per_second: float | None = None
    achievable_share: float | None = None
    """Best published matrix product rate over the datasheet's."""
    architecture: str = ""
    is_cpu: bool = False
    twin: str | None = None
    """Catalog id of the same card, for a card of this machine that the catalog knows."""
    provenance: Provenance


class Offer(Value):
    """A dated price for hours on a machine."""

    gpu: str
    provider: str
    kind: Literal["on_demand", "spot", "reserved", "community", "own"]
    usd_per_gpu_hour: Usd
    region: str = ""
    gpus: int = 1
    """GPUs of the machine, which is rented whole."""
    instance: str = ""
    """The provider's name of the machine, where it tells offers apart."""
    is_gpu_only: bool = False
    """Whether processor and memory of the machine are billed apart and not in the price."""
    is_dated: bool = True
    """Whether the source says when the price held; else `valid_from` is the day it was read."""
    note: str = ""
    valid_from: str
    checked: str
    source: str


class HostedTuning(Value):
    """A provider that tunes a model for a price per token."""

    provider: str
    model: str
    methods: tuple[str, ...] = ()
    """Ways of tuning that the price is for; empty = whatever the provider does."""
    objectives: tuple[str, ...] = ("sft",)
    usd_per_million_training_tokens: Usd
    usd_per_million_input_tokens: Usd | None = None
    """Of the tuned model when it is called; None = unknown or billed by the hour."""
    usd_per_million_output_tokens: Usd | None = None
    hosting_usd_per_hour: Usd | None = None
    parameters: int | None = None
    """Nominal size of the model where known, to set it beside others."""
    at_least_parameters: int | None = None
    up_to_parameters: int | None = None
    """The sizes, both included, of a price for any open model in a range; None = no such end."""
    training_usd: Usd | None = None
    """For the tokens of the request; None in the catalog itself."""
    is_dated: bool = True
    """Whether the source says when the price held; else `valid_from` is the day it was read."""
    note: str = ""
    valid_from: str
    checked: str
    source: str


class InferencePrice(Value):
    """What calling a model at a provider costs per token."""

    provider: str
    model: str
    usd_per_million_input_tokens: Usd
    usd_per_million_output_tokens: Usd
    usd_per_million_cached_tokens: Usd | None = None
    """Of input that the provider has kept from an earlier call; None = unknown."""
    above_prompt_tokens: int = 0
    """The price is for prompts longer than this; 0 = for all that no longer tier claims."""
    is_tuned: bool = False
    """Whether the price is for a tuned copy of the model."""
    parameters: int | None = None
    at_least_parameters: int | None = None
    up_to_parameters: int | None = None
    is_dated: bool = True
    note: str = ""
    valid_from: str
    checked: str
    source: str


class LayerLaw(Value):
    """Activations of one layer, in elements per token and unit of width, measured on a stack."""

    hidden: float = Field(ge=0)
    query: float = Field(ge=0)
    key_value: float = Field(ge=0)
    feed_forward: float = Field(ge=0)
    """Per unit of feed-forward width that one token goes through, where there is a gate."""
    plain_feed_forward: float = Field(ge=0)
    """The same without a gate."""
    quantised_outputs: float = Field(default=0.0, ge=0)
    """On top, per output of a quantised linear layer."""
    provenance: Provenance


class ExpertHabit(Value):
    """How software holds the experts of a mixture."""

    held: Experts = "fused"
    packs_fused: bool = False
    """Whether it packs experts itself that transformers has always kept in one tensor."""
    provenance: Provenance

    def of(self, family: str) -> Experts:
        """How it holds those of a family."""
        if self.held == "modules" and family in ALWAYS_FUSED:
            return "packed" if self.packs_fused else "fused"
        return self.held


ALWAYS_FUSED = frozenset(
    {
        "dbrx", "gpt_oss", "granitemoe", "granitemoehybrid", "granitemoeshared", "jetmoe",
        "llama4", "llama4_text", "qwen3_vl_moe",
    }
)  # fmt: skip
"""Families whose experts were one tensor before transformers 5 too."""


class Stack(Value):
    """Measured constants of the software whose kernels decide memory and speed."""

    id: str
    title: str
    defaults: dict[str, int | float | str | bool] = Field(default_factory=dict)
    """Plan field -> value that this software uses unless told otherwise; `qlora.trained_precision`
    is for that method alone."""
    autocasts: bool = False
    """Whether 16-bit weights are trained under autocast in their own precision."""
    experts: ExpertHabit
    """How the experts of a mixture are held: what packing and adapters reach."""
    kept_layer: LayerLaw | None = None
    """What a layer saves without checkpointing; None: as transformers' own layers do."""
    layer_backward: LayerLaw | None = None
    """What a recomputed layer holds at the height of its backward pass; None: as transformers."""
    keeps_logits: bool = False
    """Whether the 16-bit logits live on beside what the loss makes of them."""
    wraps_replicas: bool = False
    """Whether whole copies (`ddp`) are units of FSDP too, with its hooks and without buckets."""
    gathers_all: bool = False
    """Whether full sharding keeps every gathered layer until the step ends."""
    rebinding_families: tuple[str, ...] = ()
    """Families whose class overwrites the 16-bit logits all the same."""
    plain_loss_families: tuple[str, ...] = ()
    """Families whose class computes the loss without lifting the logits to 32 bits."""
    unties_head: bool = False
    """Whether the head is a matrix of its own even where the model ties it to the embeddings."""
    kernel_loss_bytes: Figure
    """Bytes per token and vocabulary entry of one kernel over all logits."""
    full_loss_bytes: Figure
    """Bytes per token and vocabulary entry of a loss that builds all logits."""
    fused_loss_bytes: Figure
    """Bytes per entry of one tile of a loss head that works tile by tile."""
    fused_loss_tokens: int
    fused_loss_vocabulary: int
    """Size of that tile."""
    workspace_gib: Figure
    """Library workspaces that the allocator sees."""
    context_gib: Figure
    """Device context, outside the allocator."""
    cpu_process_gib: Figure
    """Interpreter and libraries of a training process without a GPU."""
    tiers: Tiers = Field(default_factory=Tiers)
    """What is held beside tensors; the same for every software."""

    def defaults_for(self, method: str) -> dict[str, int | float | str | bool]:
        """Plan field -> value for a method; what is stated for it alone comes last."""
        found = {key: value for key, value in self.defaults.items() if "." not in key}
        for key, value in self.defaults.items():
            scope, _, field = key.partition(".")
            if field and scope == method:
                found[field] = value
        return found


class Setting(Value):
    """A recommended value with the reason for it."""

    value: int | float | str | bool
    why: str
    source: str


class Recipe(Value):
    """A reviewed default plan for a method and a range of model sizes."""

    id: str
    title: str
    method: str
    """Method or kin of methods: `lora` also stands for every method with a rank."""
    objective: str = ""
    """What it is for, laid over the method's own recipe; empty: that recipe itself."""
    at_least_parameters: int = 0
    below_parameters: int | None = None
    """The range the recipe is for, upper end excluded; None = no upper end."""
    settings: dict[str, Setting]
    """Plan field -> value."""


class Reference(Value):
    """The catalog's standing knowledge that an estimate needs beside model, GPUs and prices."""

    stack: Stack
    recipes: tuple[Recipe, ...]
    throughput: Throughput


class CatalogView(Value):
    """A part of the catalog as shown to the user."""

    part: str
    prices_as_of: str
    gpus: tuple[Gpu, ...] = ()
    models: tuple[ModelCard, ...] = ()
    offers: tuple[Offer, ...] = ()
    hosted: tuple[HostedTuning, ...] = ()
    inference: tuple[InferencePrice, ...] = ()
