"""Training inside a run: whether it may begin, what the trainer is handed, and its limits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor import registry
from advisor.artifacts import RunFolder, digest_of, digest_of_tree
from advisor.catalog.query import LOCAL, reference
from advisor.contracts import Judging, PluginInfo
from advisor.contracts.contents import model_digest, named_digest
from advisor.dev_scoring import dev_scoring
from advisor.errors import ConsentError, DatasetError, InputError, PlanError, TrainingError
from advisor.general import general_data
from advisor.schema.base import Interval
from advisor.schema.estimate import Option
from advisor.schema.evaluation import Sample
from advisor.schema.gate import GateVerdict
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Plan
from advisor.schema.profile import Profile
from advisor.schema.train import TrainJob, TrainResult
from advisor.service_bill import expected_bill
from advisor.stages.estimate.plan.recipes import usual
from advisor.stages.train import train
from advisor.training_log import TRAIN_LOG, hours_on, spent_on, spent_usd, training_log
from advisor.training_set import TRAINING, marked_bad
from advisor.workspace import Workspace

PLANNED_GPU = "ADVISOR_PLANNED_GPU"
"""Environment variable by which a job that was launched says on which GPU it runs."""
MARKS = "marks"
"""What an objective needs that learns from answers marked as bad, too."""

UNANSWERING = frozenset({"reward"})
"""Objectives whose models give no text."""
SERVICE = "service"
"""What stands for the machine of a plan that a service follows."""


def why_not(space: Workspace) -> str:
    """Why training may not begin, as a sentence; empty where it may.

    It may where the gate's verdict is train, or where the user overrode the gate with a reason.
    """
    if space.settings.gate_override:
        return ""
    if not space.folder.has("gate"):
        return "Nothing says that training is warranted: the gate has not been asked."
    verdict = space.folder.read("gate", GateVerdict)
    return "" if verdict.verdict == "train" else f"The gate says {verdict.verdict}."


def may_use(info: PluginInfo, *, may_spend: bool) -> None:
    """Raise ConsentError where a plugin would spend money and nobody agreed to that."""
    if info.spends_money and not may_spend:
        raise ConsentError(
            f"'{info.id}' ({info.label}) spends money; nobody agreed to that.",
            hint="Add --yes to agree.",
        )


def refuse_elsewhere(space: Workspace, option: Option) -> None:
    """Raise PlanError where the plan is for a machine that is not this one."""
    if os.environ.get(PLANNED_GPU) == option.gpu:
        return
    if option.gpu != LOCAL and space.trainer.info.trains_here:
        raise PlanError(
            f"The plan is for {option.gpu}, and this trainer works on this machine.",
            hint="Plan for it with --gpu local, run advisor on a machine with that GPU, or send the"
            " job there with --launcher skypilot, slurm or k8s.",
        )


def is_served(space: Workspace) -> bool:
    """Whether a service tunes a model of its own, whose memory nobody here can estimate."""
    return not space.trainer.info.trains_here and space.card is None


def service_plan(space: Workspace) -> Plan:
    """What a service is asked for: the user's own values, else usual ones.

    Raises PlanError for values that no plan has.
    """
    chosen = space.settings
    recipe = {"epochs": 3.0, "learning_rate": 2e-4, "micro_batch_size": 8, "sequence_length": 2048}
    values: dict[str, Any] = {
        "model": chosen.model,
        "objective": chosen.objective or "sft",
        "method": chosen.methods[0] if chosen.methods else "lora",
        "precision": "bfloat16",
        "base_bits": 16,
        "gpu": SERVICE,
        "seed": chosen.seed,
        "reasons": dict.fromkeys(recipe, "assumed; the service may take its own")
        | {field: chosen.plan_from.get(field, "--set") for field in chosen.plan},
    }
    try:
        return Plan.model_validate(recipe | values | chosen.plan)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise PlanError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}.",
            hint="See `advisor train --help` for what a plan takes.",
        ) from error


def training_job(
    space: Workspace,
    plan: Plan,
    samples: Sequence[Sample],
    *,
    option: Option | None,
    limit: Limit,
    resume: bool,
) -> TrainJob:
    """The job of a plan over the run's samples, with the options that the trainer alone knows.

    Raises DatasetError where the samples cannot serve the plan's objective.
    """
    own = {**plan.method_options, **trainer_options(space)}
    plan = plan.model_copy(update={"model": space.tuned_path, "method_options": own})
    if MARKS in registry.objective(plan.objective).info.needs:
        samples = (*samples, *marked_bad(space))
    train_part = tuple(s for s in samples if s.split == "train")
    profile = space.folder.read("profile", Profile)
    chosen = space.settings
    general = general_data(chosen.general_data, model=chosen.model, beside=space.samples)
    _refuse_unfit(plan.objective, train_part)
    return TrainJob(
        plan=plan,
        instruction=space.instruction,
        train_samples=train_part,
        dev_samples=tuple(s for s in samples if s.split == "dev"),
        output_dir=str(space.folder.path / TRAINING),
        resume=resume,
        general_samples=general.mixed,
        probe_samples=general.probe,
        metric_digest=metric_digest(space),
        usual_learning_rate=_usual_rate(space, plan) if option else None,
        report_to=space.settings.report_to,
        max_hours=limit.hours,
        estimated_memory_gib=expected_memory(option, profile.machine) if option else None,
        usable_memory_gib=option.usable_gib if option else None,
    )


def _usual_rate(space: Workspace, plan: Plan) -> float | None:
    if space.card is None:
        return None
    info = registry.method(plan.method).info
    recipes = reference(plan.stack).recipes
    found = usual("learning_rate", recipes, plan, info, space.card.parameters)
    return None if found is None else float(found)


def trainer_options(space: Workspace) -> dict[str, bool | int | float | str]:
    """Options that the run's trainer understands; a service is asked where the run asks."""
    info, chosen = space.trainer.info, space.settings
    told = {k: v for k, v in chosen.method_options.items() if k in info.options}
    if info.trains_here or not space.is_service:
        return told
    asked = {"base_url": chosen.base_url, "api_key_env": chosen.backend_options.get("api_key_env")}
    return {k: v for k, v in asked.items() if v and k in info.options} | told


