"""Samples, prompts, completions and scores: what an evaluation is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value

Split = Literal["train", "dev", "test"]


class Message(Value):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sample(Value):
    """One item: what goes in, and the reference answer."""

    id: str
    input: str
    target: str
    rejected: str | None = None
    """A worse answer, where the data says which of two is preferred."""
    history: tuple[Message, ...] = ()
    """Earlier turns and the row's own system turn, when the data is a conversation."""
    split: Split | None = None
    line: int | None = None
    """Where the row stands in its file, counted from 1."""


class Document(Value):
    """One text file of the user's corpus."""

    name: str
    """Path relative to the corpus root."""
    text: str


class Passage(Value):
    """A piece of a document that can be retrieved; offsets point into the document's text."""

    id: str
    document: str
    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Hit(Value):
    """One retrieved passage with its similarity."""

    passage: Passage
    score: float


class Prompt(Value):
    """What is sent to a model for one sample, with the shots and passages it used."""

    sample_id: str
    messages: tuple[Message, ...]
    shots: tuple[str, ...] = ()
    """Ids of the train samples shown."""
    passages: tuple[str, ...] = ()
    """Ids of the passages shown."""


class Completion(Value):
    """What came back, with usage and latency."""

    text: str
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    latency_ms: float = Field(ge=0)
    finish: Literal["stop", "length", "error"] = "stop"
    error: str = ""


class Score(Value):
    """The value a metric gives one completion."""

    sample_id: str
    value: float
    note: str = ""


class ScoredSample(Value):
    """One line of an evaluation: enough to compare systems on the same sample and to re-score."""

    sample_id: str
    value: float
    completion: Completion
    shots: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()


class Usage(Value):
    """Tokens and money spent."""

    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    """None when the price is unknown; 0 for a model on this machine."""


class Latency(Value):
    """Milliseconds per answered sample; None when none was answered."""

    p50: float | None
    p95: float | None


class Manifest(Value):
    """Everything that must be equal for two evaluations to be comparable and repeatable."""

    dataset_digest: str
    split: Split
    samples: int
    backend: str
    model: str
    model_digest: str
    metric: str
    seed: int
    settings: dict[str, str | int | float | bool]


class Evaluation(Value):
    """Scores of one system on one split."""

    builder: str
    """The prompt builder or predictor, or `tuned`."""
    metric: str
    value: float
    interval: ConfidenceInterval
    n: int
    usage: Usage
    latency_ms: Latency
    failures: int
    """Samples that got no answer; they count as 0."""
    may_pass: int = 0
    """Those of the failures on which the backend raised, so that asking again may help."""
    scores: tuple[ScoredSample, ...]
    manifest: Manifest


class Comparison(Value):
    """Two systems on the same samples: b minus a."""

    a: str
    b: str
    difference: float
    interval: ConfidenceInterval
    p_value: float
    test: str
    n: int
    only_a: int = 0
    """Samples that only a got right."""
    only_b: int = 0
