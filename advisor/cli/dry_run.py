"""`advisor train --dry-run`: what training would do, worked out beside the run folder."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.artifacts import document
from advisor.cli.around_training import tell_data
from advisor.cli.tuning_options import left_aside
from advisor.errors import AdvisorError
from advisor.plan_words import plan_preview, service_preview, untaken
from advisor.training_rows import general_mixture
from advisor.tuning import is_served, trainer_options, why_not

if TYPE_CHECKING:
    from advisor.cli.screen import Screen
    from advisor.pipeline import Pipeline

OVERRIDE = "--override-gate"


@contextmanager
def beside(run_dir: Path | None) -> Iterator[Path]:
    """A folder with copies of a run's documents, gone afterwards; the run's own stays as it is.

    What lies in sub-folders (checkpoints, caches) is not copied. Errors name the run's folder.
    """
    shown = run_dir or Path("run")
    with tempfile.TemporaryDirectory(prefix="advisor-") as place:
        copy = Path(place) / (shown.resolve().name or "run")
        copy.mkdir()
        for path in shown.iterdir() if run_dir and run_dir.is_dir() else ():
            if path.is_file():
                shutil.copy2(path, copy)
        try:
            yield copy
        except AdvisorError as error:
            for name in ("message", "hint", "where"):
                told = getattr(error, name).replace(str(copy.resolve()), str(shown))
                setattr(error, name, told.replace(str(copy), str(shown)))
            raise


def show_preview(screen: Screen, pipeline: Pipeline) -> None:
    """Print the plan that training would follow; of a service's model, what it would be asked.

    Raises DoesNotFitError when no option fits, and for a service what keeps the job from being
    made: PlanError, DatasetError, BackendAuthError.
    """
    tell_data(screen, pipeline)
    if is_served(pipeline.workspace):
        _show_service(screen, pipeline)
        return
    space = pipeline.workspace
    option = pipeline.option()
    mixed = general_mixture(space, pipeline.decide(), option.plan)
    missed = (mixed.remark,) if mixed and mixed.remark else ()
    told = (*untaken(space.settings, option.plan), *missed, *option.warnings)
    option = option.model_copy(update={"warnings": told})
    preview = plan_preview(option, space.rulebook, _words(pipeline))
    preview = preview.model_copy(update={"left_aside": left_aside()})

    def show() -> None:
        from advisor.render.plan import show_plan  # noqa: PLC0415 - rich is slow to load

        show_plan(screen.console, preview)

    screen.result(document(preview), show)


def _show_service(screen: Screen, pipeline: Pipeline) -> None:
    from advisor.service_bill import expected_bill  # noqa: PLC0415 - only for a service
    from advisor.training_set import training_samples  # noqa: PLC0415
    from advisor.tuning import limit_of, training_job  # noqa: PLC0415

    space, profile, plan = pipeline.workspace, pipeline.profile(), pipeline.plan()
    samples = training_samples(space, pipeline.decide())
    limit = limit_of(space, profile)
    job = training_job(space, plan, samples, option=None, limit=limit, resume=False)
    budget = space.answers.constraints.budget_usd
    told = plan.model_copy(update={"method_options": trainer_options(space)})
    preview = service_preview(
        told,
        fixed=space.settings.plan,
        trainer=space.trainer.info.label,
        counts=(len(job.train_samples), len(job.dev_samples)),
        bill=expected_bill(job, space.trainer, budget_usd=budget),
        command=_words(pipeline),
    ).model_copy(update={"left_aside": left_aside()})

    def show() -> None:
        from advisor.render.plan import show_asked  # noqa: PLC0415 - rich is slow to load

        show_asked(screen.console, preview)

    screen.result(document(preview), show)


def _words(pipeline: Pipeline) -> list[str]:
    """The present command without the words that make it a preview, and with what it lacks."""
    words = [word for word in sys.argv[1:] if word not in ("--dry-run", "--json")]
    has_reason = any(word.partition("=")[0] == OVERRIDE for word in words)
    if why_not(pipeline.workspace) and not has_reason:
        words += [OVERRIDE, "REASON"]
    if pipeline.workspace.trainer.info.spends_money and "--yes" not in words:
        words.append("--yes")
    return ["advisor", *words]
