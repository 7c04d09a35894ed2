"""Opens the base model and its tokenizer as the plan asks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
)

from advisor.errors import ModelFolderError, PlanError, UnsupportedArchitectureError
from advisor.schema.chat import PLAIN_CHAT_TEMPLATE
from advisor.schema.plan import Plan
from trainers.engines.trl.failures import first_line
from trainers.origin import is_stacked

ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
QUANTISED = (4, 8)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def open_tokenizer(plan: Plan) -> Any:
    """The tokenizer of the plan's model; raises as `tokenizer_at` does."""
    return tokenizer_at(plan.model)


def tokenizer_at(model: str) -> Any:
    """A model's tokenizer, with the plain chat form and a padding token where it has none.

    Raises ModelFolderError when there is none.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=stays_offline(model))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"The model '{model}' has no tokenizer that can be opened: {first_line(error)}",
            hint="Put tokenizer.json and tokenizer_config.json beside the weights, or set"
            f" {ALLOW_DOWNLOAD}=1 to let a name of the hub be downloaded.",
            where=model,
        ) from error
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_CHAT_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def open_base(plan: Plan, *, head: Literal["language", "score"] = "language") -> Any:
    """The base model in the plan's precision, quantised where the plan says so.

    With the head `score` it gives one number per text, by weights drawn from the seed. What an
    earlier training left beside a base is merged into it. Raises ModelFolderError,
    UnsupportedArchitectureError or PlanError.
    """
    from trainers.engines.trl._stack import open_stacked_base  # noqa: PLC0415 - it opens bases

    if is_stacked(plan.model):
        return open_stacked_base(plan, head=head)
    on_gpu = torch.cuda.is_available()
    if plan.precision == "float16" and (plan.method == "full" or not on_gpu):
        raise PlanError(
            f"float16 cannot be used for '{plan.method}' here: it needs a GPU and frozen weights.",
            hint="Choose bfloat16 or float32.",
        )
    return opened(plan.model, head, _loading(plan, head, on_gpu=on_gpu))


def opened(model: str, head: Literal["language", "score"], settings: dict[str, Any]) -> Any:
    """A model of transformers with no tensor missing but those of a head that is drawn.

    Raises ModelFolderError and UnsupportedArchitectureError.
    """
    kind = AutoModelForCausalLM if head == "language" else AutoModelForSequenceClassification
    try:
        found, loading = kind.from_pretrained(
            model, local_files_only=stays_offline(model), output_loading_info=True, **settings
        )
    except ValueError as error:
        raise UnsupportedArchitectureError(
            f"The model '{model}' cannot be loaded: {first_line(error)}",
            hint="Use a causal language model that this version of transformers knows.",
            where=model,
        ) from error
    except OSError as error:
        raise ModelFolderError(
            f"The model '{model}' cannot be opened: {first_line(error)}",
            hint="Give a folder with config.json, tokenizer and weights, or set"
            f" {ALLOW_DOWNLOAD}=1 to let it be downloaded.",
            where=model,
        ) from error
    drawn = ("score.",) if head == "score" else ()
    holes = sorted(k for k in loading.get("missing_keys") or () if not k.startswith(drawn))
    if holes:  # they would be filled with random numbers
        raise ModelFolderError(
            f"The weights of '{model}' lack {len(holes)} tensors, first '{holes[0]}'.",
            hint="Download the model again; its weights and config.json do not belong together.",
            where=model,
        )
    return found


def _loading(plan: Plan, head: str, *, on_gpu: bool) -> dict[str, Any]:
    """What the library is told on loading: precision, attention kernel, quantisation, head."""
    settings: dict[str, Any] = {"dtype": DTYPES[plan.precision]}
    if plan.attention != "sdpa":  # the library's own choice where a model has it
        flash = "flash_attention_2"
        settings["attn_implementation"] = flash if plan.attention == "flash" else plan.attention
    if plan.method == "qlora" or plan.base_bits in QUANTISED:
        settings["quantization_config"] = quantisation(plan)
        settings["device_map"] = {"": 0} if on_gpu else {"": "cpu"}
    if head == "score":
        settings["num_labels"] = 1
    return settings


def quantisation(plan: Plan) -> BitsAndBytesConfig:
    """NF4 in blocks (QLoRA), or 8 bits; computing in the plan's precision.

    Raises PlanError for another number of bits.
    """
    if plan.base_bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    if plan.base_bits != 4:
        raise PlanError(
            f"A base is quantised to 4 or 8 bits; the plan says {plan.base_bits}.",
            hint="Set base_bits to 4, or use the method 'lora'.",
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=plan.double_quantisation,
        bnb_4bit_compute_dtype=DTYPES[plan.precision],
    )


def stays_offline(model: str) -> bool:
    """A name that is no folder is only fetched from the hub when the user has allowed it."""
    return Path(model).is_dir() or os.environ.get(ALLOW_DOWNLOAD) != "1"
