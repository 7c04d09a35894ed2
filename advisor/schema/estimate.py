"""Memory, hours and money of tuning options, as intervals with their terms."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from advisor.schema.base import Interval, Provenance, UsdInterval, Value
from advisor.schema.catalog import HostedTuning, Offer
from advisor.schema.decide import Setting
from advisor.schema.lengths import SequenceLengths
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import (
    Attention,
    LossHead,
    Offload,
    Plan,
    PlanLine,
    Precision,
    Quantisation,
    Strategy,
)
from advisor.schema.spending import BreakEven, Serving, Spending, Workload
from advisor.schema.trace import Trace

Unknown = Literal["seq-len", "batch-size", "rank", "model-size"]
"""What `--solve` can look for."""
Place = Literal["anywhere", "rented", "own"]


class EstimateRequest(Value):
    """What the user fixed; None leaves a value to the recipe."""

    methods: tuple[str, ...] = ("full", "lora", "qlora")
    methods_in_line: bool = False
    """Whether the methods stand in the order in which they should be taken, cost aside."""
    objective: str = "sft"
    rank: int | None = Field(default=None, gt=0)
    alpha: float | None = Field(default=None, gt=0)
    target_modules: str | None = None
    batch_size: int | None = Field(default=None, gt=0)
    """Sequences per device and step."""
    grad_accum: int | None = Field(default=None, gt=0)
    seq_len: int | None = Field(default=None, gt=0)
    examples: int | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    """Training tokens of one epoch, where known."""
    epochs: float | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    precision: Precision | None = None
    compute_precision: Precision | None = None
    """Precision of autocast; None: what software and precision of the weights bring along."""
    trained_precision: Precision | None = None
    double_quantisation: bool | None = None
    mean_sequence_length: float | None = Field(default=None, gt=0)
    """Where samples differ in length and their data are not at hand."""
    settings: tuple[Setting, ...] = ()
    """Plan fields that the decision's rules fill; they win over the recipe, flags over them."""
    assumed: tuple[str, ...] = ()
    """Plan fields that nobody stated, though a value is given here: stack, sequence_length."""
    optimizer: str | None = None
    gradient_checkpointing: bool | None = None
    loss_head: LossHead | None = None
    attention: Attention | None = None
    stack: str | None = None
    quantisation: Quantisation | None = None
    method_options: dict[str, int | float | str | bool] = Field(default_factory=dict)
    plan_values: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """Plan fields that the user fixed by name, over everything else."""
    told: dict[str, str] = Field(default_factory=dict)
    """Plan field -> who gave the request its value ('--plan run.yaml'), where no flag did."""
    has_general_data: bool = False
    """Whether a file of general samples is given, to be mixed in against forgetting."""
    packing: bool | None = None
    lengths: SequenceLengths | None = None
    """Token lengths of the user's data; they replace `seq_len`, `examples` and `tokens`."""
    evaluation_batch_size: int | None = Field(default=None, gt=0)
    generated_tokens: int | None = Field(default=None, ge=0)
    gpus: int = Field(default=1, gt=0)
    """All devices, over all nodes."""
    nodes: int = Field(default=1, gt=0)
    strategy: Strategy | None = None
    """None: a single GPU, or full sharding over several."""
    offload: Offload | None = None
    budget_usd: Decimal | None = Field(default=None, ge=0)
    max_hours: float | None = Field(default=None, gt=0)
    place: Place = "anywhere"
    """Where the data may go: to anybody, to rented machines, or to the user's own alone."""
    prefer: Literal["cheapest", "fastest"] | None = None
    """None: the cheapest, but with a budget and no time limit the fastest within the budget."""
    calls_per_month: float | None = Field(default=None, ge=0)
    """Calls that the tuned model will serve, for serving cost and break-even."""
    workload: Workload = Workload()
    """Tokens of a call, and how the model is served."""
    seed: int = 0
    as_of: str = ""
    """The day whose prices are used, ISO format."""
    machine: MachineFacts = MachineFacts()
    """This machine, so that methods can name what stands in their way."""


class TimePart(Value):
    """One part of the time of a job."""

    name: str
    hours: Interval
    formula: str
    provenance: Provenance


class Term(Value):
    """One addend of the peak memory."""

    name: str
    gib: float
    formula: str
    inputs: dict[str, float | int | str]
    provenance: Provenance


