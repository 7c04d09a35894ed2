"""Optimizer states and step temporaries: bytes per trained parameter."""

from __future__ import annotations

from advisor.errors import PlanError
from advisor.schema.base import Interval, Provenance
from advisor.schema.plan import ExtraTerm

_EIGHT_BIT_STATE = 1 + 4 / 256
"""One byte and a 32-bit scale per block of 256 (bitsandbytes)."""

_STATES: dict[str, tuple[int, bool]] = {
    # optimizer: (states per parameter, states are 8-bit)
    "adamw_torch": (2, False),
    "adamw_torch_fused": (2, False),
    "adamw_bnb_8bit": (2, True),
    "adamw_8bit": (2, True),
    "paged_adamw_8bit": (2, True),
    "paged_adamw_32bit": (2, False),
    "lion_8bit": (1, True),
    "sgd": (0, False),
}
OPTIMIZERS = tuple(sorted(_STATES))


def optimizer_state_bytes(optimizer: str, parameters: int, bytes_per_parameter: int) -> float:
    """States x bytes x trained parameters; torch keeps states in the precision of the weights.

    Raises PlanError for an optimizer whose states are not known here.
    """
    if optimizer not in _STATES:
        raise PlanError(
            f"The optimizer states of '{optimizer}' are not known.",
            hint=f"Choose from: {', '.join(OPTIMIZERS)}.",
        )
    states, eight_bit = _STATES[optimizer]
    if eight_bit:
        return states * _EIGHT_BIT_STATE * parameters
    in_32_bit = optimizer == "paged_adamw_32bit"
    return states * (4 if in_32_bit else bytes_per_parameter) * float(parameters)


def step_copy(optimizer: str, parameters: int, bytes_per_parameter: int) -> tuple[ExtraTerm, ...]:
    """The temporary copy of the trained weights that the multi-tensor AdamW makes in its step."""
    if optimizer != "adamw_torch":
        return ()
    size = float(bytes_per_parameter * parameters)
    return (
        ExtraTerm(
            name="optimizer temporary",
            bytes=Interval(low=size, likely=size, high=size),
            formula="bytes per weight x trained parameters",
            provenance=Provenance(
                kind="measured",
                source="memory-evidence",
                note="full tuning with adamw_torch takes 10 bytes per parameter, fused takes 8",
            ),
            phases=("optimizer_step",),
        ),
    )
