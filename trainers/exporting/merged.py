"""One whole model folder that plain transformers opens."""

from __future__ import annotations

from advisor.contracts import PluginInfo, Tools
from advisor.schema.export import Exported, ExportJob
from trainers.engines.trl.quiet import quiet
from trainers.exporting.options import refuse_unknown


class MergedExporter:
    """Merges what was tuned into its unpacked base, in 16 bits or more."""

    info = PluginInfo(
        id="merged",
        label="one whole model folder for transformers",
        extra="train",
        needs=("weights",),
        options=("dtype",),
    )

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Weights, tokenizer, chat form and stop tokens; raises as the contract says."""
        refuse_unknown(job, self.info)
        with quiet():
            from trainers.exporting._merged import export_merged  # noqa: PLC0415 - delays torch

            return export_merged(job, tools)
