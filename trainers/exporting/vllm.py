"""What vLLM serves: the adapter beside its base where vLLM takes it, else the merged model."""

from __future__ import annotations

from typing import Any

from advisor.contracts import PluginInfo, Tools
from advisor.schema.export import Exported, ExportJob
from trainers.engines.trl.quiet import quiet
from trainers.exporting.options import one_of, refuse_unknown
from trainers.exporting.origins import DTYPES
from trainers.origin import Origin

FORMS = ("adapter", "merged")
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` may be: `MaxLoRARanks` of vLLM's vllm/config/lora.py (0.11 to 0.26)."""
REFUSED = {
    "use_dora": "DoRA",
    "modules_to_save": "whole modules beside the matrices (modules_to_save)",
    "trainable_token_indices": "trained tokens",
    "alora_invocation_tokens": "an activated LoRA",
    "target_parameters": "matrices on expert parameters",
    "rank_pattern": "ranks that differ by layer",
    "alpha_pattern": "alphas that differ by layer",
    "layer_replication": "replicated layers",
    "lora_bias": "biases in the matrices",
}
"""What vLLM refuses (vllm/lora/peft_helper.py) or would pass over without a word."""
TABLES = ("embed_tokens", "lm_head", "wte", "word_embeddings")
UNCHECKED = (
    "vLLM was not run here. Start serve.sh where vLLM is, then check its answers with"
    " `advisor export --run-dir RUN --to vllm --check-at http://localhost:8000/v1 --served-as {}`."
)
"""What is told beside every export; the name it is served as is put in."""


class VllmExporter:
    """Files and the command for `vllm serve`."""

    info = PluginInfo(
        id="vllm",
        label="adapter or merged model with the command of vLLM",
        extra="train",
        needs=("weights",),
        options=("as", "dtype"),
    )

    def check(self, job: ExportJob) -> None:
        """Raise PlanError for options that it does not know."""
        refuse_unknown(job, self.info)
        one_of(job, "as", FORMS)
        one_of(job, "dtype", DTYPES)

    def export(self, job: ExportJob, tools: Tools) -> Exported:
        """Adapter or model, chat template, stop tokens, `serve.sh`; raises as the contract says."""
        self.check(job)
        with quiet():
            from trainers.exporting._vllm import export_vllm  # noqa: PLC0415 - delays torch

            return export_vllm(job, tools)


def refused_by_vllm(origin: Origin) -> str:
    """Why vLLM cannot serve an adapter beside its base, in words; empty where it can."""
    config = origin.config
    if origin.kind != "adapter" or config.get("peft_type") != "LORA":
        return f"vLLM serves LoRA adapters only, and this is {config.get('peft_type') or 'none'}"
    found = next((words for key, words in REFUSED.items() if config.get(key)), "")
    if found:
        return f"vLLM serves no adapter with {found}"
    if config.get("bias", "none") != "none":
        return "vLLM serves no adapter with trained biases"
    if any(_last(name) in TABLES for name in _targets(config)):
        return "vLLM serves adapters on embeddings or head of few models"
    if rank_for(config) is None:
        return f"vLLM serves ranks up to {RANKS[-1]}, and this has {config.get('r')}"
    return ""


def rank_for(config: dict[str, Any]) -> int | None:
    """The least `--max-lora-rank` that holds an adapter; None where none does."""
    return next((size for size in RANKS if size >= int(config.get("r") or 0)), None)


def _targets(config: dict[str, Any]) -> tuple[str, ...]:
    named = config.get("target_modules") or ()
    return (named,) if isinstance(named, str) else tuple(map(str, named))


def _last(name: str) -> str:
    return name.rpartition(".")[2]
