"""Everything known of task, data, constraints and machine before advice is given.

`None` means unknown, which is not the same as no.
"""

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.machine import MachineFacts

TaskKind = Literal[
    "question_answering",
    "classification",
    "extraction",
    "structured_output",
    "generation",
    "summarisation",
    "translation",
    "tool_use",
    "chat",
    "code",
]


class TaskFacts(Value):
    """What the model is asked to do and how well."""

    kind: TaskKind | None = None
    instruction: str | None = None
    """The instruction put before every sample (system turn)."""
    metric: str | None = None
    target: float | None = Field(default=None, ge=0, le=1)
    """The score a solution must reach to be acceptable, on the metric's 0 to 1 scale."""
    error_cost: Literal["low", "medium", "high"] | None = None
    """What a wrong answer costs, compared with no answer."""
    needs_new_language: bool | None = None
    """The text is in a language or code the base model has hardly seen."""
    needs_style: bool | None = None
    """Answers must follow a voice or style that is easier shown than described."""
    style_source: Literal["genre", "each_person", "one_voice"] | None = None
    """Whose style: a formal genre, the user at hand each time, or one voice with a body of work."""
    has_verifiable_reward: bool | None = None
    """A program can tell a right answer from a wrong one."""
    needs_reasoning: bool | None = None
    """An answer takes several steps of reasoning or calculation."""
    answer_in_input: bool | None = None
    """Everything an answer needs stands in the input itself."""
    judged_by_preference: bool | None = None
    """Quality is which of two answers people prefer, not whether an answer is right."""
    has_domain_terms: bool | None = None
    """The text is full of the terms of one field."""
    is_one_off: bool | None = None
    """The work is done once, on inputs that are at hand already."""
    invents_known_facts: bool | None = None
    """The model gets facts wrong that public text states often."""
    prompt_tokens: int | None = Field(default=None, ge=1)
    """Tokens of one prompt today, instructions and shots included."""


class DataFacts(Value):
    """What examples there are."""

    labelled_samples: int | None = Field(default=None, ge=0)
    train_samples: int | None = Field(default=None, ge=0)
    dev_samples: int | None = Field(default=None, ge=0)
    test_samples: int | None = Field(default=None, ge=0)
    duplicate_share: float | None = Field(default=None, ge=0, le=1)
    classes: int | None = Field(default=None, ge=0)
    """Distinct reference answers, where they repeat enough to be labels."""
    majority_share: float | None = Field(default=None, ge=0, le=1)
    answer_in_input_share: float | None = Field(default=None, ge=0, le=1)
    """Share of samples whose reference answer stands word for word in the input."""
    median_input_characters: float | None = Field(default=None, ge=0)
    median_target_characters: float | None = Field(default=None, ge=0)
    quality: Literal["curated", "checked", "noisy"] | None = None
    """How far the reference answers can be trusted."""
    preference_pairs: int | None = Field(default=None, ge=0)
    rated_answers: int | None = Field(default=None, ge=0)
    """Single answers marked good or bad, without a pair."""
    unlabelled_tokens: int | None = Field(default=None, ge=0)
    """Tokens of raw domain text at hand for continued pre-training."""


class KnowledgeFacts(Value):
    """Where the facts that answers need come from."""

    in_documents: bool | None = None
    """The answers stand in documents that can be put beside the question."""
    is_public: bool | None = None
    """Those documents are public text that models have read."""
    documents: int | None = Field(default=None, ge=0)
    document_characters: int | None = Field(default=None, ge=0)
    document_formats: str | None = None
    """File endings of the documents, the most frequent first."""
    update_interval_days: float | None = Field(default=None, gt=0)
    must_be_current: bool | None = None
    must_cite: bool | None = None
    access_controlled: bool | None = None
    """Different readers may see different documents."""
    must_be_deletable: bool | None = None
    """A document must be gone from the answers once it is deleted."""
    is_multi_hop: bool | None = None
    """An answer combines passages of several documents."""
    document_is_given: bool | None = None
    """It is known beforehand which document holds the answer."""


class OutputFacts(Value):
    """What an answer looks like."""

    strict_format: bool | None = None
    """A program reads the answer; a malformed one is useless."""
    house_format: bool | None = None
    """The format or label set is the house's own and stands in no public text."""


class ConstraintFacts(Value):
    """Money, time, privacy and people."""

    budget_usd: float | None = Field(default=None, ge=0)
    max_hours: float | None = Field(default=None, ge=0)
    latency_ms: float | None = Field(default=None, gt=0)
    queries_per_month: int | None = Field(default=None, ge=0)
    must_stay_local: bool | None = None
    """Data may not leave the user's own machines."""
    team_has_ml_engineer: bool | None = None
    hosting: Literal["hosted_api", "rented_gpu", "own_machine"] | None = None
    """Where the finished system runs."""
    days_available: float | None = Field(default=None, gt=0)
    """Days until it must work."""
    retrain_interval_days: float | None = Field(default=None, gt=0)
    """How often somebody is willing to tune the model again."""


