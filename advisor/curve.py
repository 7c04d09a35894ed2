"""The learning curve of a run: priced before, measured beside the baselines."""

from __future__ import annotations

from advisor import registry
from advisor.contracts import Configurable, Predictor
from advisor.errors import (
    BackendResponseError,
    CorpusError,
    DatasetError,
    MissingExtraError,
)
from advisor.evaluation.bench import Bench
from advisor.evaluation.growing import curve_bill, learning_curve, usual_systems
from advisor.evaluation.purse import summed
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Sample
from advisor.schema.learning_curve import LearningCurve
from advisor.schema.purse import Bill
from advisor.stages.baseline import without_leaks
from advisor.workspace import Workspace

BUILDER, PREDICTOR = "few_shot", "embedding_classifier"


class Curve:
    """How scores grow with the run's labels, on all of its test samples.

    The looks at the test part count for nothing: nothing is chosen by them.
    """

    def __init__(self, space: Workspace, bench: Bench) -> None:
        self._space = space
        self._bench = bench
        self._train = [sample for sample in space.samples if sample.split == "train"]
        tests = [sample for sample in space.samples if sample.split == "test"]
        self._test: list[Sample] = without_leaks(tests, self._train)[0]
        self._bill: Bill | None = None

    def billed(self, bill: Bill) -> Bill:
        """The baselines' bill with the curve's part; without it where there can be no curve."""
        try:
            own = curve_bill(
                self._bench,
                registry.prompt_builder(BUILDER),
                train=self._train,
                test=self._test,
                tools=self._space.tools(),
            )
        except (DatasetError, CorpusError):
            return bill
        self._bill = summed(bill, own)
        return self._bill

    def beside(self, found: Baselines) -> Baselines:
        """The baselines with the curve, or with a warning on why there is none."""
        changes: dict[str, object] = {}
        try:
            changes["learning_curve"] = self._measured()
        except (DatasetError, MissingExtraError, BackendResponseError) as error:
            changes["warnings"] = (*found.warnings, f"No learning curve: {error.message}")
        bill = self._bill or found.bill
        if bill is not None:
            kept = {"detectable": found.bill.detectable} if found.bill else {}
            changes["bill"] = self._bench.purse.settled(bill.model_copy(update=kept))
        return found.model_copy(update=changes)

    def _measured(self) -> LearningCurve:
        space, bench = self._space, self._bench
        systems = usual_systems(
            bench,
            train=self._train,
            test=self._test,
            builder=lambda: registry.prompt_builder(BUILDER),
            predictor=learner(),
            tools=space.tools(),
        )
        return learning_curve(
            systems,
            train=self._train,
            test=self._test,
            metric=bench.metric,
            target=space.answers.task.target,
            seed=space.settings.seed,
        )


def learner() -> Predictor:
    """The classifier, told that targets are labels: a curve begins with one sample of each."""
    found = registry.predictor(PREDICTOR)
    return found.configured({"targets": "labels"}) if isinstance(found, Configurable) else found