def training_inputs(space: Workspace, plan: Plan) -> dict[str, str]:
    """Everything beside the task's data that training by a plan depends on."""
    chosen = space.settings
    general = Path(chosen.general_data) if chosen.general_data else None
    options = {**plan.method_options, **trainer_options(space)}
    return {
        "plan": digest_of(plan.model_dump()),
        "trainer": chosen.trainer,
        "instruction": space.instruction,
        "model": space.model_digest,
        "tuned_model": model_digest(Path(space.tuned_path)),
        "trainer_options": digest_of(options),
        "named_by_options": digest_of({k: named_digest(v) for k, v in options.items()}),
        "general_data": digest_of_tree(general) if general and general.exists() else "",
        "scored_by": metric_digest(space),
    }


def metric_digest(space: Workspace) -> str:
    """Of the metric that scores while training; empty for a judge, who is not asked there."""
    if isinstance(space.metric, Judging):
        return ""
    name, chosen = space.metric_name, space.settings
    beside = tuple(f"{other}." for other in chosen.also if other != name)
    own = {k: v for k, v in chosen.metric_options.items() if not k.startswith(beside)}
    return digest_of([name, own, chosen.max_new_tokens])


def _refuse_unfit(objective: str, samples: Sequence[Sample]) -> None:
    for obstacle in registry.objective(objective).obstacles(samples):
        if obstacle.severity == "blocks":
            raise DatasetError(obstacle.message, hint=obstacle.hint)


def expected_memory(option: Option, machine: MachineFacts) -> Interval | None:
    """Memory as the trainer measures it here: of the process on a CPU, of tensors on a GPU."""
    if option.gpu != LOCAL:
        return None
    return option.memory.allocated_gib if machine.gpus else option.memory.process_gib


@dataclass(frozen=True)
class Limit:
    """Hours after which training stops, and the sentence that is then told."""

    hours: float | None = None
    sentence: str = ""
    hint: str = ""


