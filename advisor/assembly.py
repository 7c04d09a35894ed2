"""A workspace's ingredients put into the stages that measure and estimate."""

from __future__ import annotations

from advisor import registry
from advisor.artifacts import digest_of, today
from advisor.evaluation.bench import Bench, EvaluationSettings
from advisor.evaluation.session import LazySession
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation
from advisor.schema.profile import Profile
from advisor.schema.train import TrainResult
from advisor.stages.baseline import baseline
from advisor.stages.profile.hardware import measure_machine
from advisor.stages.profile.stage import profile
from advisor.workspace import Workspace

TUNED = "tuned"


def measured_profile(space: Workspace) -> Profile:
    """Answers, and what the data, the documents and the machine show."""
    return profile(
        answers=space.answers,
        dataset=space.dataset,
        samples=space.samples if space.dataset else (),
        documents=space.documents,
        machine=measure_machine(),
    )


def evaluation_inputs(space: Workspace) -> dict[str, str]:
    """Everything that the measured baselines depend on."""
    chosen = space.settings
    return space.data_inputs() | {
        "model": space.model_digest,
        "backend": chosen.backend,
        "builders": ",".join(chosen.builders),
        "instruction": space.instruction,
        "metric": space.metric_name,
        "max_new_tokens": str(chosen.max_new_tokens),
        "batch_size": str(chosen.batch_size),
        "seed": str(chosen.seed),
    }


def _bench(space: Workspace, session: LazySession, *, backend: str, model: str) -> Bench:
    chosen = space.settings
    settings = EvaluationSettings(
        dataset_digest=space.dataset.digest if space.dataset else digest_of(None),
        backend=backend,
        model=model,
        seed=chosen.seed,
        max_new_tokens=chosen.max_new_tokens,
        batch_size=chosen.batch_size,
        notes={"instruction": digest_of(space.instruction)},
    )
    return Bench(
        session=session,
        metric=space.metric,
        settings=settings,
        journals=space.folder.path / "journals",
        progress=space.progress,
    )
