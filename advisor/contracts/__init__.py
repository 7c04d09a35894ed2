"""What a plugin must be able to do: structural protocols, nothing to inherit.

A plugin is a class or object named by an entry point (`GROUPS`). `info` is cheap and
imports nothing heavy. The conformance suites under `tests/conformance/` state the promises behind
each protocol.
"""

from __future__ import annotations

from collections.abc import Callable

from advisor.contracts.answering import (
    Deciding,
    Likelihood,
    ModelBackend,
    Predictor,
    PromptBuilder,
    Reading,
    Restoring,
    Retrieving,
    Searching,
    Session,
    Streaming,
    Telling,
)
from advisor.contracts.launching import Launcher
from advisor.contracts.options import Configurable, Lacking
from advisor.contracts.retrieving import (
    Arraying,
    Asymmetric,
    DocumentReader,
    Embedder,
    Equipped,
    Filtering,
    Retriever,
    Updating,
    Windowed,
)
from advisor.contracts.scoring import Judging, Metric, Signed, Totalling
from advisor.contracts.shipping import Combiner, Exporter, Foreseeing
from advisor.contracts.training import (
    Applied,
    Applying,
    Bill,
    Billing,
    Keeping,
    Method,
    Objective,
    Reporting,
    RowMeter,
    Tracer,
    Trainer,
)
from advisor.contracts.world import Emit, ModelUnderTest, Progress, Scoring, Tools
from advisor.schema.plugin import MethodInfo, MetricInfo, PluginInfo, TrainerInfo

__all__ = [
    "GROUPS",
    "Applied",
    "Applying",
    "Arraying",
    "Asymmetric",
    "Bill",
    "Billing",
    "Clock",
    "Combiner",
    "Configurable",
    "Deciding",
    "DocumentReader",
    "Embedder",
    "Emit",
    "Equipped",
    "Exporter",
    "Filtering",
    "Foreseeing",
    "Judging",
    "Keeping",
    "Lacking",
    "Launcher",
    "Likelihood",
    "Method",
    "MethodInfo",
    "Metric",
    "MetricInfo",
    "ModelBackend",
    "ModelUnderTest",
    "Objective",
    "PluginInfo",
    "Predictor",
    "Progress",
    "PromptBuilder",
    "Reading",
    "Reporting",
    "Restoring",
    "Retriever",
    "Retrieving",
    "RowMeter",
    "Scoring",
    "Searching",
    "Session",
    "Signed",
    "Streaming",
    "Telling",
    "Tools",
    "Totalling",
    "Tracer",
    "Trainer",
    "TrainerInfo",
    "Updating",
    "Windowed",
]

GROUPS: dict[str, type] = {
    "advisor.trainers": Trainer,
    "advisor.methods": Method,
    "advisor.objectives": Objective,
    "advisor.backends": ModelBackend,
    "advisor.prompting": PromptBuilder,
    "advisor.predictors": Predictor,
    "advisor.metrics": Metric,
    "advisor.retrievers": Retriever,
    "advisor.embedders": Embedder,
    "advisor.readers": DocumentReader,
    "advisor.launchers": Launcher,
    "advisor.exporters": Exporter,
    "advisor.combiners": Combiner,
}

Clock = Callable[[], float]
