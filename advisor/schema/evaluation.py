"""Samples, prompts, completions and scores: what an evaluation is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value
from advisor.schema.diagnosis import Diagnosis, RetrievalScores

Split = Literal["train", "dev", "test"]


class ToolCall(Value):
    """A function the assistant asks to have called."""

    name: str
    arguments: str
    """JSON text, as the data has it."""
    id: str = ""


class Message(Value):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str
    name: str = ""
    """The function whose result a tool turn holds."""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    """The call a tool turn answers."""
    weight: float | None = None
    """0 for an assistant turn that is not learnt from; None where the data does not say."""


class Sample(Value):
    """One item: what goes in, and the reference answer."""

    id: str
    input: str
    """Empty for plain text that is only to be continued."""
    target: str
    rejected: str | None = None
    """A worse answer, where the data says which of two is preferred."""
    is_good: bool | None = None
    """Whether the target is a good answer, where the data marks single answers (KTO)."""
    tools: tuple[str, ...] = ()
    """JSON schemas of the functions the assistant may call."""
    group: str = ""
    """What belongs together (a customer, a conversation): never parted by a split."""
    document: str = ""
    """The document the sample was made from: never parted by a split."""
    is_answerable: bool | None = None
    """False where the right answer is that there is none; None where the data does not say."""
    time: str = ""
    """When the sample arose, ISO format: a split by time tests on the latest."""
    licence: str = ""
    """What a licence field of its row says."""
    synthetic_by: str = ""
    """The model that wrote the sample; empty for collected ones. Never tested on."""
    history: tuple[Message, ...] = ()
    """Earlier turns and the row's own system turn, when the data is a conversation."""
    steps: tuple[Message, ...] = ()
    """Turns between the input and the target: calls of functions and their results."""
    split: Split | None = None
    line: int | None = None
    """Where the row stands in its file, counted from 1."""
    file: str = ""
    """The file inside the folder, where data is a folder."""


class Document(Value):
    """One text of the user's corpus: a file, or a row, sheet or page of one."""

    name: str
    """Path relative to the corpus root; `path#3` for the third part of a file."""
    text: str
    metadata: dict[str, str] = Field(default_factory=dict)
    """What is known of it beside its text: folder, kind, title, columns of its row."""


class Passage(Value):
    """A piece of a document that can be retrieved; offsets point into the document's text."""

    id: str
    """Stays while the text stays, whatever happens to other passages."""
    document: str
    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    heading: str = ""
    """Titles and headings it stands under, outermost first: searched and shown with it, no part of
    its text."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """Its document's."""


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
    passage_texts: tuple[str, ...] = ()
    """Their texts, for metrics; never written to an artifact."""
    cites: bool = False
    """Whether passages are to be named as [1]: marks that are no part of the answer itself."""
    temperature: float = Field(default=0.0, ge=0)
    """0 takes the likeliest token each time."""
    draw: int = Field(default=0, ge=0)
    """Which of several samples of one prompt; decides the seed."""


class Completion(Value):
    """What came back, with usage, latency and price."""

    text: str
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    latency_ms: float = Field(ge=0)
    finish: Literal["stop", "length", "error"] = "stop"
    error: str = ""
    may_pass: bool = False
    """The error is of a kind that asking again later may not meet (a time-out, an overload)."""
    attempts: int = Field(default=1, ge=0)
    """Times the service was asked for it."""
    cached: bool = False
    """It was answered earlier and taken from the cache: it cost nothing this time."""
    usd: float | None = None
    """Price of the tokens the service counted; None when unknown."""
    served_model: str = ""
    """The model that the service says answered."""
    billed_prompt_tokens: int | None = Field(default=None, ge=0)
    """Tokens read that are paid for, over all attempts, those without a usable answer included;
    None where they are `prompt_tokens`."""
    billed_completion_tokens: int | None = Field(default=None, ge=0)
    """Likewise for the tokens written."""


class Score(Value):
    """The value a metric gives one completion."""

    sample_id: str
    value: float
    note: str = ""
    totals: dict[str, float] = Field(default_factory=dict)
    """For a metric that is no mean of samples: what this sample adds to its counts."""
    unscored: bool = False
    """No value could be given (a judge's answer that cannot be read, an unknown price): `value` is
    then 0, `note` says why, and the sample counts neither for nor against the system."""


class ScoredSample(Value):
    """One line of an evaluation: enough to compare systems on the same sample and to re-score."""

    sample_id: str
    value: float
    completion: Completion
    shots: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    totals: dict[str, float] = Field(default_factory=dict)
    note: str = ""
    group: str = ""
    """Document or group of the sample: samples that share one are no independent witnesses."""
    unscored: bool = False
    """The metric could give no value; `note` says why."""


