"""`advisor plugins`: what is registered under each contract, and by whom."""

from __future__ import annotations

import difflib

import click

from advisor import registry
from advisor.artifacts import document
from advisor.cli.aside import unused_run_dir_option
from advisor.cli.installation import extras, packages
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen
from advisor.contracts import GROUPS, Lacking
from advisor.errors import AdvisorError
from advisor.schema.installation import PluginEntry, PluginList

PREFIX = "advisor."


@click.command(name="plugins")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, groups: tuple[str, ...]) -> None:
    """List the plugins of every contract, or of those named (trainers, metrics, ...).

    A plugin is an entry point; CONTRIBUTING.md shows how to add one.
    """
    missing = {extra.name for extra in extras(packages()) if not extra.installed}
    entries = [
        plugin_entry(group, name, missing)
        for group in chosen_groups(groups)
        for name in registry.names(group)
    ]
    found = PluginList(plugins=tuple(entries))
    from advisor.render.installation import show_plugins  # noqa: PLC0415 - rich is slow to load

    screen.result(document(found), lambda: show_plugins(screen.console, found))


def chosen_groups(words: tuple[str, ...]) -> list[str]:
    """The groups named by their short names, or all.

    Raises click.UsageError for an unknown one, with a suggestion.
    """
    short = [group.removeprefix(PREFIX) for group in GROUPS]
    for word in words:
        if word.removeprefix(PREFIX) not in short:
            close = difflib.get_close_matches(word, short, n=1)
            guess = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"No group '{word}'.{guess} Groups: {', '.join(short)}.")
    return [PREFIX + word.removeprefix(PREFIX) for word in words] or list(GROUPS)


def plugin_entry(group: str, name: str, missing: set[str]) -> PluginEntry:
    """One plugin's line; one that does not load is listed with its reason, not hidden."""
    owner = registry.owner(group, name)
    try:
        plugin = registry.get(group, name)
        info = plugin.info  # type: ignore[attr-defined]
        lacks = plugin.missing() if isinstance(plugin, Lacking) else ""
    except AdvisorError as error:
        problem = error.message
    except Exception as error:  # noqa: BLE001 - a stranger's plugin may fail in any way
        problem = f"does not load: {type(error).__name__}: {error}"
    else:
        if info.extra in missing:
            lacks = f"the extra {info.extra}"
        return PluginEntry(
            group=group,
            name=name,
            label=info.label,
            owner=owner,
            extra=info.extra,
            ready=not lacks,
            problem=f"needs {lacks}" if lacks else "",
        )
    return PluginEntry(group=group, name=name, owner=owner, ready=False, problem=problem)
