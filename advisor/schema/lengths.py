"""How long the user's samples are in tokens, and what that does to batches."""

from pydantic import Field

from advisor.schema.base import Interval, Provenance, Value


class SequenceLengths(Value):
    """Token lengths of the training samples, chat template included.

    Exact where the model's tokenizer was at hand; else from a calibrated number of characters per
    token, with intervals as wide as that ratio's spread.
    """

    samples: int = Field(ge=0)
    is_exact: bool
    longest: Interval
    """Tokens of the longest sample; the batch that holds it sets the true peak."""
    percentile_99: Interval
    median: Interval
    mean: Interval
    total: Interval
    """Tokens of one epoch before truncation."""
    limit: int = Field(gt=0)
    """Sequence length of the plan: what is longer is cut."""
    truncated_samples: int = Field(ge=0)
    processed: Interval
    """Tokens of one epoch after truncation."""
    padding_share: float = Field(ge=0, lt=1)
    """Share of padded batches that is padding, for the plan's batch size."""
    packed_length: int = Field(gt=0)
    packed_sequences: int = Field(ge=0)
    """Full sequences of `packed_length` tokens that the samples fill when packed."""
    provenance: Provenance


class Tokenisation(Value):
    """How many tokens a text takes where the model's tokenizer is not at hand."""

    tokens_per_character: dict[str, float]
    """By script, as `advisor.data_check.scripts` tells them apart."""
    ratio: dict[str, Interval]
    """Actual over computed tokens by kind of text."""
    provenance: Provenance
