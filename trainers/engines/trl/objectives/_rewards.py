"""What a completion is worth: by the run's metric, a function of the user's, a reward model."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from advisor.contracts import Scoring, Tools
from advisor.errors import AdvisorError, PlanError, TrainingError
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob
from trainers.engines.trl._rows import place_of
from trainers.objectives.drawing import RewardSource, reward_source

Worth = Callable[[Sequence[Sample], Sequence[str]], list[float]]
"""Samples and a completion of each, to numbers: more is better."""


def worth_of(job: TrainJob, tools: Tools) -> Worth:
    """What the plan's option `reward` names.

    Raises PlanError where nothing can score, or the file, function or folder is not there or is
    none, and ModelFolderError for a reward model that cannot be opened.
    """
    source = reward_source(job.plan)
    if source.kind == "function":
        return FunctionWorth(source)
    if source.kind == "model":
        from trainers.engines.trl.objectives._reward_model import open_reward  # noqa: PLC0415

        return open_reward(Path(source.path), job, tools)
    if tools.scoring is None:
        raise PlanError(
            "Nothing can score completions: the run has no metric that costs no money.",
            hint="Give --option reward=FILE.py:FUNCTION, --option reward=FOLDER of a reward model,"
            " or a metric with --metric.",
        )
    return MetricWorth(tools.scoring)


class MetricWorth:
    """The run's own metric, turned round where less is better."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        self._sign = 1.0 if scoring.higher_is_better else -1.0

    def __call__(self, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
        """A value per text."""
        return [self._sign * value for value in self._scoring.values(samples, texts)]


class FunctionWorth:
    """A function of the user's: (prompt, completion, target) to a number."""

    def __init__(self, source: RewardSource) -> None:
        self._name = f"{source.path}:{source.function}"
        self._function = _loaded(Path(source.path).expanduser().resolve(), source.function)

    def __call__(self, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
        """A value per text. Raises TrainingError for a failure, or for no finite number."""
        return [self._value(one, text) for one, text in zip(samples, texts, strict=True)]

    def _value(self, sample: Sample, text: str) -> float:
        try:
            value = self._function(sample.input, text, sample.target)
        except Exception as error:  # whatever a foreign function does
            raise TrainingError(
                f"The reward function {self._name} failed: {type(error).__name__}: {error}",
                hint="It is called as function(prompt, completion, target), with texts.",
                where=place_of(sample),
            ) from error
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        raise TrainingError(
            f"The reward function {self._name} returned {value!r}, which is no finite number.",
            hint="Return a number: more for a better completion.",
            where=place_of(sample),
        )


def _loaded(path: Path, name: str) -> Callable[[str, str, str], Any]:
    """The function of that name in a file of Python."""
    if not path.is_file():
        raise PlanError(
            f"There is no file {path} with a reward function.",
            hint="Give --option reward=FILE.py:FUNCTION.",
            where=str(path),
        )
    module_name = f"advisor_reward_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PlanError(f"{path} cannot be read as Python.", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and the like look there
    try:
        spec.loader.exec_module(module)
    except AdvisorError:
        raise
    except Exception as error:  # whatever a foreign file does
        raise PlanError(
            f"{path} cannot be run: {type(error).__name__}: {error}",
            hint="Run it by itself to see why.",
            where=str(path),
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        have = sorted(k for k, v in vars(module).items() if callable(v) and not k.startswith("_"))
        raise PlanError(
            f"{path} has no function '{name}'.",
            hint=f"It has: {', '.join(have) or 'none'}.",
            where=str(path),
        )
    return function  # type: ignore[no-any-return]
