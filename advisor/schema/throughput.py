"""How fast hardware and software train: utilisation, scaling, overheads, power, with provenance."""

from typing import Literal

from pydantic import Field

from advisor.schema.base import Figure, Value

StackClass = Literal["stock", "tuned", "vendor"]
"""Unmodified transformers and its trainers; fused or compiled kernels; the GPU vendor's own."""
Evidence = Literal["several", "one", "none"]
"""How many independent sources measured a cell: the fewer, the wider its interval."""


class StackSpeed(Value):
    """What a class of software makes of a GPU."""

    id: StackClass
    stacks: tuple[str, ...]
    """Ids of the catalog's stacks in the class; its own id always counts."""
    matmul_share: Figure
    """Share of the dense 16-bit peak that matrix products reach on the reference class."""
    traffic_bytes: Figure
    """Bytes moved per activation element and pass over a layer, beside the matrix products."""
    launch_milliseconds: Figure
    """Host time per layer and pass; short micro-batches cannot be faster."""
    expert_microseconds: Figure
    """Host time per expert, layer and pass, where experts run one after another."""
    eight_bit_gain: Figure
    """How much faster 8-bit matrix products are than 16-bit ones."""
    four_bit_gain: Figure
    attention_cost: Figure
    """How much longer an operation of attention takes than one of a 16-bit matrix product."""
    expert_exponent: Figure
    """Mixtures of experts take (all / active parameters) to this power longer."""


class GpuClass(Value):
    """GPUs of one architecture and cooling that behave alike."""

    id: str
    architectures: tuple[str, ...] = ()
    """Prefixes of the catalog's architecture names, in lower case."""
    gpus: tuple[str, ...] = ()
    """Prefixes of catalog ids; they win over architectures."""
    share: Figure
    """Matrix product share against the reference class."""
    attention_cost: Figure
    """Factor on the cost of attention that the software's class names."""


class Cell(Value):
    """What is known of one class of software on one class of GPUs."""

    gpu_class: str
    stack_class: StackClass
    rows: int = Field(ge=0)
    sources: int = Field(ge=0)
    evidence: Evidence
    published: tuple[float, float, float] | None = None
    """10 %, 50 % and 90 % points of the hardware utilisation in the rows, for readers."""


class Overheads(Value):
    """What a training job takes beside its steps."""

    provisioning_seconds: Figure
    environment_seconds: Figure
    download_gb_per_second: Figure
    load_gb_per_second: Figure
    quantise_seconds_per_billion: Figure
    compile_seconds: Figure
    save_gb_per_second: Figure
    evaluations: Figure
    """How often a run evaluates, where it evaluates at all."""
    evaluation_share: Figure
    """Evaluation tokens over the training tokens of one epoch."""


class Power(Value):
    """What turns hours into energy and carbon dioxide."""

    load: Figure
    """Average draw of a training GPU over its thermal design power."""
    server_host_watt: Figure
    """Share of the machine around one GPU of a server."""
    desktop_host_watt: Figure
    cloud_overhead: Figure
    """Power usage effectiveness of a data centre."""
    home_overhead: Figure
    grid_gram_per_kwh: dict[str, Figure]
    """Region -> carbon intensity; `world` is the fallback."""


class Throughput(Value):
    """Everything the time of a plan is computed from, beside plan, model and GPU."""

    stacks: tuple[StackSpeed, ...]
    classes: tuple[GpuClass, ...]
    """The last one, without architectures and ids, is for everything else."""
    cells: tuple[Cell, ...]
    float32_share: Figure
    """Rate of plain 32-bit products over the 16-bit rate."""
    spread: dict[Evidence, Figure]
    """Actual over predicted time by evidence: 10 %, 50 % and 90 % points."""
    small_batch_tokens: Figure
    """Tokens by whose work every micro-batch takes longer."""
    full_launch_factor: Figure
    """Launch time of training all weights over that of adapters."""
    logits_bytes: dict[str, Figure]
    """Loss head -> bytes moved per token and vocabulary entry."""
    dequantise_milliseconds: dict[str, Figure]
    """Packing -> time per billion parameters, micro-batch and two passes, at the reference
    bandwidth; 8-bit floats that products take as they are need none."""
    reference_gb_per_second: float = Field(gt=0)
    optimizer_bytes: Figure
    """Moved per trained parameter in one optimizer step."""
    several_gpus: dict[str, Figure]
    """Strategy -> share of time lost to a second and further GPUs of one machine."""
    doubling_nodes: Figure
    """Share of time lost with every doubling of the machines."""
    link_share: Figure
    """Usable share of the bandwidth between GPUs that data sheets name."""
    pcie_gb_per_second: Figure
    """Where the data sheet of a GPU is silent."""
    network_gb_per_second: Figure
    """Between machines, per GPU, for GPUs with their own links."""
    slow_network_gb_per_second: Figure
    """The same for GPUs without."""
    offload_share: Figure
    """Share of the transfers to main memory that computation does not hide."""
    decode_share: Figure
    """Share of memory bandwidth that generation reaches."""
    overheads: Overheads
    power: Power
