"""A workspace's ingredients put into the stages that measure and estimate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from advisor import market, registry, test_ledger
from advisor.artifacts import digest_of, today
from advisor.catalog.query import reference
from advisor.curve import Curve
from advisor.data_check.lock import locked
from advisor.errors import UnknownModelError
from advisor.evaluation.again import evaluate_again
from advisor.evaluation.session import LazySession
from advisor.evaluation.suggest import misfit
from advisor.measuring import (
    agreed,
    decisive_settings,
    embedding_told,
    embedding_usage,
    make_bench,
    may_search,
    retrieval_agreed,
)
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Decision
from advisor.schema.estimate import Estimate, EstimateRequest
from advisor.schema.evaluation import Evaluation
from advisor.schema.gate import GateVerdict
from advisor.schema.profile import Profile
from advisor.schema.run import EMBEDDED_MODEL
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.small_model_run import encoder_wishes
from advisor.stages.baseline import baseline
from advisor.stages.estimate.plan.advised import wishes_of
from advisor.stages.estimate.plan.recipes import recipe_for
from advisor.stages.estimate.plan.stated import as_request
from advisor.stages.profile.hardware import measure_machine
from advisor.stages.profile.model import model_facts
from advisor.stages.profile.stage import profile
from advisor.stages.train import takes
from advisor.systems import needs_them
from advisor.training_rows import row_lengths
from advisor.training_set import TRAINING, fitted
from advisor.workspace import Workspace

TUNED = "tuned"

EMBEDDED_WARNING = (
    "The embedded model is a demonstrator of a few million parameters: its prompted scores do not "
    "predict those of a real model. Name your own with --model."
)

Warned = TypeVar("Warned", Baselines, GateVerdict, Verification)


def told(space: Workspace, value: Warned) -> Warned:
    """The value, warning of the embedded model when it was measured with it."""
    if space.settings.model != EMBEDDED_MODEL or space.settings.backend != "transformers":
        return value
    return value.model_copy(update={"warnings": (EMBEDDED_WARNING, *value.warnings)})


def measured_profile(space: Workspace) -> Profile:
    """Answers, and what the data, the documents, the machine and the catalog's model show."""
    name = space.settings.model
    found = profile(
        answers=space.answers,
        dataset=space.dataset,
        samples=space.samples if space.dataset else (),
        documents=space.documents,
        machine=measure_machine(),
        model=model_facts(space.card, named=name) if space.card else None,
    )
    notes = tuple(dict.fromkeys((*found.notes, *space.notes)))
    return _with_metric(found.model_copy(update={"notes": notes}), space.metric_name)


def _with_metric(found: Profile, metric: str) -> Profile:
    """The profile with the metric that will score the run, where no answer named one."""
    if found.task.metric is not None:
        return found
    task = found.task.model_copy(update={"metric": metric})
    provenance = dict(sorted((found.provenance | {"task.metric": "settings"}).items()))
    return found.model_copy(update={"task": task, "provenance": provenance})


def evaluation_inputs(space: Workspace, builders: Sequence[str]) -> dict[str, str]:
    """Everything that the measured baselines of these builders depend on."""
    chosen = space.settings
    return space.data_inputs() | {
        "model": space.model_digest,
        "backend": chosen.backend,
        "builders": ",".join(builders),
        "builder_settings": digest_of(
            {name: getattr(b, "settings", {}) for name, b in space.builders(builders).items()}
        ),
        "instruction": space.instruction,
        "metric": space.metric_name,
        "max_new_tokens": str(chosen.max_new_tokens),
        "batch_size": str(chosen.batch_size),
        "seed": str(chosen.seed),
        "measured": digest_of(decisive_settings(space)),
    }


def with_earlier(space: Workspace, builders: Sequence[str]) -> tuple[str, ...]:
    """These systems, and those measured in the run folder before under the same conditions.

    Their answers are kept, so measuring them again is free, and no score is forgotten because
    another system was added.
    """
    named = tuple(builders)
    if not space.settings.use_cache or not space.folder.has("baseline"):
        return named
    then = dict(space.folder.origin("baseline").inputs)
    now = evaluation_inputs(space, named)
    own = ("builders", "builder_settings")
    if any(then.get(key) != value for key, value in now.items() if key not in own):
        return named
    earlier = [name for name in then["builders"].split(",") if name and name not in named]
    if earlier:
        told = ", ".join(earlier)
        space.say(f"Measured in this run folder before, and kept: {told}.")
    return (*named, *earlier)


