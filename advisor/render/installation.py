"""Tables of `advisor doctor` and `advisor plugins`."""

from __future__ import annotations

from rich.console import Console

from advisor.render.terminal import UNKNOWN, make_table, only_ascii, plain, styled, tick
from advisor.schema.installation import Installation, PluginList
from advisor.schema.machine import MachineFacts


def show_plugins(console: Console, found: PluginList) -> None:
    """One row per plugin, grouped by contract; the reason where one is not ready."""
    ascii_only = only_ascii(console)
    table = make_table("group", "name", "", "what it is", "extra", "from")
    table.columns[1].no_wrap = True
    group = ""
    for entry in found.plugins:
        first = "" if entry.group == group else entry.group.removeprefix("advisor.")
        group = entry.group
        what = entry.label if entry.ready else ": ".join(filter(None, (entry.label, entry.problem)))
        table.add_row(
            plain(first, style="bold"),
            plain(entry.name),
            tick(entry.ready, ascii_only=ascii_only),
            plain(what, style="" if entry.ready else "yellow"),
            plain(entry.extra),
            plain(entry.owner),
        )
    console.print(table)


def show_doctor(console: Console, found: Installation) -> None:
    """Machine and model first, then packages, then the extras with the line that adds each."""
    torch = f", torch build {found.torch_build}" if found.torch_build else ""
    console.print(f"Python {found.python} on {found.platform}{torch}")
    console.print(_machine(found.machine))
    model = found.embedded_model
    size = f"{model.weights_mb:.1f} MB of weights" if model.weights_mb else "missing"
    console.print(f"Embedded model: {size}")
    console.print(f"Rules: {found.rules_folder}")
    _show_extras(console, found)
    for remark in found.warnings:
        console.print(styled(f"! {remark}", "yellow"))


def _machine(machine: MachineFacts) -> str:
    """One line; what could not be measured is shown as unknown."""
    cores = UNKNOWN if machine.cpu_cores is None else f"{machine.cpu_cores}"
    memory = UNKNOWN if machine.memory_gib is None else f"{machine.memory_gib:.1f} GiB"
    disk = UNKNOWN if machine.disk_free_gb is None else f"{machine.disk_free_gb:.0f} GB"
    gpu = "no NVIDIA GPU" if machine.gpus == 0 else f"GPU {UNKNOWN}"
    if machine.gpu:
        size = machine.gpu_memory_gib
        gpu = f"{machine.gpus or 1} x {machine.gpu}"
        gpu += f" with {size:.1f} GiB" if size else ""
    return f"{cores} cores, {memory} memory, {gpu}, {disk} free on this disk"


def _show_extras(console: Console, found: Installation) -> None:
    ascii_only = only_ascii(console)
    table = make_table("extra", "", "packages")
    for name in ("", *(extra.name for extra in found.extras)):
        members = [package for package in found.packages if package.extra == name]
        complete = all(package.version for package in members)
        shown = ", ".join(f"{p.name} {p.version or 'missing'}" for p in members)
        table.add_row(plain(name or "core"), tick(complete, ascii_only=ascii_only), plain(shown))
    console.print(table)
    for extra in found.extras:
        if not extra.installed:
            console.print(f"Add {extra.name}: {extra.install}")
