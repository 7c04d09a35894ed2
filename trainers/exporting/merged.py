"""One whole model folder that plain transformers opens."""

from __future__ import annotations

from advisor.contracts import PluginInfo, Tools
from advisor.schema.export import Exported, ExportJob
from trainers.engines.trl.quiet import quiet
from trainers.exporting.options import one_of, refuse_unknown
from trainers.exporting.origins import DTYPES


class MergedExporter:
    """Merges what was tuned into its unpacked base, in 16 bits or more."""

    info = PluginInfo(
        id="merged",
        label="one whole model folder for transformers",
        extra="train",
        needs=("weights",),
        options=("dtype",),
    )

    def check(self, job: ExportJob) -> None:
        """Raise PlanError for options that it does not know."""
        refuse_unknown(job, self.info)
        one_of(job, "dtype", DTYPES)

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Weights, tokenizer, chat form and stop tokens; raises as the contract says."""
        self.check(job)
        with quiet():
            from trainers.exporting._merged import export_merged  # noqa: PLC0415 - delays torch

            return export_merged(job, tools)