class Memory(Value):
    """Peak memory per GPU in three tiers; an unknown tier is None."""

    allocated_gib: Interval
    """What tensors take."""
    reserved_gib: Interval | None
    """What the allocator holds: tensors and fragmentation."""
    process_gib: Interval | None
    """What the process takes: reserved and the device context."""
    peak_phase: str
    terms: tuple[Term, ...]
    """Alive in the peak phase; they sum to `allocated_gib.likely`."""
    phases_gib: dict[str, float] = Field(default_factory=dict)
    """Allocated memory at the height of each phase."""


class EstimatedModel(Value):
    """The model that was estimated, by name and size."""

    id: str
    parameters: int
    active_parameters: int | None
    note: str = ""
    """How the name was understood: "size 70b means llama-3.1-70b"."""


class Option(Value):
    """One plan with its memory, time and cost, and whether it fits."""

    objective: str
    method: str
    plan: Plan
    memory: Memory
    gpu: str
    gpus: int
    fits: bool | Literal["uncertain"]
    probability_fits: float | None
    usable_gib: float | None = None
    """What of the device's memory a process can have."""
    headroom_gib: float
    """Card memory minus likely process memory; negative by how much it is short."""
    trainable_parameters: int
    time_hours: Interval | None
    tokens_per_second: Interval | None
    cost_usd: UsdInterval | None
    offer: Offer | None
    serving: Serving | None = None
    spending: Spending | None = None
    """The whole plan: baselines, training, evaluation, storage, serving."""
    steps_hours: Interval | None = None
    """The part of `time_hours` that is training steps."""
    time_parts: tuple[TimePart, ...] = ()
    """What `time_hours` is made of: training first, then start-up, evaluation and saving."""
    memory_correction: float = 1.0
    """What runs measured on this machine multiplied the memory by."""
    speed_correction: float = 1.0
    """The same of the tokens per second."""
    energy_kwh: Interval | None = None
    co2_kg: Interval | None = None
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class PlanPreview(Option):
    """What training would do: the option, and its plan in words."""

    lines: tuple[PlanLine, ...]
    """Every value of the plan with its reason."""
    checks: tuple[str, ...]
    """What is looked at before the first step."""
    command: str
    """The command that trains by it."""
    left_aside: tuple[str, ...] = ()
    """What the configuration file says that has no place in the plan, each with the reason."""


class ServicePreview(Value):
    """What a service would be asked for whose model nobody here can estimate."""

    plan: Plan
    trainer: str
    train_samples: int
    dev_samples: int
    lines: tuple[PlanLine, ...]
    """What is fixed for the job; everything else is the service's own choice."""
    bill: str
    """What it will cost, as a sentence; empty where nobody knows."""
    command: str
    left_aside: tuple[str, ...] = ()


class Solved(Value):
    """The largest value of one quantity with which a plan still fits."""

    quantity: Unknown
    method: str
    gpu: str
    value: float | None
    """None when not even the smallest fits."""
    option: Option | None
    """The plan at that value."""
    note: str = ""


class Estimate(Value):
    """All options, cheapest fitting first."""

    model: EstimatedModel
    options: tuple[Option, ...]
    recommended: int | None
    """Index into `options`; None when nothing fits."""
    recommended_as: str = ""
    """Why it is not the cheapest, where a limit decided so: 'fastest within the budget of $50'."""
    nearest: str = ""
    """When nothing fits: the nearest plan that would, in words."""
    fastest: int | None = None
    """Index of the quickest option that can be recommended."""
    lengths: SequenceLengths | None = None
    trace: Trace | None = None
    """The recommended (or first) option as simulated or probed."""
    solved: tuple[Solved, ...] = ()
    """With `--solve`: one per method and GPU."""
    hosted: tuple[HostedTuning, ...] = ()
    """Hosted tuning of the same model or size, beside own GPUs."""
    serving: tuple[Serving, ...] = ()
    break_even: tuple[BreakEven, ...] = ()
    notes: tuple[str, ...] = ()
    """What serving, hosted tuning and break-even rest on."""
    prices_as_of: str
    warnings: tuple[str, ...] = ()

    @property
    def recommended_option(self) -> Option | None:
        """The recommended of the options; None when nothing fits."""
        return None if self.recommended is None else self.options[self.recommended]

    beforehand: tuple[str, ...] = ()
    """What the advice behind the estimate says against it, to be told before any figure."""
