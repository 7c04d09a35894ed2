"""One concrete tuning proposal, complete, with no hidden default."""

from typing import Literal

from pydantic import Field

from advisor.schema.architecture import Experts
from advisor.schema.base import Interval, Provenance, Value

Precision = Literal["float32", "bfloat16", "float16"]
Phase = Literal[
    "load", "loss", "backward", "backward_end", "optimizer_step", "evaluation", "generation", "save"
]
"""When memory can peak: loading, the four parts of a step, evaluation, and merge and save."""
LossHead = Literal["stock", "fused", "chunked", "fused_linear"]
"""How the loss is computed: from all logits in several passes (transformers); by one kernel over
all logits; tile by tile (TRL); or inside one kernel that never holds the logits (Liger and kin)."""
Attention = Literal["eager", "sdpa", "flash"]
Strategy = Literal["single", "ddp", "zero1", "zero2", "zero3", "fsdp", "layer_split"]
Offload = Literal["none", "optimizer", "weights", "activations"]
"""What waits in main memory; `weights` takes the optimizer states along."""
Quantisation = Literal["none", "nf4", "int8", "gptq", "awq", "fp8"]
Objective = Literal["sft", "cpt", "dpo", "orpo", "kto", "reward", "grpo", "classification"]
CheckpointChoice = Literal["metric", "loss", "last"]


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
    quantisation: Quantisation = "none"
    double_quantisation: bool = True
    """Whether the scales of 4-bit blocks are quantised too."""
    matmul_bits: Literal[4, 8, 16] = 16
    """Bits of the matrix products: 8 for float8 training. Time only; weights keep theirs."""
    compute_precision: Precision | None = None
    """Precision of activations under autocast; None: that of the weights."""
    trained_precision: Precision | None = None
    """Precision of trained weights (of the copies that DeepSpeed steps); None: the method's own."""
    unquantised_precision: Precision | None = None
    """What a quantised base keeps embeddings, head and norms in: 32 bits after k-bit preparation;
    None: `precision`."""
    experts: Experts | None = None
    """How the software holds the experts of a mixture; None: it has none, or they are fused."""
    rank: int | None = Field(default=None, gt=0)
    alpha: float | None = Field(default=None, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: str = "all-linear"
    sequence_length: int = Field(gt=0)
    micro_batch_size: int = Field(gt=0)
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    gradient_checkpointing: bool = True
    loss_head: LossHead = "chunked"
    attention: Attention = "sdpa"
    stack: str = "stock"
    """Software whose kernels run: an entry of the catalog's stacks."""
    method_options: dict[str, int | float | str | bool] = Field(default_factory=dict)
    """What only the method understands: {"layers": 8} for freezing."""
    packing: bool = False
    """Whether samples are joined to full sequences."""
    mean_sequence_length: float | None = Field(default=None, gt=0)
    """Tokens of a sample on average, padding not counted, where known from data."""
    padding_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the processed tokens that only fills batches up; `tokens` leaves it out."""
    evaluation_batch_size: int | None = Field(default=None, gt=0)
    """Sequences per device in evaluation; None: nothing is evaluated between steps."""
    generated_tokens: int = Field(default=0, ge=0)
    """New tokens per sequence where evaluation or the objective generates."""
    optimizer: str = "adamw_torch_fused"
    learning_rate: float = Field(gt=0)
    schedule: str = "linear"
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    neftune_alpha: float | None = Field(default=None, gt=0)
    """Scale of the noise on the input embeddings while training (NEFTune); None: no noise."""
    length_grouping: bool = False
    """Whether a batch takes samples of about one length, so that little is filled up."""
    general_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the training rows that comes from general data, against forgetting."""
    evaluations: int = Field(default=0, ge=0)
    """Looks at the dev split while training, spread evenly, the last at the end; 0: none."""
    evaluation_steps: int | None = Field(default=None, gt=0)
    """Optimizer steps between two looks; None: as `evaluations` says."""
    early_stopping_patience: int | None = Field(default=None, gt=0)
    """Looks without a better value after which training ends; None: it never ends early."""
    choose_checkpoint_by: CheckpointChoice = "metric"
    """What the kept checkpoint is best in on the dev split: the task's metric by generation (the
    loss where there is none), the loss, or nothing: the last one."""
    epochs: float = Field(gt=0)
    examples: int | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    """Training tokens of one epoch, where known."""
    gpu: str
    gpus: int = Field(default=1, gt=0)
    nodes: int = Field(default=1, gt=0)
    """Machines that the GPUs stand in, all alike."""
    strategy: Strategy = "single"
    offload: Offload = "none"
    assumed: tuple[str, ...] = ()
    """Fields whose value nobody stated, where that widens the estimate: stack, sequence_length."""
    seed: int = 0
    reasons: dict[str, str] = Field(default_factory=dict)
    """Plan field -> id of the recipe, rule or flag that set it."""


class PlanLine(Value):
    """One value of a plan with who set it and why."""

    field: str
    value: bool | int | float | str | None
    set_by: str = ""
    """`recipe lora`, `rule rank-for-much-data`, `--set`, or words; empty: nobody but the software.
    """
    why: str = ""
    sources: tuple[str, ...] = ()
    """Titles of what the reason rests on."""


class ExtraTerm(Value):
    """An addend that only a method or objective knows of."""

    name: str
    bytes: Interval
    formula: str
    provenance: Provenance
    phases: tuple[Phase, ...] = ()
    """When it is alive; empty means always."""
    shared: Literal["no", "weights", "gradients", "states"] = "no"
    """What it is split over devices with."""
    inputs: dict[str, float | int | str] = Field(default_factory=dict)
    """What the formula is computed from."""


class Footprint(Value):
    """What a method does to memory: how many parameters train, and what each costs in bytes."""

    trainable_parameters: int = Field(ge=0)
    base_weight_bytes: float = Field(ge=0)
    """All base weights as loaded, quantised where the method quantises."""
    packed_parameters: int = Field(default=0, ge=0)
    """How many of them are quantised."""
    bytes_per_packed: float = Field(default=0.0, ge=0)
    """Bytes of each, scales included."""
    adapter_weight_bytes: float = Field(default=0.0, ge=0)
    gradient_bytes: float = Field(ge=0)
    optimizer_bytes: float = Field(ge=0)
    compute_share: float = Field(gt=0)
    """Floating point work per token as a share of full fine-tuning's 6 x parameters."""
    extra_terms: tuple[ExtraTerm, ...] = ()
    extra_tokens: int = Field(default=0, ge=0)
    """Trained tokens put before every sequence (prompt and prefix tuning)."""
    backward_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the layers, counted from the top, that the backward pass goes through."""
    trains_head: bool | None = None
    """Whether the output head gets a gradient; None: when every parameter is trained."""
    gathered_gradients: bool = True
    """Whether all gradients live at once; not where each is used up within the backward pass."""
    paged_bytes: float = Field(default=0.0, ge=0)
    """Those of the optimizer's bytes that are on the device but unseen by torch's allocator."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the user should know before believing the plan does what it is named after."""


class ObjectiveFootprint(Value):
    """What an objective adds to the memory and work of plain next-token training."""

    sequences_per_sample: int = Field(default=1, gt=0)
    """Sequences that go through the model together: 2 for chosen and rejected."""
    repeats: float = Field(default=1.0, gt=0)
    """How often a sample is trained on in one epoch: 8 for eight completions of a prompt."""
    generated_tokens: int = Field(default=0, ge=0)
    """New tokens that it draws per sequence where the plan does not say."""
    forward_passes: float = Field(default=0.0, ge=0)
    """Forward passes without gradients per token (reference model, generation)."""
    logits_copies: float = Field(default=1.0, ge=0)
    """How many times the logits of a micro-batch are held, against plain training."""
    extra_terms: tuple[ExtraTerm, ...] = ()
    notes: tuple[str, ...] = ()


class Obstacle(Value):
    """Why a plan cannot run, or would run badly, on a machine."""

    severity: Literal["blocks", "warns"]
    message: str
    hint: str = ""