class Usage(Value):
    """Tokens and money of an evaluation, whoever paid for them first."""

    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    """What these answers cost when they were bought; None when a price is unknown; 0 for a model
    on this machine."""
    calls: int = 0
    """Times the service was asked, whether now or in the run that bought the answers."""
    retries: int = 0
    """Of these, attempts beyond the first."""


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
    metric_signature: str = ""
    """The metric with everything that decides its values, versions included."""
    seed: int
    settings: dict[str, str | int | float | bool]


class Stopping(Value):
    """When an evaluation that was watched ended, and what that saved."""

    question: str
    """What was to be decided, as a sentence."""
    decision: Literal["above", "below", "undecided"]
    """Of the true value against the target, or of the difference against 0."""
    against: float
    """The target, or 0 for a comparison."""
    error_rate: float
    """How often a decision may be wrong, at most, however often one looks."""
    items_used: int
    items_planned: int
    interval: ConfidenceInterval
    """Valid at every look (confidence sequence)."""
    saved_usd: float | None = None
    rival: str = ""
    """The system it was watched against; empty for a target."""
    skipped: int = 0
    """Of the items used, those without a score or with an answer that may still come: they had no
    part in the decision."""
    largest_group: int = 1
    """Samples of the largest group that was planned: what one group's share of a bet is of."""

    @property
    def saved_share(self) -> float:
        """Share of the planned items that were not needed."""
        return 1 - self.items_used / self.items_planned if self.items_planned else 0.0


class MetricValue(Value):
    """A further metric of an evaluation."""

    metric: str
    value: float | None
    """None where no sample could be scored by it."""
    interval: ConfidenceInterval | None = None
    n: int
    unit: str = ""
    """Empty for a share from 0 to 1."""
    signature: str = ""


class TriedPrompt(Value):
    """One prompt that a search tried on the dev part."""

    origin: str
    """Where it comes from: the given instruction, one written from failures, a set of shots."""
    instruction: str
    labels_listed: int = 0
    shots: int = 0
    similar: bool = False
    """Whether its shots are chosen for each sample."""
    samples: int = 0
    """Dev samples it was asked about."""
    score: float | None = None
    """Mean score on them; None where none came back."""


class Evaluation(Value):
    """Scores of one system on one split."""

    builder: str
    """The prompt builder or predictor, or `tuned`."""
    metric: str
    value: float
    interval: ConfidenceInterval
    n: int
    """Samples that have a score; value and interval are of these."""
    usage: Usage
    latency_ms: Latency
    failures: int
    """Samples that got no answer; they count as 0."""
    may_pass: int = 0
    """Those of the failures on which the backend raised, so that asking again may help."""
    scores: tuple[ScoredSample, ...]
    manifest: Manifest
    interval_method: str = ""
    """How the interval was made: Wilson, bootstrap, clustered ..., confidence sequence."""
    also: tuple[MetricValue, ...] = ()
    """Further metrics of the same answers."""
    stopping: Stopping | None = None
    """None for an evaluation that was not watched."""
    ended: Literal["all", "decided", "budget"] = "all"
    """Why no more samples were asked."""
    planned: int | None = None
    """Samples there were to ask."""
    events: dict[str, int] = Field(default_factory=dict)
    """What the service did beyond answering: retries by cause, another model, empty answers."""
    unscored: int = 0
    """Samples that the metric could give no value; they stand in `scores`, not in the value."""
    cut_answers: int = 0
    """Answers that ended at the longest length allowed."""
    approach: str = ""
    """The approach that the system stands for."""
    cost_rank: int = 0
    """Of two systems that are as good, the one with the lower rank is taken."""
    asks_model: bool = True
    """Whether a language model answered; False for what learnt from labels or rules alone."""
    story: tuple[str, ...] = ()
    """How it was made ready, in sentences: what was tried on the dev part, what was chosen."""
    tried: tuple[TriedPrompt, ...] = ()
    """The prompts that a search tried."""
    fitting: Usage | None = None
    """What was asked of the model before the first test sample: a search over prompts on other
    parts of the data. None where nothing was."""
    retrieval: RetrievalScores | None = None
    """How well passages were found, whatever was answered from them."""
    diagnosis: Diagnosis | None = None
    """Why samples failed; None where none did."""
    building_ms: Latency | None = None
    """Milliseconds to build a prompt on this machine (retrieval, reranking), which `latency_ms`
    does not hold; an answer of a live system takes both. What was embedded or reranked before took
    less. None for a system that retrieves nothing."""

    @property
    def n_to_prove_on(self) -> int:
        """Samples with a score that a proof against this system can pair.

        All that were planned where it ended because it was decided: the rest is asked before the
        proof. Else those there are.
        """
        if self.ended != "decided" or not self.planned:
            return self.n
        return round(self.planned * self.n / (self.n + self.unscored))


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
    items_needed: int | None = None
    """Samples at which a difference of this size shows in 4 of 5 repetitions; None where there is
    no difference."""
    sentence: str = ""
    """The result in plain words."""
