"""Opens the base model and its tokenizer as the plan asks, and shapes the adapter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from advisor.errors import ModelFolderError, PlanError, UnsupportedArchitectureError
from advisor.schema.chat import PLAIN_CHAT_TEMPLATE
from advisor.schema.plan import Plan

ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def open_tokenizer(plan: Plan) -> Any:
    """The model's tokenizer, with the plain chat form and a padding token where it has none.

    Raises ModelFolderError when there is none.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(plan.model, local_files_only=_stays_offline(plan))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"The model '{plan.model}' has no tokenizer that can be opened: {_first_line(error)}",
            hint="Put tokenizer.json and tokenizer_config.json beside the weights, or set"
            f" {ALLOW_DOWNLOAD}=1 to let a name of the hub be downloaded.",
            where=plan.model,
        ) from error
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_CHAT_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def open_base(plan: Plan) -> Any:
    """The base model in the plan's precision, quantised where the method asks for it.

    Raises ModelFolderError, UnsupportedArchitectureError or PlanError.
    """
    on_gpu = torch.cuda.is_available()
    if plan.precision == "float16" and (plan.method == "full" or not on_gpu):
        raise PlanError(
            f"float16 cannot be used for '{plan.method}' here: it needs a GPU and frozen weights.",
            hint="Choose bfloat16 or float32.",
        )
    settings: dict[str, Any] = {"dtype": DTYPES[plan.precision]}
    if plan.method == "qlora":
        settings["quantization_config"] = quantisation(plan)
        settings["device_map"] = {"": 0} if on_gpu else {"": "cpu"}
    try:
        model, loading = AutoModelForCausalLM.from_pretrained(
            plan.model, local_files_only=_stays_offline(plan), output_loading_info=True, **settings
        )
    except ValueError as error:
        raise UnsupportedArchitectureError(
            f"The model '{plan.model}' cannot be loaded: {_first_line(error)}",
            hint="Use a causal language model that this version of transformers knows.",
            where=plan.model,
        ) from error
    except OSError as error:
        raise ModelFolderError(
            f"The model '{plan.model}' cannot be opened: {_first_line(error)}",
            hint="Give a folder with config.json, tokenizer and weights, or set"
            f" {ALLOW_DOWNLOAD}=1 to let it be downloaded.",
            where=plan.model,
        ) from error
    holes = sorted(loading.get("missing_keys") or ())
    if holes:  # they would be filled with random numbers
        raise ModelFolderError(
            f"The weights of '{plan.model}' lack {len(holes)} tensors, first '{holes[0]}'.",
            hint="Download the model again; its weights and config.json do not belong together.",
            where=plan.model,
        )
    return model


def quantisation(plan: Plan) -> BitsAndBytesConfig:
    """NF4 with double quantisation (QLoRA), or 8 bits; computing in the plan's precision.

    Raises PlanError for another number of bits.
    """
    if plan.base_bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    if plan.base_bits != 4:
        raise PlanError(
            f"The method 'qlora' quantises the base to 4 or 8 bits; the plan says"
            f" {plan.base_bits}.",
            hint="Set base_bits to 4, or use the method 'lora'.",
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPES[plan.precision],
    )


def adapter_of(plan: Plan) -> LoraConfig | None:
    """The plan's LoRA adapter, alpha 2 x rank by default; None for full fine-tuning."""
    if plan.method == "full":
        return None
    rank = plan.rank or 0
    names = [name.strip() for name in plan.target_modules.split(",")]
    return LoraConfig(
        r=rank,
        lora_alpha=plan.alpha if plan.alpha is not None else 2 * rank,
        lora_dropout=plan.dropout,
        target_modules=names[0] if len(names) == 1 and names[0] == "all-linear" else names,
        bias="none",
        task_type="CAUSAL_LM",
    )


def _stays_offline(plan: Plan) -> bool:
    """A name that is no folder is only fetched from the hub when the user has allowed it."""
    return Path(plan.model).is_dir() or os.environ.get(ALLOW_DOWNLOAD) != "1"


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__
