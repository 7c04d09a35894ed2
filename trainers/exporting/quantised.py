"""The merged model packed into 4 or 8 bits by bitsandbytes."""

from __future__ import annotations

import importlib.util

from advisor.contracts import PluginInfo, Tools
from advisor.errors import MissingExtraError
from advisor.schema.export import Exported, ExportJob
from trainers.engines.trl.quiet import quiet
from trainers.exporting.options import one_of, refuse_unknown

BITS = ("4", "8")


class QuantisedExporter:
    """Merged in 16 bits or more first, packed afterwards, so that nothing is packed twice."""

    info = PluginInfo(
        id="quantised",
        label="one model folder in 4 or 8 bits (bitsandbytes)",
        extra="qlora",
        needs=("weights",),
        options=("bits",),
    )

    def check(self, job: ExportJob) -> None:
        """Raise PlanError for options it does not know, MissingExtraError without its library."""
        refuse_unknown(job, self.info)
        one_of(job, "bits", BITS)
        if importlib.util.find_spec("bitsandbytes") is None:
            raise MissingExtraError("Packing weights", "qlora")

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """A folder that transformers opens where bitsandbytes is; raises as the contract says."""
        self.check(job)
        with quiet():
            from trainers.exporting._packing import export_packed  # noqa: PLC0415 - delays torch

            return export_packed(job, tools)
