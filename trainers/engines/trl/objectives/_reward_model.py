"""A reward model that was trained here, or one of the same form, opened to score completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from advisor.contracts import Keeping, Tools
from advisor.errors import ModelFolderError, PlanError
from advisor.schema.chat import PLAIN_CHAT_TEMPLATE
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob
from trainers.engines.trl._rows import tokens_of
from trainers.engines.trl.objectives._scores import read_in_own_precision, score_heads

BASE_FACTS = "base.json"
OWN_FILES = ("config.json", "adapter_config.json", BASE_FACTS)
BATCH = 8


class RewardModel:
    """Scores answers in the form in which the model was trained: its own template and end token."""

    def __init__(self, model: Any, tokenizer: Any, instruction: str) -> None:
        self.model = model.eval().requires_grad_(requires_grad=False)
        self.tokenizer = tokenizer
        self._instruction = instruction
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
        for head in score_heads(model):
            read_in_own_precision(head)
        if torch.cuda.is_available():
            self.model.to("cuda")

    def __call__(self, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
        """A score per text."""
        asked = zip(samples, texts, strict=True)
        both = (tokens_of(one, self._instruction, self.tokenizer, text) for one, text in asked)
        rows = [[*prompt, *answer] for prompt, answer in both]
        found: list[float] = []
        for start in range(0, len(rows), BATCH):
            found.extend(self._scores(rows[start : start + BATCH]))
        return found

    def _scores(self, rows: list[list[int]]) -> list[float]:
        device = next(self.model.parameters()).device
        longest = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = [row + [pad] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        with torch.no_grad():
            logits = self.model(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
            ).logits
        return [float(value) for value in logits[:, 0].float()]


def open_reward(folder: Path, job: TrainJob, tools: Tools) -> RewardModel:
    """The reward model in a folder: whole, an adapter of PEFT, or kept by a method of its own.

    The folder of the run that trained it will do. Raises PlanError where there is none,
    ModelFolderError where it cannot be opened.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        raise PlanError(
            f"There is no folder {folder} with a reward model.",
            hint="Train one with --objective reward, or give --option reward=FILE.py:FUNCTION.",
            where=str(folder),
        )
    folder = _final(folder)
    try:
        model = _opened(folder, tools)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelFolderError(
            f"The reward model in {folder} cannot be opened: {error}",
            hint="Give the folder of a finished training with --objective reward.",
            where=str(folder),
        ) from error
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_CHAT_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return RewardModel(model, tokenizer, job.instruction)


def _final(folder: Path) -> Path:
    """Where in the folder of a run its newest reward model lies; the folder itself if it is one."""
    if any(
        (folder / name).is_file() for name in ("config.json", "adapter_config.json", BASE_FACTS)
    ):
        return folder
    found = [
        place.parent
        for pattern in ("*/final", "training/*/final")
        for place in folder.glob(f"{pattern}/{BASE_FACTS}")
        if _facts(place.parent).get("objective") == "reward"
    ]
    return max(found, key=lambda one: one.stat().st_mtime, default=folder)


def _opened(folder: Path, tools: Tools) -> Any:
    facts = _facts(folder)
    method: Any = tools.method(facts["method"]) if facts.get("method") else None
    if (folder / "adapter_config.json").is_file():
        config = PeftConfig.from_pretrained(str(folder))
        if str(getattr(config.task_type, "value", config.task_type)) != "SEQ_CLS":
            raise _no_reward_model(folder)
        base = _classifier(str(config.base_model_name_or_path), facts)
        return PeftModel.from_pretrained(base, str(folder))
    if isinstance(method, Keeping) and not (folder / "config.json").is_file():
        if facts.get("objective") != "reward":
            raise _no_reward_model(folder)
        return method.restore(_classifier(facts["model"], facts), folder)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    names = config.architectures or [""]
    if not names[0].endswith("ForSequenceClassification") or config.num_labels != 1:
        raise _no_reward_model(folder)
    return _classifier(str(folder), facts)


def _classifier(path: str, facts: dict[str, Any]) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(
        path, num_labels=1, dtype=facts.get("precision") or "auto", local_files_only=True
    )


def _facts(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / BASE_FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _no_reward_model(folder: Path) -> PlanError:
    return PlanError(
        f"{folder} holds no reward model: it gives no single number per text.",
        hint="Train one with --objective reward.",
        where=str(folder),
    )
