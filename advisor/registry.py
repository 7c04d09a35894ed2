"""Entry points to plugins: listed without importing, then imported and checked by contract."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from advisor.contracts import (
    GROUPS,
    Combiner,
    Configurable,
    DocumentReader,
    Embedder,
    Exporter,
    Method,
    Metric,
    ModelBackend,
    Objective,
    Predictor,
    PromptBuilder,
    Restoring,
    Retriever,
    Trainer,
)
from advisor.errors import (
    DuplicatePluginError,
    InputError,
    PluginContractError,
    UnknownPluginError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoints, SelectableGroups

NO_PPO = (
    "TRL removed its PPO trainer in 2026; reinforcement from feedback is done with GRPO or RLOO.",
    "Train a reward model (--objective reward), then --objective grpo --option reward=FOLDER.",
)
RETIRED = {("advisor.objectives", name): NO_PPO for name in ("ppo", "rlhf")}
"""Group and name of what people look for and is no more -> why, and what to use."""
ENVIRONMENT_LIMIT = "ADVISOR_PLUGINS"
OURS = "finetune-advisor"


def _noun(group: str) -> str:
    words = {"advisor.prompting": "prompt builder", "advisor.backends": "model backend"}
    return words.get(group, group.removeprefix("advisor.").removesuffix("s"))


def _allowed(point: EntryPoint) -> bool:
    """`ADVISOR_PLUGINS=a,b` limits loading to distributions a and b, beside our own."""
    limit = os.environ.get(ENVIRONMENT_LIMIT)
    if limit is None or point.dist is None:
        return True
    return point.dist.name in {OURS, *(n.strip() for n in limit.split(","))}


@cache
def _installed(path: tuple[str, ...]) -> SelectableGroups | EntryPoints:  # noqa: ARG001 - cache key
    """Every entry point there is: the installed packages are gone through once, not by group."""
    return entry_points()


@cache
def _points(group: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in _installed(tuple(sys.path)).select(group=group):
        if not _allowed(point):
            continue
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            owners = sorted(p.dist.name if p.dist else "?" for p in (other, point))
            claim = " and ".join(owners)
            msg = f"Two packages claim the {_noun(group)} '{point.name}': {claim}."
            raise DuplicatePluginError(
                msg,
                hint=f"Uninstall one, or set {ENVIRONMENT_LIMIT} to the one you want.",
                where=group,
            )
        found[point.name] = point
    return found


def names(group: str) -> tuple[str, ...]:
    """Names registered under a group, sorted; nothing is imported."""
    return tuple(sorted(_points(group)))


def owner(group: str, name: str) -> str:
    """The distribution that brings a plugin."""
    dist = _points(group)[name].dist
    return dist.name if dist else "?"


def get(group: str, name: str) -> object:
    """The plugin, imported on first use; a registered class gives a fresh instance each time.

    Raises UnknownPluginError with a suggestion, PluginContractError naming what is missing.
    """
    points = _points(group)
    if name not in points and (group, name) in RETIRED:
        why, hint = RETIRED[group, name]
        msg = f"Unknown {_noun(group)} '{name}': {why}"
        raise UnknownPluginError(msg, hint=hint, where=group)
    if name not in points:
        import difflib  # noqa: PLC0415 - only a mistyped name pays for it

        close = difflib.get_close_matches(name, points, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        msg = f"Unknown {_noun(group)} '{name}'.{guess}"
        raise UnknownPluginError(
            msg, hint=f"Available: {', '.join(sorted(points)) or 'none'}.", where=group
        )
    plugin = points[name].load()
    if isinstance(plugin, type):
        plugin = plugin()
    contract = GROUPS[group]
    missing = [m for m in _members(contract) if not hasattr(plugin, m)]
    if missing:
        msg = f"The {_noun(group)} '{name}' from {points[name].value} lacks: {', '.join(missing)}."
        raise PluginContractError(
            msg, hint=f"See {contract.__name__} in advisor/contracts/.", where=points[name].value
        )
    return plugin


def _members(contract: type) -> tuple[str, ...]:
    return tuple(m for m in vars(contract) if not m.startswith("_"))


def trainer(name: str) -> Trainer:
    """The trainer of that name."""
    return cast("Trainer", get("advisor.trainers", name))


def method(name: str) -> Method:
    """The method of that name."""
    return cast("Method", get("advisor.methods", name))


def objective(name: str) -> Objective:
    """The objective of that name."""
    return cast("Objective", get("advisor.objectives", name))


def backend(name: str) -> ModelBackend:
    """The backend of that name, with access to the methods where it opens what they keep."""
    found = get("advisor.backends", name)
    if isinstance(found, Restoring):
        found = found.restoring(method)
    return cast("ModelBackend", found)


def prompt_builder(name: str) -> PromptBuilder:
    """The prompt builder of that name."""
    return cast("PromptBuilder", get("advisor.prompting", name))


def system(name: str) -> PromptBuilder | Predictor:
    """What can be measured under that name: a prompt builder, or a predictor.

    Raises UnknownPluginError naming both kinds, and what `get` raises.
    """
    builders, predictors = names("advisor.prompting"), names("advisor.predictors")
    if name in predictors and name not in builders:
        return predictor(name)
    if name in builders:
        return prompt_builder(name)
    import difflib  # noqa: PLC0415 - only a mistyped name pays for it

    close = difflib.get_close_matches(name, (*builders, *predictors), n=1)
    guess = f" Did you mean '{close[0]}'?" if close else ""
    raise UnknownPluginError(
        f"Unknown prompt builder '{name}'.{guess}",
        hint=f"Available: {', '.join(builders)}; without a language model: "
        f"{', '.join(predictors)}.",
        where="advisor.prompting",
    )


def predictor(name: str) -> Predictor:
    """The predictor of that name."""
    return cast("Predictor", get("advisor.predictors", name))


def metric(name: str) -> Metric:
    """The metric of that name."""
    return cast("Metric", get("advisor.metrics", name))


def configured_system(name: str, options: Mapping[str, str]) -> PromptBuilder | Predictor:
    """What `system` gives, with its options out of all: those that begin with its name.

    Raises InputError where options are given to one that takes none.
    """
    found = system(name)
    own = {k.removeprefix(f"{name}."): v for k, v in options.items() if k.startswith(f"{name}.")}
    if isinstance(found, Configurable):
        return cast("PromptBuilder | Predictor", found.configured(own))
    if own:
        raise InputError(
            f"{name} takes no options, got {', '.join(sorted(own))}.",
            hint=f"Leave --builder-option {name}. out.",
            where=f"prompt builder {name}",
        )
    return found


def configured_retriever(name: str, options: Mapping[str, str]) -> Retriever:
    """The retriever of that name with its options; raises InputError where it takes none."""
    found = retriever(name)
    if isinstance(found, Configurable):
        return cast("Retriever", found.configured(options))
    if options:
        raise InputError(
            f"The retriever {name} takes no options, got {', '.join(sorted(options))}.",
            hint="Leave --retriever-option out.",
            where=f"retriever {name}",
        )
    return found


def configured_metric(name: str, options: Mapping[str, str], *, beside: bool = False) -> Metric:
    """The metric of that name with its options.

    An option is `key` for the main metric, `metric.key` for any. Raises InputError where options
    are given to a metric that takes none.
    """
    own = {k.removeprefix(f"{name}."): v for k, v in options.items() if k.startswith(f"{name}.")}
    if not beside:
        own |= {k: v for k, v in options.items() if "." not in k}
    plugin = metric(name)
    if isinstance(plugin, Configurable):
        return cast("Metric", plugin.configured(own))
    if own:
        raise InputError(
            f"The metric {name} takes no options, got {', '.join(sorted(own))}.",
            hint="Leave --metric-option out.",
            where=f"metric {name}",
        )
    return plugin


def retriever(name: str) -> Retriever:
    """The retriever of that name."""
    return cast("Retriever", get("advisor.retrievers", name))


def embedder(name: str) -> Embedder:
    """The embedder of that name."""
    return cast("Embedder", get("advisor.embedders", name))


def reader(name: str) -> DocumentReader:
    """The reader of documents of that name."""
    return cast("DocumentReader", get("advisor.readers", name))


def exporter(name: str) -> Exporter:
    """The exporter of that name."""
    return cast("Exporter", get("advisor.exporters", name))


def combiner(name: str) -> Combiner:
    """The combiner of that name."""
    return cast("Combiner", get("advisor.combiners", name))


def readers() -> dict[str, DocumentReader]:
    """Every reader of documents by the endings it takes; another package's stands before ours.

    Raises DuplicatePluginError where two other packages, or two of ours, claim one ending.
    """
    group = "advisor.readers"
    taken: dict[str, str] = {}
    made: dict[str, DocumentReader] = {}
    for name in sorted(names(group), key=lambda name: owner(group, name) != OURS):
        made[name] = reader(name)
        for ending in made[name].suffixes:
            before = taken.get(ending)
            if before and (owner(group, before) == OURS) == (owner(group, name) == OURS):
                raise DuplicatePluginError(
                    f"Two readers claim {ending} files: {before} and {name}.",
                    hint=f"Uninstall one, or set {ENVIRONMENT_LIMIT} to the one you want.",
                    where=group,
                )
            taken[ending] = name
    return {ending: made[name] for ending, name in taken.items()}
