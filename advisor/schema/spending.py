"""What a whole plan costs, what serving costs, and when tuning pays back."""

from typing import Literal

from pydantic import Field

from advisor.schema.base import Interval, Provenance, UsdInterval, Value

ServedApproach = Literal["prompting", "few_shot", "rag", "fine_tuning"]


class Workload(Value):
    """What one call holds and how a model is served; None leaves it to the catalog's figures."""

    instruction_tokens: float | None = Field(default=None, ge=0)
    """Rules that an untuned model must be told in every call."""
    input_tokens: float | None = Field(default=None, ge=0)
    """The caller's own text."""
    answer_tokens: float | None = Field(default=None, ge=0)
    shots_tokens: float | None = Field(default=None, ge=0)
    """Solved examples of few-shot prompting."""
    passages_tokens: float | None = Field(default=None, ge=0)
    """What retrieval puts into the prompt."""
    large_model: str = ""
    """What tuning is compared with: a catalog model served on GPUs, or a model of a provider."""
    months: float | None = Field(default=None, gt=0)
    """How long the tuned model serves, and within which it must pay back."""
    concurrent_calls: float | None = Field(default=None, ge=1)
    evaluation_samples: int | None = Field(default=None, gt=0)
    bits: Literal[4, 8, 16] = 16
    """Of a weight as served."""


class Share(Value):
    """One part of what a plan costs."""

    name: Literal["baselines", "training", "evaluation", "storage", "serving"]
    usd: UsdInterval | None
    """None: unknown."""
    formula: str
    provenance: Provenance
    because: str = ""
    """Why it is unknown."""


class Spending(Value):
    """Everything a plan costs until the tuned model has served for `months`."""

    shares: tuple[Share, ...]
    total_usd: UsdInterval | None
    """None when a share is unknown."""
    known_usd: UsdInterval | None = None
    """Sum of the shares that are known."""
    months: float = Field(gt=0)
    calls_per_month: float | None = Field(default=None, ge=0)
    notes: tuple[str, ...] = ()


class Serving(Value):
    """What one way of answering takes per call and per month.

    A month costs the dearer of two: what is billed even without a call (hours of dedicated GPUs),
    and the calls at the price of a well-filled server. A hosted model billed per token has no such
    minimum.
    """

    approach: ServedApproach
    model: str
    is_hosted: bool = False
    """Whether a provider answers, instead of GPUs rented for it."""
    provider: str = ""
    prompt_tokens: float = Field(ge=0)
    answer_tokens: float = Field(ge=0)
    memory_gib: Interval | None
    """Weights, key/value cache and buffers over all GPUs of a server; None for a hosted model."""
    gpu: str | None
    gpus: int = Field(default=0, ge=0)
    """GPUs of one server."""
    calls_per_second: Interval | None = None
    """Of one server that is never idle."""
    hours_per_month: float | None = None
    """For which the GPUs are rented."""
    minimum_usd_per_month: UsdInterval | None = None
    """Billed even without a call."""
    filled_usd_per_thousand_calls: UsdInterval | None = None
    """When the hours are as well filled as calls allow."""
    usd_per_month: UsdInterval | None = None
    """At the calls per month; None where those or the price is unknown."""
    usd_per_thousand_calls: UsdInterval | None
    """At the calls per month; of a well-filled server where those are unknown."""
    idle_share: float | None = None
    """Of the paid time, in which no call is answered."""
    provenance: Provenance
    notes: tuple[str, ...] = ()


class Volumes(Value):
    """Calls per month as an interval whose upper part may not exist; None: never."""

    low: float | None
    likely: float | None
    high: float | None


class BreakEven(Value):
    """From which monthly volume on tuning is cheaper than an untuned way of answering."""

    against: str
    """The approach that tuning replaces, and on which model."""
    tuned: str = ""
    """The tuned model it is compared with, and where it runs."""
    served: str = ""
    """Where the tuned model answers: on which GPUs, or tuned and served by which provider."""
    months: float = Field(default=12.0, gt=0)
    """Within how many months tuning must pay back."""
    setup_usd: UsdInterval | None = None
    """What it must carry: baselines, training, evaluation and storage."""
    calls_per_month: Volumes | None
    """None when tuning never pays back, not even at best."""
    until_calls_per_month: float | None = None
    """Where likely figures say that tuning ceases to pay above some volume."""
    gain_usd_per_month: UsdInterval | None = None
    """What tuning saves at the calls per month, its own cost spread over the months taken off;
    negative where it costs more. None where nobody said how many calls there are."""
    never: bool
    """Whether likely figures say that tuning never pays back."""
    because: str
    assumed: tuple[str, ...] = ()
    """What the volume rests on because nobody said otherwise."""
