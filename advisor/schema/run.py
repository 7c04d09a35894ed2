"""What one run was asked to do; kept in the run folder so that every stage command can find it."""

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.split import SplitBy

EMBEDDED_MODEL = "tiny"
SETTINGS_FILE = "run.json"
"""Where a run folder keeps its settings."""


class RunSettings(Value):
    """Everything the user chose for a run; a path is kept absolute."""

    name: str = "run"
    data: str | None = None
    """Dataset file."""
    docs: str | None = None
    """File or folder with documents for retrieval."""
    answers: str | None = None
    """Answers or profile file."""
    policy: str | None = None
    """File that switches rules off or reweighs them."""
    model: str = EMBEDDED_MODEL
    backend: str = "transformers"
    instruction: str | None = None
    metric: str | None = None
    target: float | None = Field(default=None, ge=0, le=1)
    builders: tuple[str, ...] = ()
    """Prompt builders and predictors. Empty: what the decision finds worth measuring."""
    builder_options: dict[str, str] = Field(default_factory=dict)
    """`rag.passages=5`: options of one of them."""
    embedder: str | None = None
    """Folder of a sentence-transformers model, or a model's name at `embedder_base_url`; None: the
    packaged one."""
    embedder_base_url: str | None = None
    """Address of an OpenAI-compatible server that embeds."""
    retriever: str | None = None
    """Retriever plugin for everything that retrieves; None: what the builder takes by itself."""
    retriever_options: dict[str, str] = Field(default_factory=dict)
    reflection_model: str | None = None
    """Model that reads failures and writes prompts, at the same backend; None: the tested one."""
    methods: tuple[str, ...] = ()
    """Empty: what the decision finds worth pricing."""
    trainer: str = "trl"
    gpu: str = "local"
    gpus: int = Field(default=1, gt=0)
    budget_usd: float | None = Field(default=None, ge=0)
    max_hours: float | None = Field(default=None, ge=0)
    limit: int | None = Field(default=None, gt=0)
    """At most so many test samples."""
    max_new_tokens: int = Field(default=64, gt=0)
    batch_size: int = Field(default=16, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    mapping: dict[str, str] = Field(default_factory=dict)
    """Which field of the data serves as which, over what is recognised."""
    split_by: SplitBy = "auto"
    base_url: str | None = None
    """Address of an OpenAI-compatible server."""
    concurrency: int = Field(default=8, gt=0)
    """Calls in flight at once, for a backend that is asked over a network."""
    requests_per_minute: int | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=120.0, gt=0)
    prices: str | None = None
    """File with token prices of the user's own."""
    json_schema: str | None = None
    """File with the JSON schema that answers must follow, where the backend can hold to it."""
    backend_options: dict[str, str] = Field(default_factory=dict)
    metric_options: dict[str, str] = Field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Further metrics of the same answers."""
    judge_model: str | None = None
    judge_backend: str = "openai"
    judge_base_url: str | None = None
    stop_early: bool | None = None
    """End an evaluation when the gate's question is decided; None: where answers are paid for."""
    use_cache: bool = True
    learning_curve: bool = False
    objective: str | None = None
    """What tuning optimises; None: what the advice names, or answers."""
    plan: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """Plan fields that the user fixed, over recipe and rules."""
    plan_from: dict[str, str] = Field(default_factory=dict)
    """Plan field -> the flag or file that fixed it."""
    method_options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """What only the method or objective knows: {"layers": 8} for freezing."""
    general_data: str | None = None
    """Data file of general samples: mixed in by the plan's `general_share`, and probed."""
    report_to: tuple[str, ...] = ()
    """Trackers that training reports to."""
    usd_per_hour: float | None = Field(default=None, ge=0)
    """What this machine costs, for the bill of training and its limit; None: nothing is counted."""
    gate_override: str | None = None
    """Why training goes on although the gate does not say train, in the user's words."""
    probes: tuple[str, ...] = ()
    """Files with samples that are asked before and after tuning: FILE or FILE=METRIC."""
    use_probes: bool = True
    """Ask the packaged probes and what general data holds out; `probes` are asked anyway."""
    tolerate: str | None = None
    """Why regressions in segments and probes do not discard the model, in the user's words."""
    tolerate_for: str | None = None
    """Digest of the tuned model that `tolerate` was said for; None: the next that is verified."""
    harness_tasks: tuple[str, ...] = ()
    """Tasks of lm-evaluation-harness that both models are asked."""
    harness_path: str | None = None
    """Folder with such tasks of the user's own."""