def measured_baselines(
    space: Workspace, builders: Sequence[str], *, may_spend: bool = False, is_whole: bool = False
) -> Baselines:
    """The builders' scores on the test samples; the model is opened on the first prompt.

    `is_whole` asks every sample, whatever is decided early.

    Raises ConsentError where they cost money that nobody agreed to spend.
    """
    retrieval_agreed(space, may_spend=may_spend)
    before = embedding_usage(space)
    digest = space.model_digest
    with LazySession(space.open_session, model_digest=digest) as session:
        bench = make_bench(
            space,
            session,
            backend=space.settings.backend,
            model=space.settings.model,
            is_whole=is_whole,
        )
        is_grown = space.settings.learning_curve and not is_whole
        curve = Curve(space, bench) if is_grown else None
        with closing(bench):
            found = baseline(
                space.samples,
                builders=space.builders(builders),
                corpus=space.documents,
                bench=bench,
                tools=space.tools(),
                agree=lambda bill: agreed(
                    curve.billed(bill) if curve else bill, space, may_spend=may_spend
                ),
                may_search=lambda name: may_search(space, name),
            )
            if curve is not None:
                found = curve.beside(found)
    found = found.model_copy(update={"warnings": (*found.warnings, *embedding_told(space, before))})
    return _counted(space, found, builders)


def _counted(space: Workspace, found: Baselines, builders: Sequence[str]) -> Baselines:
    """The baselines with how they were split, and how often their test part was looked at."""
    record = space.split_record
    looks = max(
        test_ledger.count_use(record.test_digest, _look(evaluation))
        for evaluation in found.evaluations
    )
    tested = [sample for sample in space.samples if sample.split == "test"]
    notes = [
        test_ledger.warning(looks, max(e.n for e in found.evaluations)),
        misfit(space.metric_name, tested),
        locked(Path(space.settings.data)) if space.settings.data else None,
    ]
    undocumented = [name for name in builders if needs_them(registry.system(name))]
    if undocumented and not space.settings.docs:
        told = " and ".join(undocumented)
        notes.append(f"Not measured, for want of documents (--docs PATH): {told}.")
    return found.model_copy(
        update={
            "split": record,
            "test_uses": looks or None,
            "warnings": (*found.warnings, *(note for note in notes if note)),
        }
    )


def _look(evaluation: Evaluation) -> str:
    """What makes a measurement a look of its own."""
    manifest = evaluation.manifest
    return "|".join(
        [
            manifest.backend,
            manifest.model_digest,
            evaluation.builder,
            digest_of(manifest.settings),
            manifest.metric,
        ]
    )


def completed(space: Workspace, baselines: Baselines, *, may_spend: bool = False) -> Baselines:
    """The baselines with the best one measured to its end, where it was stopped early.

    A proof pairs the tuned model with it on as many samples as there are. Raises ConsentError where
    the rest costs money that nobody agreed to spend.
    """
    best = next(e for e in baselines.evaluations if e.builder == baselines.best)
    if best.ended != "decided":
        return baselines
    whole = measured_baselines(space, (best.builder,), may_spend=may_spend, is_whole=True)
    evaluations = tuple(
        whole.evaluations[0] if e.builder == best.builder else e for e in baselines.evaluations
    )
    return baselines.model_copy(update={"evaluations": evaluations})


def tuned_evaluation(
    space: Workspace, result: TrainResult, baselines: Baselines, *, on_shots: bool = False
) -> Evaluation:
    """The tuned model, asked as it was trained, on exactly the samples of the best baseline.

    A look at the test part like any other: whether to keep the model is decided by it.
    """
    served = result.served_by
    backend = registry.backend(served.backend)
    like = next(e for e in baselines.evaluations if e.builder == baselines.best)
    builder = fitted(space, "few_shot" if on_shots else "zero_shot")
    model = tuned_place(space, result)
    is_asked = served.settings.get("base_url") == space.settings.base_url
    told = space.backend_settings() if is_asked and backend.info.spends_money else {}
    with LazySession(lambda: backend.open(model, told | served.settings)) as session:
        bench = make_bench(
            space,
            session,
            backend=served.backend,
            model=f"{result.method} tuned",
            is_whole=not backend.info.spends_money,
            rival=like,
        )
        with closing(bench):
            found = evaluate_again(bench, TUNED, builder, space.samples, like=like)
    test_ledger.count_use(space.split_record.test_digest, _look(found))
    return found


