"""`advisor doctor`: what this installation and this machine can do."""

from __future__ import annotations

import platform

import click

from advisor.artifacts import document
from advisor.cli.aside import unused_run_dir_option
from advisor.cli.errors import log_folder
from advisor.cli.installation import embedded_model, extras, packages, torch_build
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen
from advisor.resources import rules_root
from advisor.schema.installation import Installation
from advisor.stages.profile.hardware import measure_machine

FACTS = {
    "cpu_cores": "the number of processor cores",
    "memory_gib": "the size of the memory",
    "gpus": "the number of GPUs",
    "disk_free_gb": "the free disk space",
}


@click.command(name="doctor")
@unused_run_dir_option
@standard_options
def command(*, screen: Screen) -> None:
    """Show Python, packages, extras, machine and the embedded model, and what is missing.

    Reads package metadata only, so it answers at once and works where torch does not.
    """
    found = examine()
    from advisor.render.installation import show_doctor  # noqa: PLC0415 - rich is slow to load

    screen.result(document(found), lambda: show_doctor(screen.console, found))


def examine() -> Installation:
    """Everything `doctor` tells."""
    known = packages()
    plain = Installation(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages=tuple(known),
        extras=tuple(extras(known)),
        torch_build=torch_build(),
        machine=measure_machine(),
        embedded_model=embedded_model(),
        rules_folder=str(rules_root()),
        log_folder=str(log_folder()),
    )
    return plain.model_copy(update={"warnings": tuple(remarks(plain))})


def remarks(found: Installation) -> list[str]:
    """What is missing or does not go together, one sentence each."""
    told = []
    lacking = [p.name for p in found.packages if not p.extra and p.version is None]
    if lacking:
        told.append(f"Core packages are missing: {', '.join(lacking)}. Install advisor again.")
    if not found.embedded_model.present:
        told.append("The embedded model is missing: `advisor demo` and --model tiny need it.")
    if found.machine.gpus and found.torch_build == "CPU":
        told.append("There is a GPU, but torch is a CPU build: set ADVISOR_TORCH=cuda (README).")
    unknown = [text for fact, text in FACTS.items() if getattr(found.machine, fact) is None]
    if unknown:
        told.append(f"Could not be measured here: {', '.join(unknown)}.")
    return told
