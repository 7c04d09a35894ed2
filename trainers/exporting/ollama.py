"""Exporter `ollama`: a GGUF file with the Modelfile that makes Ollama ask as it was evaluated."""

from __future__ import annotations

import shutil

from advisor.contracts import PluginInfo, Tools
from advisor.errors import MissingProgramError, PlanError
from advisor.schema.export import Exported, ExportJob
from trainers.engines.trl.quiet import quiet
from trainers.exporting import gguf
from trainers.exporting.options import one_of, refuse_unknown

ADAPTER = "adapter"
FORMS = ("whole", ADAPTER)


class OllamaExporter:
    """Template, every stop token, instruction and greedy settings, checked letter by letter."""

    info = PluginInfo(
        id="ollama",
        label="A model for Ollama: GGUF and Modelfile",
        extra="gguf",
        needs=("weights",),
        options=("quantisation", "llama_cpp", "form", "base", "num_ctx", "create"),
    )

    def check(self, job: ExportJob) -> None:
        """Raise PlanError for options it does not know, and for programs and packages it lacks."""
        refuse_unknown(job, self.info)
        if one_of(job, "form", FORMS) == ADAPTER and not job.options.get("base"):
            raise PlanError(
                "Ollama puts an adapter on a base of its own, and none is named.",
                hint="Name exactly the tuned base as Ollama knows it: option base=NAME.",
                where="form=adapter",
            )
        context = job.options.get("num_ctx", "1")
        if not context.isdecimal() or int(context) < 1:
            raise PlanError(
                f"num_ctx is '{context}'.", hint="Use a number above 0.", where="num_ctx"
            )
        if one_of(job, "create", ("yes", "no")) == "yes" and shutil.which("ollama") is None:
            raise MissingProgramError(
                "Ollama is not here to take the model up.",
                hint="Install Ollama, or leave create=yes out and run create.sh where it is.",
                where="create=yes",
            )
        gguf.check(job)

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Write `NAME.gguf`, `Modelfile` and `create.sh`.

        `form=adapter` writes `FROM base` (option `base`: a name Ollama knows) and `ADAPTER`
        instead of a merged file. `create=yes` has Ollama take the model up, so that the proof asks
        Ollama itself. Raises PlanError for a tokenizer or a chat template that Ollama
        cannot say, ModelFolderError, MissingExtraError and MissingProgramError.
        """
        self.check(job)
        is_adapter = job.options.get("form") == ADAPTER
        with quiet():
            from trainers.exporting._ollama_make import (  # noqa: PLC0415 - delays torch
                make_adapter,
                make_whole,
            )

            return (make_adapter if is_adapter else make_whole)(job, tools.method)
