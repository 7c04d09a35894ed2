"""What the lengths of the user's samples mean for a plan: sequences, tokens, packing, grouping."""

from __future__ import annotations

import math
from typing import Any

from advisor.schema.estimate import EstimateRequest
from advisor.schema.lengths import SequenceLengths

LONGEST_PACKED = 2048
"""Tokens that short rows are joined to: the recipes' sequence length."""
MUCH_SHORTER = 4
"""How many mean rows a sequence must hold before packing is proposed."""
FEWEST_TO_PACK = 1000
"""Samples below which the time that packing saves is not worth fewer rows to an update."""
MUCH_PADDING = 0.15
"""Share of padding from which rows of about one length are put together."""
_PACKED = ("sft", "cpt")
_KEEPS_ROWS_APART = ("sdpa", "flash")


def suit_rows(
    values: dict[str, Any],
    reasons: dict[str, str],
    request: EstimateRequest,
    *,
    reads: int | None,
    is_reviewed: bool,
) -> None:
    """Sequence length and tokens from the samples; packing or grouping where it saves much.

    `reads`: tokens that the model reads. A recipe that `is_reviewed` for its size was measured with
    the order of its rows and keeps it.
    """
    lengths = request.lengths
    if lengths is None:
        return
    if not is_reviewed:
        _join(values, reasons, request, lengths, reads=reads or LONGEST_PACKED)
    _suit_length(values, reasons, request, lengths)
    if request.examples is None:
        values["examples"], reasons["examples"] = lengths.samples, "--data"
    if request.tokens is None and lengths.samples:
        share = values["examples"] / lengths.samples if request.examples else 1.0
        values["tokens"] = max(round(lengths.processed.likely * share), 1)
        reasons["tokens"] = "--data"
    values["mean_sequence_length"] = max(lengths.processed.likely / max(lengths.samples, 1), 1.0)
    if not values.get("packing") and not values.get("length_grouping"):
        values["padding_share"] = lengths.padding_share


def _suit_length(
    values: dict[str, Any],
    reasons: dict[str, str],
    request: EstimateRequest,
    lengths: SequenceLengths,
) -> None:
    """The longest sample decides, unless somebody said or the rows are joined."""
    if reasons.get("packing", "").startswith(_JOINED) or "sequence_length" in request.told:
        return
    longest = max(math.ceil(lengths.longest.likely), 1)
    if values.get("packing") or longest >= lengths.limit:
        values["sequence_length"] = lengths.limit
        if request.seq_len is None:
            reasons["sequence_length"] = "where samples are cut"
    else:
        values["sequence_length"], reasons["sequence_length"] = longest, "the longest sample"


_JOINED = "rows have"


def _join(
    values: dict[str, Any],
    reasons: dict[str, str],
    request: EstimateRequest,
    lengths: SequenceLengths,
    *,
    reads: int,
) -> None:
    """Packing where rows are much shorter than a sequence, grouping where batches are filled up.

    Only of rows that were really counted, and not against a rule or the user. An update keeps
    about the samples that it had: packed, it has fewer sequences.
    """
    is_settled = "packing" in reasons or "length_grouping" in reasons
    is_fixed = {"packing", "length_grouping"} & request.plan_values.keys()
    if is_settled or is_fixed or request.packing is not None or not lengths.is_exact:
        return
    mean = lengths.processed.likely / max(lengths.samples, 1)
    length = values["sequence_length"]
    if not reasons.get("sequence_length", "").startswith("--"):
        length = max(length, min(LONGEST_PACKED, reads))
    is_apart = values.get("attention", "sdpa") in _KEEPS_ROWS_APART
    if (
        request.objective in _PACKED
        and is_apart
        and lengths.samples >= FEWEST_TO_PACK
        and mean * MUCH_SHORTER <= length
    ):
        _pack(values, reasons, request, mean=mean, length=length)
    elif lengths.padding_share >= MUCH_PADDING:
        values["length_grouping"] = True
        reasons["length_grouping"] = (
            f"{lengths.padding_share:.0%} of batches drawn at random would only fill them up"
        )


def _pack(
    values: dict[str, Any],
    reasons: dict[str, str],
    request: EstimateRequest,
    *,
    mean: float,
    length: int,
) -> None:
    values["packing"] = True
    reasons["packing"] = f"{_JOINED} {mean:.0f} tokens on average, a sequence holds {length}"
    if values["sequence_length"] != length:
        values["sequence_length"] = length
        reasons["sequence_length"] = "rows are packed to it"
    if request.batch_size is not None or request.grad_accum is not None:
        return
    together = values["micro_batch_size"] * values["gradient_accumulation_steps"]
    sequences = max(round(together * mean / length), 1)
    values["micro_batch_size"] = min(values["micro_batch_size"], sequences)
    values["gradient_accumulation_steps"] = max(round(sequences / values["micro_batch_size"]), 1)
    told = f"packed: about {together} samples to an update, as without packing"
    reasons["gradient_accumulation_steps"] = reasons["micro_batch_size"] = told
