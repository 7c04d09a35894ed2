"""Where systems are measured: one model, one metric, one set of conditions for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from pydantic import Field

from advisor.contracts import Metric, Progress, Session
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.purse import Purse
from advisor.schema.base import Value
from advisor.schema.evaluation import Evaluation, Split

LEVEL = 0.9
ERROR_RATE = 0.05
"""How often a decision to stop early may be wrong."""
MAX_FAILED_SHARE = 0.2


class EvaluationSettings(Value):
    """The conditions of an evaluation; every one of them goes into its manifest."""

    dataset_digest: str
    backend: str
    model: str
    split: Split = "test"
    seed: int = 0
    max_new_tokens: int = Field(default=64, gt=0)
    batch_size: int = Field(default=16, gt=0)
    notes: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Further conditions that must be equal for two evaluations to be comparable."""
    decides: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Those of the backend's settings that change answers; they part answers in the cache."""


@dataclass(frozen=True)
class Bench:
    """One model under one metric; what it answered before is in the cache."""

    session: Session
    metric: Metric
    settings: EvaluationSettings
    progress: Progress
    cache: CompletionCache | None = None
    purse: Purse = field(default_factory=Purse)
    also: tuple[Metric, ...] = ()
    """Further metrics of the same answers."""
    judge: Asker | None = None
    """Who is asked by a metric that must ask."""
    reflector: Asker | None = None
    """Who reads failures and writes prompts; None: the measured model."""
    context_tokens: int | None = None
    """Tokens that prompt and answer may have together; None where nobody knows."""
    watched_target: float | None = None
    """Evaluations end once it is decided whether their true value lies above this; None: all
    samples are asked."""
    watched_rival: Evaluation | None = None
    """Evaluations end once it is decided which is better, this or they."""

    def close(self) -> None:
        """Give the judge's model and the reflector's back.

        The measured model belongs to whoever opened it.
        """
        for other in (self.judge, self.reflector):
            if other is not None:
                other.session.__exit__(None, None, None)

    @cached_property
    def asker(self) -> Asker:
        """The model behind cache and purse."""
        chosen = self.settings
        conditions = Conditions(
            backend=chosen.backend,
            model=chosen.model,
            max_new_tokens=chosen.max_new_tokens,
            settings=tuple(sorted(chosen.decides.items())),
            seed=chosen.seed,
        )
        return Asker(
            self.session,
            conditions,
            cache=self.cache,
            purse=self.purse,
            batch_size=chosen.batch_size,
        )