class ModelFacts(Value):
    """The model that would answer or be tuned."""

    parameters_billion: float | None = Field(default=None, gt=0)
    """Parameters of the open model that would answer or be tuned, in units of 10^9."""
    is_instruct: bool | None = None
    """It follows instructions already."""
    frontier_available: bool | None = None
    """A hosted frontier model may answer the prompts instead."""


class MeasuredFacts(Value):
    """What baselines and estimate have shown; only the first two can be answered beforehand."""

    prompted_score: float | None = Field(default=None, ge=0, le=1)
    """Score of the best prompt without retrieval."""
    closed_book_score: float | None = Field(default=None, ge=0, le=1)
    """Score on questions about the documents, answered without them."""
    zero_shot_score: float | None = Field(default=None, ge=0, le=1)
    few_shot_score: float | None = Field(default=None, ge=0, le=1)
    rag_score: float | None = Field(default=None, ge=0, le=1)
    prompt_optimisation_score: float | None = Field(default=None, ge=0, le=1)
    long_context_score: float | None = Field(default=None, ge=0, le=1)
    small_model_score: float | None = Field(default=None, ge=0, le=1)
    model_was_asked: bool | None = None
    """At least one baseline asked a language model."""
    retrieval_recall: float | None = Field(default=None, ge=0, le=1)
    """Share of samples for which a right passage was shown."""
    small_model_leads: bool | None = None
    """The best small model is ahead of the best plain prompt, and not by chance."""
    small_model_is_behind: bool | None = None
    """The best system of another approach is ahead of it, and not by chance; so the next two."""
    rag_is_behind: bool | None = None
    long_context_is_behind: bool | None = None
    failures_not_retrieved: float | None = Field(default=None, ge=0, le=1)
    """Shares of the failures by cause: this one, `ignored` and `not_in_documents` of the best
    system that shows passages, the others of the best of all; None below ten failures."""
    failures_ignored: float | None = Field(default=None, ge=0, le=1)
    failures_other_wording: float | None = Field(default=None, ge=0, le=1)
    failures_wrong_format: float | None = Field(default=None, ge=0, le=1)
    failures_not_in_documents: float | None = Field(default=None, ge=0, le=1)
    sufficient_approach: str | None = None
    """The approach that the cheapest sufficient system stands for."""
    best_score: float | None = Field(default=None, ge=0, le=1)
    best_builder: str | None = None
    target_met: bool | None = None
    """The lower bound of the best baseline's interval clears the target."""
    target_gap: float | None = None
    """Target minus best baseline score; negative when the baseline is better."""
    smallest_visible_gain: float | None = Field(default=None, ge=0)
    """The smallest true gain that the test split would show with 80 % power."""
    sufficient_builder: str | None = None
    """The cheapest builder whose interval clears the target."""
    gain_is_visible: bool | None = None
    """The test split would show a gain as large as the gap to the target."""
    leaked_samples: int | None = Field(default=None, ge=0)
    """Test samples that also stand in the train split; they were not scored."""
    test_is_clean: bool | None = None
    """So few test samples leaked that what was left to score can be trusted."""
    tuning_fits: bool | None = None
    """Some priced tuning option fits its memory."""
    tuning_cost_usd: float | None = Field(default=None, ge=0)
    tuning_hours: float | None = Field(default=None, ge=0)
    within_budget: bool | None = None
    within_hours: bool | None = None
    advised_approach: str | None = None
    """What the decision rules advise once everything else is measured."""


class Profile(Value):
    """Everything known before advice; the input of `decide`."""

    name: str = "task"
    task: TaskFacts = TaskFacts()
    data: DataFacts = DataFacts()
    knowledge: KnowledgeFacts = KnowledgeFacts()
    output: OutputFacts = OutputFacts()
    constraints: ConstraintFacts = ConstraintFacts()
    model: ModelFacts = ModelFacts()
    machine: MachineFacts = MachineFacts()
    measured: MeasuredFacts = MeasuredFacts()
    provenance: dict[str, str] = Field(default_factory=dict)
    """Fact id -> asked, corrected (asked, though it can be measured), dataset, documents, machine,
    catalog, settings (of the run), baseline or gate; with "suggested by" where the source only
    hints at it."""
    unknown: tuple[str, ...] = ()
    """Facts that somebody was asked for and does not know; they are not asked again."""
    notes: tuple[str, ...] = ()
    """What the reader should know of it, such as an answer that a measurement contradicts."""
