"""Exporter `gguf`: one file for llama.cpp and what is built on it, made of the merged model."""

from __future__ import annotations

from importlib.util import find_spec

from advisor.contracts import PluginInfo, Tools
from advisor.errors import MissingExtraError, PlanError
from advisor.schema.export import Exported, ExportJob
from trainers.engines.trl.quiet import quiet
from trainers.exporting.gguf_programs import OPTION, converter, quantiser
from trainers.exporting.gguf_shapes import HERE
from trainers.exporting.options import one_of, refuse_unknown

LOSSLESS = frozenset({"f32", "f16", "bf16"})
VOCABULARIES = ("inside", "beside")
OPTIONS = ("quantisation", "vocabulary", OPTION)


class GgufExporter:
    """Merges, converts, and writes beside it what could not be checked."""

    info = PluginInfo(
        id="gguf",
        label="One GGUF file for llama.cpp, LM Studio, Ollama",
        extra="gguf",
        needs=("weights",),
        options=OPTIONS,
    )

    def check(self, job: ExportJob) -> None:
        """Raise PlanError for options it does not know, and for programs and packages it lacks."""
        refuse_unknown(job, self.info)
        check(job)

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Write `NAME.gguf`; with `vocabulary=beside`, the tokenizer's files beside it.

        `quantisation` is f32, f16 (usual), bf16 or q8_0, which are made here, or one that
        llama-quantize knows. Raises PlanError, ModelFolderError, MissingExtraError and
        MissingProgramError.
        """
        self.check(job)
        with quiet():
            from trainers.exporting._gguf_make import make_gguf  # noqa: PLC0415 - delays torch

            return make_gguf(job, tools.method).exported


def check(job: ExportJob) -> None:
    """Everything that can be known before any work.

    Raises PlanError, MissingExtraError and MissingProgramError.
    """
    one_of(job, "vocabulary", VOCABULARIES)
    precision = precision_of(job)
    needed = ("gguf", "torch", "transformers", "peft")
    for name, extra in zip(needed, ("gguf", "train", "train", "train"), strict=True):
        if find_spec(name) is None:
            raise MissingExtraError("Writing a GGUF file", extra)
    converter(job.options)
    if precision not in HERE:
        quantiser(job.options, precision)


def precision_of(job: ExportJob) -> str:
    """What the weights will be in. Raises PlanError for what is no name of such."""
    asked = job.options.get("quantisation", "f16").lower()
    if not asked.replace("_", "").isalnum() or not asked.isascii():
        raise PlanError(
            f"The quantisation '{asked}' is none.",
            hint=f"Use {', '.join(HERE)}, or a kind of llama-quantize such as q4_k_m.",
            where="quantisation",
        )
    return asked
