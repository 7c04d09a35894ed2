"""What a run asks beside its task, of the base model before and of the tuned one after."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from advisor import registry
from advisor.artifacts import digest_of, digest_of_tree, write_text
from advisor.assembly import tuned_place
from advisor.contracts import Session
from advisor.errors import InputError, ModelFolderError
from advisor.evaluation import harness
from advisor.evaluation.answer_rates import answer_rates
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import CompletionCache, opened
from advisor.evaluation.harness import TaskScores, are_shares
from advisor.evaluation.probing import (
    ALLOWED_SHARE,
    Answered,
    answered,
    compared,
    corrected,
    unasked,
)
from advisor.evaluation.session import LazySession
from advisor.measuring import deciding_options, make_purse
from advisor.probe_sets import metric_of, probes_of
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.probe import Probe, ProbeFinding
from advisor.schema.train import TrainResult
from advisor.tuning import UNANSWERING
from advisor.workspace import Workspace

__all__ = ["check_probes", "probe_inputs", "probed", "probes_of"]

CONFIG, ADAPTER = "config.json", "adapter_config.json"
NONE_WISHED = "No probe was asked (--no-probes), and none was named (--probe)."
ELSEWHERE = Probe(name="beside the task", kind="task", samples=(), metric="none")


class Asked(NamedTuple):
    """A model that is asked: where it is and how it is opened."""

    label: str
    backend: str
    place: str
    settings: dict[str, str]
    base_url: str | None = None
    digest: str = ""
    """Known before it is opened; empty where only the opened model tells."""


NO_BEFORE = (
    "The base model cannot be opened by '{}', which serves the tuned one, so that there is no "
    "before to hold against the after."
)
"""A trainer may make a model of its own kind rather than tune the base."""


def check_probes(space: Workspace) -> None:
    """Look at all that is to be asked, so that a mistake is told before any work.

    Raises DatasetError, InputError and UnknownPluginError for a file, metric or task,
    MissingProgramError without lm-evaluation-harness.
    """
    chosen = space.settings
    if chosen.probes or chosen.general_data:
        probes_of(space)
    if chosen.harness_path and not Path(chosen.harness_path).is_dir():
        raise InputError(
            f"--harness-path {chosen.harness_path} is no folder.",
            hint="Name the folder that holds your tasks' YAML files.",
            where="--harness-path",
        )
    if chosen.harness_tasks:
        harness.check_tasks(chosen.harness_tasks, chosen.harness_path)


def probe_inputs(space: Workspace) -> dict[str, str]:
    """Everything a verification's probes depend on beside model and data."""
    chosen = space.settings
    asked = [probe.model_dump(mode="json") for probe in probes_of(space)]
    tasks = Path(chosen.harness_path) if chosen.harness_path else None
    known = digest_of_tree(tasks) if tasks is not None and tasks.is_dir() else ""
    return {
        "probes": digest_of(asked),
        "harness": digest_of([chosen.harness_tasks, known]) if chosen.harness_tasks else "",
    }


def probed(
    space: Workspace,
    training: TrainResult,
    baselines: Baselines,
    tuned: Evaluation,
    *,
    may_spend: bool = False,
) -> tuple[ProbeFinding, ...]:
    """What got worse beside the task, each with interval and p-value, corrected after Holm.

    The answers to the test part are read again: their form, refusals, made-up answers. Then base
    and tuned model are asked the run's probes, one model after the other; what the base answered is
    kept. What cannot be asked stands there with the reason. A service is asked with `may_spend`
    alone, and within the run's budget.
    """
    refusal = registry.metric("refusal")
    seed = space.settings.seed
    found = [*answer_rates(baselines, tuned, space.samples, refusal=refusal, seed=seed)]
    probes = probes_of(space)
    if not probes and not space.settings.harness_tasks:
        return corrected([*found, unasked(ELSEWHERE, NONE_WISHED)])
    why = _why_not(space, training, may_spend=may_spend)
    if why:
        return corrected([*found, unasked(ELSEWHERE, why)])
    base, after = _models(space, training)
    try:
        ours = _answers(space, base, probes)
    except ModelFolderError:
        if base.backend == space.settings.backend:
            raise
        return corrected([*found, unasked(ELSEWHERE, NO_BEFORE.format(base.backend))])
    theirs = _answers(space, after, probes)
    pairs = zip(probes, ours, theirs, strict=True)
    found += [compared(probe, one, other, seed=seed) for probe, one, other in pairs]
    return corrected([*found, *_harness(space, base, after)])