def tuned_place(space: Workspace, result: TrainResult) -> str:
    """The trained model's place: in the run folder, wherever that was moved or copied to.

    The place that the training wrote down is taken only where the folder does not hold the model.
    """
    model = Path(result.served_by.model)
    if not model.is_relative_to(result.output_dir):
        return str(model)
    own = space.folder.path / TRAINING / model.relative_to(result.output_dir)
    return str(model if model.exists() and not own.exists() else own)


def placed(space: Workspace, found: TrainResult | None) -> TrainResult | None:
    """A training, with its model where it lies now."""
    if found is None:
        return None
    served = found.served_by.model_copy(update={"model": tuned_place(space, found)})
    return found.model_copy(update={"served_by": served})


def is_outside(space: Workspace, result: TrainResult) -> bool:
    """Whether the model is one that this run trained, and lies in another folder than the run."""
    is_own = Path(result.served_by.model).is_relative_to(result.output_dir)
    return is_own and not Path(tuned_place(space, result)).is_relative_to(space.folder.path)


def estimate_request(space: Workspace, profile: Profile, decision: Decision) -> EstimateRequest:
    """What the run asks of the estimate: the decision's wishes, the data's lengths, the machine.

    What the user fixed lies over all that.
    """
    chosen = space.settings
    wishes = {"methods": market.USUAL_METHODS, **wishes_of(decision, profile)}
    if space.tunes_encoder:
        wishes |= encoder_wishes()
    if chosen.methods:
        wishes |= {"methods": chosen.methods, "methods_in_line": False}
    wishes["objective"] = objective_of(space, str(wishes["objective"]), wishes["methods"])
    fixed = chosen.plan.get("sequence_length")
    rows = row_lengths(
        space,
        decision,
        objective=wishes["objective"],
        batch_size=int(chosen.plan.get("micro_batch_size") or _micro_batch(space)),
        limit=int(fixed) if fixed else None,
    )
    why = {"examples": "the data", "sequence_length": rows.why or "the recipe"}
    return as_request(
        EstimateRequest(
            **wishes,
            seq_len=rows.sequence_length,
            lengths=rows.lengths,
            gpus=chosen.gpus,
            seed=chosen.seed,
            as_of=today(),
            machine=profile.machine,
            plan_values=chosen.plan,
            told=why | chosen.plan_from,
            method_options={
                name: value
                for name, value in chosen.method_options.items()
                if name not in space.trainer.info.options
            },
            has_general_data=chosen.general_data is not None,
        )
    )


def _micro_batch(space: Workspace) -> int:
    """Sequences that the recipe of the model's size takes together."""
    card = space.tuned_card
    if card is None:
        return 1
    recipe = recipe_for(reference().recipes, registry.method("lora").info, card.parameters)
    return int(recipe.settings["micro_batch_size"].value)


def objective_of(space: Workspace, wished: str, methods: Sequence[str]) -> str:
    """What a run optimises: what the user says, else what the advice names and the data can serve.

    Plain texts, which ask nothing, are continued. Where the data lack what an objective needs, or
    the trainer does not take it with a method, the run trains on answers.
    """
    if space.settings.objective:
        return space.settings.objective
    train = [s for s in space.samples if s.split == "train"] if space.dataset else []
    if train and not any(sample.input or sample.history for sample in train):
        return "cpt"
    if wished in ("sft", "cpt") or not train:
        return "sft"
    found = registry.objective(wished).obstacles(train)
    is_taken = any(takes(space.trainer.info, wished, method) for method in methods)
    is_served = is_taken and all(obstacle.severity != "blocks" for obstacle in found)
    return wished if is_served else "sft"


def estimated(
    space: Workspace,
    request: EstimateRequest,
    *,
    gpus: Sequence[str] = (),
    provider: str | None = None,
) -> Estimate:
    """The request priced on the run's GPU, or on others; this machine costs nothing.

    Where nothing that was advised can be recommended, the other usual methods are priced too.
    Raises UnknownModelError for a service's model that the catalog does not know.
    """
    card = space.tuned_card
    if card is None:
        raise UnknownModelError(
            f"What tuning {space.settings.model} takes cannot be estimated: it is a service's model"
            " that the catalog does not know.",
            hint="Estimate an open model: `advisor estimate --model 8b --method qlora`.",
        )
    cards = gpus or (space.settings.gpu,)
    return market.estimated(request, model=card, gpus=cards, provider=provider)
