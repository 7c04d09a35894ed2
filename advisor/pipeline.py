"""The order of the stages: profile, decide, estimate, baseline, gate, train, verify, report.

Every stage reads what the earlier ones left in the run folder and leaves one document of its own. A
document that was made from the same inputs is not made again, so a second call continues the first.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from advisor import __version__
from advisor.artifacts import Origin, RunFolder, Stage, digest_of, today, write_text
from advisor.assembly import (
    estimate_request,
    estimated,
    evaluation_inputs,
    measured_baselines,
    measured_profile,
    told,
    tuned_evaluation,
)
from advisor.errors import ConsentError, DatasetError, DoesNotFitError, MissingArtifactError
from advisor.render.html import to_html
from advisor.render.markdown import to_markdown
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Advice, Decision
from advisor.schema.estimate import Estimate, Option
from advisor.schema.evaluation import Sample
from advisor.schema.gate import GateVerdict
from advisor.schema.profile import Profile
from advisor.schema.report import Report
from advisor.schema.run import RunSettings
from advisor.schema.train import TrainJob, TrainResult
from advisor.schema.verify import Verification
from advisor.stages.decide import decide
from advisor.stages.gate import gate
from advisor.stages.report import report
from advisor.stages.train import train
from advisor.stages.verify import verify
from advisor.workspace import Workspace

__all__ = ["Consent", "Pipeline", "agree", "run"]

V = TypeVar("V", bound=BaseModel)
Consent = Callable[[GateVerdict, Option], bool]


def agree(verdict: GateVerdict, option: Option) -> bool:  # noqa: ARG001 - the shape of Consent
    """Consent given beforehand."""
    return True


class Pipeline:
    """The stages over one run folder; each method makes its document or reads the current one."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folder = workspace.folder
        self.settings = workspace.settings
        self.made: list[Stage] = []
        """Stages made anew by this object, in order."""

    def _current(self, origin: Origin, kind: type[V], make: Callable[[], V]) -> V:
        """The stored document when it was made from these inputs, else a new one."""
        if self.folder.is_current(origin):
            return self.folder.read(origin.stage, kind)
        value = make()
        self.folder.write(value, origin)
        self.made.append(origin.stage)
        return value

    def profile(self) -> Profile:
        """Stage 1: answers, measured data, documents and machine."""
        space = self.workspace
        origin = Origin(
            stage="profile",
            inputs=space.data_inputs() | {"answers": digest_of(space.answers.model_dump())},
        )
        return self._current(origin, Profile, lambda: measured_profile(space))

    def decide(self) -> Decision:
        """Stage 2: rank the approaches before anything is measured."""
        profile, space = self.profile(), self.workspace
        origin = Origin(
            stage="decide",
            made_from=self.folder.made_from("profile"),
            rulebook_digest=space.rulebook.digest,
        )

        def make() -> Advice:
            return Advice(profile=profile, decision=decide(profile, space.rulebook))

        return self._current(origin, Advice, make).decision

    def estimate(self) -> Estimate:
        """Stage 3: memory, hours and money of the tuning options."""
        decision, space = self.decide(), self.workspace
        request = estimate_request(space, self.profile(), decision)
        origin = Origin(
            stage="estimate",
            made_from=self.folder.made_from("profile"),
            inputs={
                "request": digest_of(request.model_dump()),
                "model_name": self.settings.model,
                "gpu": self.settings.gpu,
            },
            prices_as_of=today(),
        )
        return self._current(origin, Estimate, lambda: estimated(space, request))

    def baseline(self) -> Baselines:
        """Stage 4: every untuned system on the same test samples."""
        self.profile()
        space = self.workspace
        origin = Origin(stage="baseline", inputs=evaluation_inputs(space))
        return self._current(origin, Baselines, lambda: told(space, measured_baselines(space)))

    def gate(self, *, target: float | None = None) -> GateVerdict:
        """Stage 5: is training warranted, given what was measured; no model is called."""
        profile, baselines, estimate = self.profile(), self.baseline(), self.estimate()
        goal = profile.task.target if target is None else target
        return self._judge(profile, baselines, estimate, goal)

    def regate(self, *, target: float | None = None) -> GateVerdict:
        """Stage 5 again from stored documents alone: other rules or another target."""
        profile = self.folder.read("profile", Profile)
        baselines = self.folder.read("baseline", Baselines)
        estimate = self.folder.read("estimate", Estimate) if self.folder.has("estimate") else None
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
        if estimate.recommended is None:
            raise DoesNotFitError(
                "No tuning option fits the memory at hand.",
                hint=estimate.nearest or "Choose a smaller model or a larger GPU.",
            )
        return estimate.options[estimate.recommended]

    def train(self, *, resume: bool = True) -> TrainResult:
        """Stage 6: tune by the recommended option's plan."""
        space, option = self.workspace, self.option()
        job = TrainJob(
            plan=option.plan.model_copy(update={"model": space.model_path}),
            instruction=space.instruction,
            train_samples=tuple(s for s in space.samples if s.split == "train"),
            dev_samples=tuple(s for s in space.samples if s.split == "dev"),
            output_dir=str(self.folder.path / "training"),
            resume=resume,
        )
        origin = Origin(
            stage="train",
            inputs=space.data_inputs()
            | {
                "plan": digest_of(option.plan.model_dump()),
                "trainer": self.settings.trainer,
                "instruction": space.instruction,
                "model": space.model_digest,
            },
        )
        return self._current(
            origin,
            TrainResult,
            lambda: train(job, trainer=space.trainer, tools=space.tools()),
        )

    def verify(self) -> Verification:
        """Stage 7: the tuned model against every baseline on the same samples."""
        space = self.workspace
        training = self.folder.read("train", TrainResult)
        baselines = self.folder.read("baseline", Baselines)
        verdict = self.folder.read("gate", GateVerdict)
        origin = Origin(
            stage="verify",
            made_from=self.folder.made_from("baseline", "train"),
            inputs={"target": str(verdict.target)},
        )

        def make() -> Verification:
            proof = verify(
                result=training,
                tuned=tuned_evaluation(space, training, baselines),
                baselines=baselines,
                estimate=self.option(),
                target=verdict.target,
            )
            return told(space, proof)

        return self._current(origin, Verification, make)

    def report(self) -> Report:
        """Stage 8: everything the folder holds as one value, and as report.md and report.html."""
        folder = self.folder
        advice = folder.read("decide", Advice)
        verdict = self._fresh("gate", GateVerdict)
        trains = verdict is not None and verdict.verdict == "train"
        value = report(
            name=self.settings.name,
            run_dir=str(folder.path),
            profile=advice.profile,
            decision=advice.decision,
            estimate=self._fresh("estimate", Estimate),
            baselines=self._fresh("baseline", Baselines),
            gate=verdict,
            training=self._fresh("train", TrainResult) if trains else None,
            verification=self._fresh("verify", Verification) if trains else None,
            samples=self._samples(),
            sources=self.workspace.rulebook.sources,
            warnings=self._warnings(),
            made_with=self._made_with(),
        )
        write_text(folder.path / "report.md", to_markdown(value))
        write_text(folder.path / "report.html", to_html(value))
        return value

    def _fresh(self, stage: Stage, kind: type[V]) -> V | None:
        return self.folder.read(stage, kind) if self.folder.freshness(stage) == "fresh" else None

    def _samples(self) -> tuple[Sample, ...]:
        """The samples for the failure examples; none when the data file is no longer there."""
        try:
            return self.workspace.samples
        except DatasetError:
            return ()

    def _warnings(self) -> tuple[str, ...]:
        stale = [
            s
            for s in ("estimate", "baseline", "gate", "train", "verify")
            if self.folder.freshness(s) == "stale"
        ]
        found = [
            f"The {stage} document is stale: its inputs have changed since." for stage in stale
        ]
        return tuple(found)

    def _made_with(self) -> dict[str, str]:
        return {
            "advisor": __version__,
            "model": self.settings.model,
            "trainer": self.settings.trainer,
            "seed": str(self.settings.seed),
            "rulebook": self.workspace.rulebook.digest,
        }

    def run(self, consent: Consent = agree, *, may_spend: bool = False) -> Report:
        """Every stage in order; training only when the gate says train and `consent` agrees.

        Raises ConsentError when training would spend money and `may_spend` is false.
        """
        self.workspace.look_up_plugins()
        self.workspace.save_settings()
        verdict = self.gate()
        if verdict.verdict == "train":
            if self.workspace.trainer.info.spends_money and not may_spend:
                raise ConsentError(
                    f"The trainer '{self.settings.trainer}' spends money; nobody agreed to that.",
                    hint="Add --yes to agree.",
                )
            if consent(verdict, self.option()):
                self.train()
                self.verify()
        return self.report()


def run(settings: RunSettings, run_dir: Path, *, consent: Consent = agree) -> Report:
    """The whole path on one run folder, without a screen: the Python way in.

    Raises any AdvisorError; a second call on the same folder continues the first.
    """
    return Pipeline(Workspace(settings, RunFolder(run_dir))).run(consent)


def require(folder: RunFolder, stage: Stage) -> None:
    """Raise MissingArtifactError unless an earlier stage has left its document."""
    if not folder.has(stage):
        raise MissingArtifactError(
            f"{folder.file(stage).name} is not there yet.",
            hint=f"Run `advisor {stage} --run-dir {folder.path}` or `advisor run` first.",
            where=str(folder.path),
        )