def _why_not(space: Workspace, training: TrainResult, *, may_spend: bool) -> str:
    """Why the two models are not asked beside the task, as a sentence; empty where they are."""
    served = registry.backend(training.served_by.backend).info
    if space.tunes_encoder:
        return "An encoder that only names labels was tuned; it can be asked nothing else."
    if training.objective in UNANSWERING:
        return "A reward model gives scores and writes no answers."
    if served.spends_money and not may_spend:
        return "The tuned model is asked for money, and nobody agreed to that (--yes)."
    if not served.spends_money and not training.trainable_parameters:
        return "Nothing was trained, so that nothing can have been forgotten."
    return ""


def _models(space: Workspace, training: TrainResult) -> tuple[Asked, Asked]:
    """The base and the tuned model, opened alike.

    By the backend that serves the tuned one, wherever the base was asked for its baselines; a
    service that tuned its own model is asked for both.
    """
    chosen, served = space.settings, training.served_by
    is_paid = registry.backend(served.backend).info.spends_money
    is_same = served.backend == chosen.backend
    url = chosen.base_url if is_same and is_paid else None
    told = space.backend_settings(base_url=url) if is_same else {}
    place = chosen.model if is_paid else space.tuned_path
    digest = space.model_digest if place == space.model_path else ""
    served_url = served.settings.get("base_url")
    after = Asked("tuned", served.backend, tuned_place(space, training), told | served.settings)
    base_settings = told | ({"base_url": served_url} if is_paid and served_url and not url else {})
    return (
        Asked("base", served.backend, place, base_settings, url or served_url, digest),
        after._replace(base_url=served_url),
    )


def _answers(space: Workspace, model: Asked, probes: Sequence[Probe]) -> list[Answered]:
    """What one model makes of every probe; opened with the first answer that is not kept."""
    if not probes:
        return []
    backend = registry.backend(model.backend)
    total = sum(len(probe.samples) for probe in probes)
    opener: Callable[[], Session] = lambda: backend.open(model.place, model.settings)  # noqa: E731
    cache = opened() if space.settings.use_cache else None
    space.progress.start(f"probes, {model.label} model", total)
    try:
        with LazySession(opener, model_digest=model.digest) as session:
            return [
                answered(
                    _asker(space, model, probe, session, cache),
                    probe,
                    metric_of(probe),
                    advance=space.progress.advance,
                )
                for probe in probes
            ]
    finally:
        space.progress.finish()


def _asker(
    space: Workspace, model: Asked, probe: Probe, session: Session, cache: CompletionCache | None
) -> Asker:
    chosen = space.settings
    is_same = model.backend == chosen.backend
    options = deciding_options(model.backend, space.backend_options()) if is_same else {}
    conditions = Conditions(
        backend=model.backend,
        model=chosen.model if model.label == "base" else "tuned",
        max_new_tokens=probe.max_new_tokens,
        settings=tuple(sorted(options.items())),
        seed=chosen.seed,
    )
    return Asker(
        session,
        conditions,
        cache=cache,
        purse=make_purse(space, model.backend, model.place, base_url=model.base_url),
        batch_size=chosen.batch_size,
    )


def _harness(space: Workspace, base: Asked, after: Asked) -> list[ProbeFinding]:
    """Tasks of lm-evaluation-harness, each model in a process of its own."""
    tasks = space.settings.harness_tasks
    if not tasks:
        return []
    before_args, after_args = _harness_model(base, base), _harness_model(after, base)
    if before_args is None or after_args is None:
        why = "lm-evaluation-harness opens whole models and PEFT adapters in folders only."
        return [unasked(_task_probe(name, ()), why) for name in tasks]
    space.progress.start("lm-evaluation-harness", 2)
    try:
        before = _kept_scores(space, before_args)
        space.progress.advance()
        now = harness.asked(after_args, tasks, space.settings.harness_path, device=_device(space))
        space.progress.advance()
    finally:
        space.progress.finish()
    ours, theirs = ({one.task: one for one in scores} for scores in (before, now))
    found = []
    for task in dict.fromkeys((*ours, *theirs)):
        if task in ours and task in theirs:
            found.append(_task_finding(ours[task], theirs[task], seed=space.settings.seed))
        else:
            which = "tuned" if task in ours else "base"
            why = f"lm-evaluation-harness wrote no scores of the {which} model."
            found.append(unasked(_task_probe(task, ()), why))
    missing = [name for name in tasks if not _is_scored(name, (*ours, *theirs))]
    why = "lm-evaluation-harness wrote no scores under this name."
    return [*found, *(unasked(_task_probe(name, ()), why) for name in missing)]


