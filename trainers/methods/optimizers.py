"""Optimizer states and step temporaries: bytes per trained parameter.

Names are those of `optim` in transformers' TrainingArguments, and `sgd_momentum` and `muon`, which
torch has. Sources: the optimizers' own code in torch 2.13, bitsandbytes 0.50, torchao and
transformers 5.23; where `memory-evidence` has measured one, it agrees (foreach AdamW 10 bytes per
16-bit parameter with weight and gradient, fused 8, 8-bit 6.2 to 6.5, 4-bit 5.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.errors import PlanError
from advisor.schema.base import Interval, Provenance
from advisor.schema.plan import ExtraTerm

SINGLE = 4
"""Bytes of a 32-bit state."""
EIGHT_BIT = 1 + 4 / 256
"""One byte and a 32-bit scale per block of 256 (bitsandbytes, torchao)."""
FOUR_BIT = 0.5 + 4 / 128
"""Half a byte and a 32-bit scale per block of 128 (torchao)."""
FACTORED_WIDTH = 1024
"""Rows and columns cost 2 / width states per parameter; matrices of trained models are wider."""
NEWTON_SCHULZ_COPIES = 5
"""16-bit copies of a matrix in Muon's iteration: the iterate, its product, and the Gram matrix,
its square and their sum, each at most as large."""
FACTORED_COPIES = 3
"""32-bit copies of a tensor in Adafactor's step: gradient, update and weight."""


@dataclass(frozen=True)
class Optimizer:
    """What an optimizer keeps per parameter, and what its step needs beside."""

    states: float
    """Numbers kept per parameter."""
    state_bytes: float | None = None
    """Bytes of each; None: the precision of the trained weights, as torch does."""
    copies_all: bool = False
    """The step makes one copy of all trained weights (multi-tensor kernels)."""
    spares_embeddings: bool = False
    """Embedding tables keep 32-bit states (transformers with bitsandbytes)."""
    temporary_bytes: float = 0.0
    """Bytes per entry of the largest tensor in its step."""
    embedding_states: float | None = None
    """States where the optimizer leaves embeddings and head to AdamW; None: as elsewhere."""
    paged: bool = False
    """Its states are paged: on the device while there is room, unseen by torch's allocator."""


_OPTIMIZERS: dict[str, Optimizer] = {
    "adamw_torch": Optimizer(2, copies_all=True),
    "adamw_torch_fused": Optimizer(2),
    "adamw_torch_8bit": Optimizer(2, EIGHT_BIT),
    "adamw_torch_4bit": Optimizer(2, FOUR_BIT),
    "adamw_bnb_8bit": Optimizer(2, EIGHT_BIT, spares_embeddings=True),
    "adamw_8bit": Optimizer(2, EIGHT_BIT, spares_embeddings=True),
    "paged_adamw_32bit": Optimizer(2, SINGLE, paged=True),
    "paged_adamw_8bit": Optimizer(2, EIGHT_BIT, spares_embeddings=True, paged=True),
    "ademamix": Optimizer(3, SINGLE),
    "ademamix_8bit": Optimizer(3, EIGHT_BIT, spares_embeddings=True),
    "paged_ademamix_32bit": Optimizer(3, SINGLE, paged=True),
    "paged_ademamix_8bit": Optimizer(3, EIGHT_BIT, spares_embeddings=True, paged=True),
    "lion_32bit": Optimizer(1, SINGLE),
    "lion_8bit": Optimizer(1, EIGHT_BIT, spares_embeddings=True),
    "paged_lion_32bit": Optimizer(1, SINGLE, paged=True),
    "paged_lion_8bit": Optimizer(1, EIGHT_BIT, spares_embeddings=True, paged=True),
    "rmsprop": Optimizer(1, copies_all=True),
    "rmsprop_bnb": Optimizer(1, SINGLE),
    "rmsprop_bnb_8bit": Optimizer(1, EIGHT_BIT, spares_embeddings=True),
    "rmsprop_bnb_32bit": Optimizer(1, SINGLE),
    "adagrad": Optimizer(1, copies_all=True),
    "sgd": Optimizer(0),
    "sgd_momentum": Optimizer(1),
    "adafactor": Optimizer(
        2 / FACTORED_WIDTH, SINGLE, temporary_bytes=float(SINGLE * FACTORED_COPIES)
    ),
    "muon": Optimizer(1, temporary_bytes=2.0 * NEWTON_SCHULZ_COPIES, embedding_states=2),
}
OPTIMIZERS = tuple(sorted(_OPTIMIZERS))


def optimizer_named(name: str) -> Optimizer:
    """What is known of an optimizer.

    Raises PlanError for one whose states are not known here.
    """
    if name not in _OPTIMIZERS:
        raise PlanError(
            f"The optimizer states of '{name}' are not known.",
            hint=f"Choose from: {', '.join(OPTIMIZERS)}.",
        )
    return _OPTIMIZERS[name]


def optimizer_state_bytes(
    optimizer: str, parameters: int, bytes_per_parameter: float, *, embeddings: int = 0
) -> float:
    """States x bytes x trained parameters; torch keeps states in the precision of the weights.

    `embeddings` are those of the parameters that lie in embedding tables or an untied head. Raises
    PlanError for an optimizer whose states are not known here.
    """
    known = optimizer_named(optimizer)
    size = bytes_per_parameter if known.state_bytes is None else known.state_bytes
    tables = min(embeddings, parameters)
    if known.embedding_states is not None:
        return size * (known.states * (parameters - tables) + known.embedding_states * tables)
    if known.spares_embeddings:
        return known.states * (size * (parameters - tables) + SINGLE * tables)
    return known.states * size * parameters


def paged_bytes(optimizer: str, states: float) -> float:
    """How many of the bytes of the states torch's allocator does not see."""
    return states if optimizer_named(optimizer).paged else 0.0


def step_copy(
    optimizer: str, parameters: int, bytes_per_parameter: float, *, largest: int = 0
) -> tuple[ExtraTerm, ...]:
    """What the optimizer's step needs beside weights, gradients and states.

    `largest` are the entries of the largest trained tensor, for optimizers that go tensor by
    tensor. Raises PlanError for an optimizer whose states are not known here.
    """
    known = optimizer_named(optimizer)
    if known.copies_all:
        size = float(bytes_per_parameter * parameters)
        inputs = {"bytes_per_parameter": bytes_per_parameter, "parameters": parameters}
        return (_temporary(size, "bytes per weight x trained parameters", _MEASURED, inputs),)
    size = known.temporary_bytes * min(largest, parameters)
    if size <= 0:
        return ()
    inputs = {"bytes_per_entry": known.temporary_bytes, "entries": min(largest, parameters)}
    return (_temporary(size, "bytes x entries of the largest trained tensor", _READ, inputs),)


_MEASURED = Provenance(
    kind="measured",
    source="memory-evidence",
    note="full tuning with adamw_torch takes 10 bytes per parameter, fused takes 8",
)
_READ = Provenance(kind="computed", source="optimizer's code")


def _temporary(
    size: float, formula: str, provenance: Provenance, inputs: Mapping[str, float]
) -> ExtraTerm:
    return ExtraTerm(
        name="optimizer temporary",
        bytes=Interval(low=size, likely=size, high=size),
        formula=formula,
        provenance=provenance,
        inputs=dict(inputs),
        phases=("optimizer_step",),
        shared="states",
    )
