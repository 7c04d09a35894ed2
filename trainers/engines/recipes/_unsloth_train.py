"""Trains by Unsloth what unsloth.yaml beside it says; run in Unsloth's own environment.

This file is copied beside a job's settings and never imported by the program that writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from unsloth import FastLanguageModel  # type: ignore[import-not-found]  # isort: skip  # patches trl
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer


def main() -> None:
    """Load, adapt, train on answers alone, and leave the result with its tokenizer."""
    told: dict[str, Any] = yaml.safe_load(Path("unsloth.yaml").read_text(encoding="utf-8"))
    model, tokenizer = FastLanguageModel.from_pretrained(**told["base"])
    if told["adapter"]:
        model = FastLanguageModel.get_peft_model(model, **told["adapter"])
    rows = load_dataset("json", data_files=told["data"])
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=rows["train"],
        eval_dataset=rows.get("dev"),
        args=SFTConfig(**told["settings"]),
    )
    trainer.train(resume_from_checkpoint=told.get("resume_from_checkpoint"))
    folder = told["settings"]["output_dir"]
    trainer.save_model(folder)
    trainer.save_state()
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
