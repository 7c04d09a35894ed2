"""The order of the stages: profile, decide, estimate, baseline, gate, train, verify, report.

Every stage reads what the earlier ones left in the run folder and leaves one document of its own. A
document that was made from the same inputs is not made again, so a second call continues the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from advisor.artifacts import Origin, RunFolder, Stage, digest_of, write_text
from advisor.assembly import (
    estimate_request,
    estimated,
    evaluation_inputs,
    measured_baselines,
    measured_profile,
    placed,
    told,
    with_earlier,
)
from advisor.beside import all_sources, beside, check_data
from advisor.catalog.query import LOCAL
from advisor.errors import DoesNotFitError
from advisor.kept_settings import save_settings
from advisor.market import remember
from advisor.proving import changed_weights, proof_inputs, proved, tolerate_for
from advisor.render.html import to_html
from advisor.render.markdown import to_markdown
from advisor.rulebook.handover import SHOTS_KEY
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Advice, Decision
from advisor.schema.estimate import Estimate, Option
from advisor.schema.gate import GateVerdict
from advisor.schema.plan import Plan
from advisor.schema.profile import Profile
from advisor.schema.report import Report
from advisor.schema.run import RunSettings
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.secrets import masked
from advisor.small_model_run import advised
from advisor.stages.decide import decide
from advisor.stages.estimate.plan.stated import changed
from advisor.stages.gate import gate
from advisor.stages.report import report
from advisor.standing import made_with, refuse_changed, refuse_stale, samples, warnings
from advisor.training_set import has_shots, shots_note, shots_rule, training_samples
from advisor.tuning import (
    UNANSWERING,
    Limit,
    is_served,
    limit_of,
    may_use,
    override_note,
    refuse_elsewhere,
    refuse_unanswering,
    service_plan,
    trained,
    training_inputs,
    training_job,
    why_not,
)
from advisor.workspace import Workspace

__all__ = ["Consent", "Pipeline", "agree", "run"]

V = TypeVar("V", bound=BaseModel)
Consent = Callable[[GateVerdict, Option], bool]


def agree(verdict: GateVerdict, option: Option) -> bool:  # noqa: ARG001 - the shape of Consent
    """Consent given beforehand."""
    return True


class Pipeline:
    """The stages over one run folder; each method makes its document or reads the current one."""

    def __init__(self, workspace: Workspace, *, may_spend: bool = False) -> None:
        self.workspace = workspace
        self.folder = workspace.folder
        self.settings = workspace.settings
        self.may_spend = may_spend
        """Whether plugins that cost money may be used."""
        self.made: list[Stage] = []
        """Stages made anew by this object, in order."""

    def _current(self, origin: Origin, kind: type[V], make: Callable[[], V]) -> V:
        """The stored document when it was made from these inputs, else a new one."""
        if self.folder.is_current(origin):
            return self.folder.read(origin.stage, kind)
        return self._make(origin, make())

    def _make(self, origin: Origin, value: V) -> V:
        self.folder.write(value, origin)
        self.made.append(origin.stage)
        return value

    def profile(self) -> Profile:
        """Stage 1: answers, measured data, documents and machine."""
        space = self.workspace
        origin = Origin(
            stage="profile",
            inputs=space.data_inputs()
            | {
                "answers": digest_of(space.answers.model_dump()),
                "model_name": self.settings.model,
            },
        )
        return self._current(origin, Profile, lambda: measured_profile(space))

    def decide(self) -> Decision:
        """Stage 2: rank the approaches before anything is measured."""
        return self._advice(self.profile()).decision

    def _advice(self, profile: Profile) -> Advice:
        rulebook = self.workspace.rulebook
        origin = Origin(
            stage="decide",
            made_from=self.folder.made_from("profile"),
            rulebook_digest=rulebook.digest,
        )
        return self._current(
            origin, Advice, lambda: Advice(profile=profile, decision=decide(profile, rulebook))
        )

    def estimate(
        self,
        overrides: Mapping[str, object] | None = None,
        *,
        gpus: Sequence[str] = (),
        provider: str | None = None,
    ) -> Estimate:
        """Stage 3: memory, hours and money of the tuning options; `overrides` of the request."""
        decision, space = self.decide(), self.workspace
        request = estimate_request(space, self.profile(), decision)
        request = changed(request, overrides or {})
        origin = Origin(
            stage="estimate",
            made_from=self.folder.made_from("profile"),
            inputs={
                "request": digest_of(request.model_dump()),
                "model_name": self.settings.model,
                "gpu": ",".join(gpus) or self.settings.gpu,
                "provider": provider or "",
                "catalog": space.catalog_digest,
            },
            prices_as_of=request.as_of,
        )
        return self._current(
            origin, Estimate, lambda: estimated(space, request, gpus=gpus, provider=provider)
        )

    def baseline(self) -> Baselines:
        """Stage 4: every untuned system on the same test samples.

        Measured are the builders that were named, else those that the decision asks for.
        """
        space = self.workspace
        builders = with_earlier(space, self.settings.builders or self.decide().builders)
        self.profile()
        origin = Origin(stage="baseline", inputs=evaluation_inputs(space, builders))

        def make() -> Baselines:
            check_data(space)
            return told(space, measured_baselines(space, builders, may_spend=self.may_spend))

        found = self._current(origin, Baselines, make)
        if found.unsettled and "baseline" not in self.made:
            found = self._make(origin, make())
        return found

    def gate(self, *, target: float | None = None) -> GateVerdict:
        """Stage 5: is training warranted, given what was measured; no model is called."""
        profile, baselines = self.profile(), self.baseline()
        estimate = self.estimate() if self.workspace.card else None
        goal = profile.task.target if target is None else target
        return self._judge(profile, baselines, estimate, goal)

    def regate(self, *, target: float | None = None) -> GateVerdict:
        """Stage 5 again from stored documents: other rules or another target; no model is called.

        Without an estimate one is made first. Raises StaleArtifactError when the documents do not
        belong together, MissingArtifactError without baselines.
        """
        refuse_stale(self.folder, "estimate", "baseline")
        baselines = self.folder.read("baseline", Baselines)
        if not self.folder.has("estimate") and self.workspace.card:
            refuse_changed(self.workspace)
            self.estimate()
        profile = self.folder.read("profile", Profile)
        has_estimate = self.folder.has("estimate")
        estimate = self.folder.read("estimate", Estimate) if has_estimate else None
        goal = profile.task.target if target is None else target
        return self._judge(profile, baselines, estimate, goal)

    def _judge(
        self,
        profile: Profile,
        baselines: Baselines,
        estimate: Estimate | None,
        target: float | None,
    ) -> GateVerdict:
        rulebook = self.workspace.rulebook
        origin = Origin(
            stage="gate",
            made_from=self.folder.made_from("profile", "estimate", "baseline"),
            inputs={"target": str(target)},
            rulebook_digest=rulebook.digest,
        )
        return self._current(
            origin,
            GateVerdict,
            lambda: told(
                self.workspace,
                gate(
                    baselines=baselines,
                    estimate=estimate,
                    profile=profile,
                    rulebook=rulebook,
                    target=target,
                ),
            ),
        )

    def option(self) -> Option:
        """The tuning option that training would use: the estimate's recommendation.

        Raises DoesNotFitError when none fits.
        """
        estimate = self.folder.read("estimate", Estimate)
        option = estimate.recommended_option
        if option is None:
            raise DoesNotFitError(
                "No tuning option fits the memory at hand.",
                hint=estimate.nearest or "Choose a smaller model or a larger GPU.",
            )
        return option

    def may_train(self) -> str:
        """Why training may not begin, as a sentence; empty where it may."""
        return why_not(self.workspace)

    def train(self, *, resume: bool = True) -> TrainResult:
        """Stage 6: tune by the recommended option's plan, on this machine.

        Raises PlanError when the plan is for another machine, ConsentError when the trainer spends
        money without leave, DatasetError for samples that the objective cannot learn from,
        TrainingError when a limit ended it, and what the trainer raises.
        """
        space = self.workspace
        may_use(space.trainer.info, may_spend=self.may_spend)
        option = None if is_served(space) else self.option()
        if option:
            refuse_elsewhere(space, option)
        origin = self._train_origin(self.plan())

        def make() -> TrainResult:
            return self._trained(option, resume=resume)

        return self._current(origin, TrainResult, make) if resume else self._make(origin, make())

    def plan(self) -> Plan:
        """What training follows: the recommended option's plan, or what a service is asked for.

        Raises DoesNotFitError when no option fits.
        """
        space = self.workspace
        return service_plan(space) if is_served(space) else self.option().plan

    def _trained(self, option: Option | None, *, resume: bool) -> TrainResult:
        """What training took is kept, so that later estimates for this machine can rest on it."""
        space, profile = self.workspace, self.folder.read("profile", Profile)
        trained_on = training_samples(space, self.decide())
        job = training_job(
            space, self.plan(), trained_on, option=option, limit=Limit(), resume=resume
        )
        limit = limit_of(space, profile, job)
        result = trained(space, job.model_copy(update={"max_hours": limit.hours}), limit)
        rule = shots_rule(self.decide())
        notes = [override_note(self.workspace, self.folder)]
        if rule:
            notes.append(shots_note(rule, used=self._has_shots()))
        told = (*result.notes, *(note for note in notes if note))
        if option and option.gpu == LOCAL:
            remember(option, result, profile.machine)
        return result.model_copy(update={"notes": told, "plan": self.plan()})

    def _has_shots(self) -> bool:
        space = self.workspace
        return has_shots(space, training_samples(space, self.decide()))

    def _train_origin(self, plan: Plan) -> Origin:
        space = self.workspace
        shots = {SHOTS_KEY: "few_shot"} if self._has_shots() else {}
        return Origin(
            stage="train",
            inputs=space.data_inputs() | training_inputs(space, plan) | shots,
        )

    def verify(self) -> Verification:
        """Stage 7: the tuned model against every baseline on the same samples."""
        space = self.workspace
        training = self.folder.read("train", TrainResult)
        refuse_unanswering(training)
        tolerate_for(space, training)
        origin = Origin(
            stage="verify",
            made_from=self.folder.made_from("baseline", "train"),
            inputs={
                "plan": digest_of((training.plan or self.plan()).model_dump()),
                **proof_inputs(space, training),
            },
        )

        def make() -> Verification:
            return proved(
                space,
                training,
                measured=training,
                estimate=self._estimate_of(training),
                may_spend=self.may_spend,
            )

        return self._current(origin, Verification, make)

    def _estimate_of(self, training: TrainResult) -> Option | None:
        """The estimate of the plan that was trained; None where another was estimated since."""
        if is_served(self.workspace):
            return None
        option = self.option()
        return option if training.plan in (None, option.plan) else None

    def report(self) -> Report:
        """Stage 8: everything the folder holds as one value, and as report.md and report.html."""
        folder = self.folder
        advice = self._advice(folder.read("profile", Profile))
        verdict = self._fresh("gate", GateVerdict)
        value = report(
            name=self.settings.name,
            run_dir=str(folder.path),
            profile=advice.profile,
            decision=advice.decision,
            estimate=self._fresh("estimate", Estimate),
            baselines=self._fresh("baseline", Baselines),
            gate=verdict,
            training=placed(self.workspace, self._fresh("train", TrainResult)),
            verification=self._fresh("verify", Verification),
            samples=samples(self.workspace),
            sources=all_sources(self.workspace),
            warnings=(*warnings(self.workspace), *changed_weights(self.workspace)),
            made_with=made_with(self.workspace),
            override=self.settings.gate_override or "",
            beside=beside(self.workspace),
        )
        write_text(folder.path / "report.md", masked(to_markdown(value)))
        write_text(folder.path / "report.html", masked(to_html(value)))
        return value

    def _fresh(self, stage: Stage, kind: type[V]) -> V | None:
        return self.folder.read(stage, kind) if self.folder.freshness(stage) == "fresh" else None

    def run(self, consent: Consent = agree) -> Report:
        """Every stage in order; training where the gate says train or is overridden.

        `consent` is asked before it begins. A plan for another machine ends with the gate. Raises
        ConsentError when a plugin would spend money and `may_spend` is false.
        """
        self.workspace.check()
        may_use(self.workspace.trainer.info, may_spend=self.may_spend)
        save_settings(self.settings, self.folder)
        chosen = advised(self.settings, self.gate())
        if chosen is not None:
            self.workspace.tune_as(chosen)
            self.settings = self.workspace.settings
        if not why_not(self.workspace):
            option = self.option()
            is_here = option.gpu == LOCAL or not self.workspace.trainer.info.trains_here
            if is_here and (self._is_trained(option) or consent(self.gate(), option)):
                made = self.train()
                if made.objective not in UNANSWERING:
                    self.verify()
        return self.report()

    def _is_trained(self, option: Option) -> bool:
        return self.folder.is_current(self._train_origin(option.plan))


def run(settings: RunSettings, run_dir: Path, *, consent: Consent = agree) -> Report:
    """The whole path on one run folder, without a screen: the Python way in.

    Raises any AdvisorError; a second call on the same folder continues the first.
    """
    return Pipeline(Workspace(settings, RunFolder(run_dir))).run(consent)