def limit_of(space: Workspace, profile: Profile, job: TrainJob | None = None) -> Limit:
    """The tighter of the time limit and the hours that the budget pays for.

    What earlier sessions of the job took counts, unless it begins anew.
    """
    limits, price = profile.constraints, space.settings.usd_per_hour
    found = []
    if limits.max_hours is not None:
        before = hours_on(space.folder.path / TRAIN_LOG, _mark(job)) if job and job.resume else 0.0
        told = f"Training stopped at the limit of {limits.max_hours:g} hours"
        if before:
            told += f", {before:.2g} of them in earlier sessions"
        found.append(Limit(max(0.0, limits.max_hours - before), told, "--max-hours"))
    if limits.budget_usd is not None and price:
        told = f"Training stopped: {limits.budget_usd:g} USD are spent at {price:g} USD per hour"
        left = max(0.0, limits.budget_usd - spent_usd(space.folder.path / TRAIN_LOG))
        found.append(Limit(left / price, told, "--budget-usd"))
    return min(found, key=lambda limit: limit.hours or 0.0, default=Limit())


def trained(space: Workspace, job: TrainJob, limit: Limit) -> TrainResult:
    """What the run's trainer makes of a job, within the limit.

    Raises PlanError where a service may cost more than the budget, TrainingError when the limit
    ended it, KeyboardInterrupt when the user did, and what the trainer raises.
    """
    bill = expected_bill(job, space.trainer, budget_usd=space.answers.constraints.budget_usd)
    if bill:
        space.say(bill)
    mark, price = _mark(job), space.settings.usd_per_hour
    log = training_log(space.folder.path / TRAIN_LOG, space.emit, price, job=mark)
    tools = replace(
        space.tools(max_hours=limit.hours),
        emit=log,
        scoring=dev_scoring(space, job),
    )
    space.is_training, space.log = True, log
    try:
        result = train(job, trainer=space.trainer, tools=tools)
        space.log = None
        return _priced(space, result, mark)
    except KeyboardInterrupt as stop:
        if space.is_stopping or not tools.should_stop():
            raise
        raise TrainingError(
            f"{limit.sentence}; {_left(space, stop)}.",
            hint=f"Raise {limit.hint} and run the same command to continue.",
            where=job.output_dir,
        ) from None
    finally:
        space.is_training = False
        log.close()


def _left(space: Workspace, stop: KeyboardInterrupt) -> str:
    """What becomes of training that a limit ended: as the trainer says, where it does."""
    said = str(stop)
    if said or space.trainer.info.trains_here:
        return said or "its last checkpoint is kept"
    return "what it began elsewhere may go on there and be paid for"


def _mark(job: TrainJob) -> str:
    """What tells the events of a job from those of others that were trained in the folder."""
    outside = {"output_dir", "resume", "max_hours", "report_to", "usual_learning_rate"}
    told = job.model_dump(exclude=outside | {"estimated_memory_gib", "usable_memory_gib"})
    return digest_of(told)


def _priced(space: Workspace, result: TrainResult, mark: str) -> TrainResult:
    """The result with what all sessions of its job cost, where an hour has a price."""
    if space.settings.usd_per_hour is None or result.usd is not None:
        return result
    spent = spent_on(space.folder.path / TRAIN_LOG, mark)
    return result.model_copy(update={"usd": spent})


def refuse_unanswering(result: TrainResult) -> None:
    """Raise InputError for a model that gives no text, which nothing can be compared with."""
    if result.objective in UNANSWERING:
        raise InputError(
            "A reward model scores answers and writes none, so it cannot be verified as a system.",
            hint="Tune by it: --objective grpo --option reward=FOLDER, with the run's folder.",
            where=result.served_by.model,
        )


def target_of(folder: RunFolder) -> float | None:
    """The score that is good enough: the gate's, or the profile's where no gate was asked."""
    if folder.has("gate"):
        return folder.read("gate", GateVerdict).target
    return folder.read("profile", Profile).task.target


def override_note(space: Workspace, folder: RunFolder) -> str:
    """The sentence that a result carries which the gate did not ask for; empty where it did."""
    reason = space.settings.gate_override
    if not reason:
        return ""
    verdict = folder.read("gate", GateVerdict).verdict if folder.has("gate") else ""
    if verdict == "train":
        return ""
    told = f"although the gate says {verdict}" if verdict else "without asking the gate"
    return f"Trained {told}: {reason}"
