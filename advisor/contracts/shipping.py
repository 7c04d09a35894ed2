"""What becomes of a tuned model: written in other forms, and several made into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from advisor.contracts.world import Tools
    from advisor.schema.combine import Combined, CombineJob
    from advisor.schema.export import Exported, ExportJob
    from advisor.schema.plugin import PluginInfo


@runtime_checkable
class Exporter(Protocol):
    """Writes a tuned model, or its training, in another form.

    `info.needs` holds `weights` (what was tuned) or `training` (a job to write down).
    """

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap. `options` are those of a job that it takes."""

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Write all of it below `job.output_dir`; never change what was tuned.

        Raises PlanError for what cannot be written in this form, ModelFolderError,
        MissingExtraError, MissingProgramError and StorageError.
        """


@runtime_checkable
class Foreseeing(Protocol):
    """What an exporter may offer beside its contract: a word on a job before any work."""

    def check(self, job: ExportJob) -> None:
        """Raise what `export` would raise of the options alone, or of what is missing here; cheap.

        Nothing is opened and nothing written: the places in the job may not be there yet.
        """


@runtime_checkable
class Combiner(Protocol):
    """Makes one model of several tuned ones."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap. `options` are the ways (`how`) that it knows."""

    def takes(self, job: CombineJob) -> str:
        """Why these models cannot be combined this way, as a sentence; empty where they can."""

    def combine(self, job: CombineJob, tools: Tools) -> Combined:
        """Write the combined model below `job.output_dir`; the parts stay as they are.

        Raises PlanError, ModelFolderError, MissingExtraError, MissingProgramError, StorageError.
        """
