"""Systems to measure by their names: prompt builders and predictors, with their options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor import registry
from advisor.contracts import Predictor, PromptBuilder
from advisor.errors import InputError

System = PromptBuilder | Predictor
DOCUMENTS = "documents"


def systems(
    names: Sequence[str], options: Mapping[str, str], *, has_documents: bool
) -> dict[str, System]:
    """Fresh systems in the order of their names; those that need documents only with some.

    Raises InputError where none is left, and what `registry.configured_system` raises.
    """
    found = {name: registry.configured_system(name, options) for name in names}
    wanted = {name: one for name, one in found.items() if has_documents or not needs_them(one)}
    if not wanted:
        raise InputError(
            f"No baseline is left to measure: {' and '.join(names)} needs documents.",
            hint="Add --docs PATH or another builder, for example --builders zero_shot.",
        )
    return wanted


def needs_them(system: System) -> bool:
    """Whether a system cannot do without documents."""
    return DOCUMENTS in system.info.needs


def check_options(names: Sequence[str], options: Mapping[str, str]) -> None:
    """Raise InputError for an option of no system or one that a named system does not take."""
    known = (*registry.names("advisor.prompting"), *registry.names("advisor.predictors"))
    for key in options:
        name, dot, _ = key.partition(".")
        if not dot or name not in known:
            raise InputError(
                f"--builder-option '{key}' does not say whose option it is.",
                hint=f"Write NAME.KEY=VALUE with one of: {', '.join(known)}.",
            )
    for name in dict.fromkeys((*names, *(key.partition(".")[0] for key in options))):
        registry.configured_system(name, options)
