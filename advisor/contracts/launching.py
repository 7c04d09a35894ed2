"""What starts a training on another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from pathlib import Path

    from advisor.schema.launch import Launched, LaunchTask
    from advisor.schema.plugin import PluginInfo


@runtime_checkable
class Launcher(Protocol):
    """Writes the job that trains elsewhere; it starts nothing by itself."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def write(self, task: LaunchTask, folder: Path) -> Launched:
        """The job's files, written into the folder; the same task gives the same files.

        Raises PlanError for a task that the launcher cannot express, StorageError when the folder
        cannot be written.
        """