def _is_scored(task: str, scored: Sequence[str]) -> bool:
    """Whether a task has scores; those of a group mostly begin with the group's name."""
    return any(name == task or name.startswith(f"{task}_") for name in scored)


def _harness_model(model: Asked, base: Asked) -> dict[str, str] | None:
    """The harness's arguments for a model; None for one that it cannot open."""
    place = Path(model.place)
    if (place / ADAPTER).is_file():
        return {"pretrained": base.place, "peft": str(place)}
    is_whole = (place / CONFIG).is_file() or (model is base and not place.exists())
    return {"pretrained": str(model.place)} if is_whole else None


def _device(space: Workspace) -> str:
    return space.backend_options().get("device", "")


def _kept_scores(space: Workspace, model: dict[str, str]) -> tuple[TaskScores, ...]:
    """The base model's scores, kept in the run folder as its answers are in the cache."""
    chosen = space.settings
    tasks = Path(chosen.harness_path) if chosen.harness_path else None
    asked = [space.model_digest, model, chosen.harness_tasks]
    known = digest_of_tree(tasks) if tasks is not None else ""
    file = space.folder.path / "cache" / f"harness-{digest_of([*asked, known])}.json"
    if chosen.use_cache:
        with suppress(OSError, ValueError, TypeError):
            rows = json.loads(file.read_text(encoding="utf-8"))
            return tuple(TaskScores.model_validate(row) for row in rows)
    found = harness.asked(model, chosen.harness_tasks, chosen.harness_path, device=_device(space))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps([scores.model_dump() for scores in found]) + "\n")  # may hold NaN
    return found


def _task_probe(task: str, documents: Sequence[str], metric: str = "harness") -> Probe:
    return Probe(
        name=task,
        kind="harness",
        samples=tuple(Sample(id=name, input="", target="") for name in documents),
        metric=metric,
        allowed=ALLOWED_SHARE,
        source="lm-evaluation-harness",
    )


def _task_finding(ours: TaskScores, theirs: TaskScores, *, seed: int) -> ProbeFinding:
    """One task before and after, on the documents that the base was asked.

    Only shares are tested: how much of another quantity may be lost, nobody has said.
    """
    documents = list(ours.values)
    probe = _task_probe(f"{ours.task} ({ours.metric})", documents, ours.metric)
    probe = probe.model_copy(update={"higher_is_better": ours.higher_is_better})
    if ours.metric != theirs.metric:
        return unasked(probe, f"The tuned model was scored by {theirs.metric}.")
    before, after = (
        Answered(tuple(scores.values.get(name) for name in documents)) for scores in (ours, theirs)
    )
    if not (are_shares(ours) and are_shares(theirs)):
        return _untested(probe, ours, theirs)
    return compared(probe, before, after, seed=seed)


def _untested(probe: Probe, ours: TaskScores, theirs: TaskScores) -> ProbeFinding:
    """The means of a quantity that is no share."""
    both = [name for name in ours.values if name in theirs.values]
    before, after = (_mean(scores, both) for scores in (ours, theirs))
    why = f"{ours.metric} is no share from 0 to 1: shown, decides nothing."
    sign = -1 if probe.higher_is_better else 1
    worse_by = sign * (after - before) if before is not None and after is not None else None
    return unasked(probe, why).model_copy(
        update={
            "unit": ours.metric,
            "allowed": 0.0,
            "n": len(both),
            "before": before,
            "after": after,
            "worse_by": worse_by,
        }
    )


def _mean(scores: TaskScores, documents: Sequence[str]) -> float | None:
    values = [scores.values[name] for name in documents]
    return fmean(values) if values and all(map(isfinite, values)) else None
