"""Tunes a model folder on a bundled task with stock TRL and PEFT."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from examples.bundled_tasks.score import (
    TASKS_FOLDER,
    Task,
    answers,
    load_task,
    messages,
    prompts,
    summary,
)


def dataset(task: Task) -> Dataset:
    """The training split as conversational prompt and completion."""
    return Dataset.from_list(
        [
            {
                "prompt": messages(task.instruction, [], item["prompt"]),
                "completion": [{"role": "assistant", "content": item["completion"]}],
            }
            for item in task.items["train"]
        ]
    )


def tune(
    model_folder: Path, task: Task, seed: int, epochs: float, rate: float, dropout: float
) -> tuple[Any, float, float]:
    """Train a LoRA adapter; returns the model, wall and processor seconds of training."""
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as scratch:
        config = SFTConfig(
            output_dir=scratch,
            num_train_epochs=epochs,
            per_device_train_batch_size=8,
            learning_rate=rate,
            seed=seed,
            lr_scheduler_type="linear",
            warmup_steps=10,
            report_to=[],
            save_strategy="no",
            logging_steps=50,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            max_length=512,
            disable_tqdm=True,
        )
        adapter = LoraConfig(
            r=16,
            lora_alpha=32,
            lora_dropout=dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=dataset(task),
            processing_class=tokenizer,
            peft_config=adapter,
        )
        began, used = time.time(), time.process_time()
        trainer.train()
        return trainer.model.eval(), time.time() - began, time.process_time() - used


def main() -> None:
    """Tune with several seeds and print the scores on the test split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--task", default="tickets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--splits", nargs="+", default=["test"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    task = load_task(TASKS_FOLDER / options.task)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    for seed in options.seeds:
        model, seconds, processor = tune(
            options.model, task, seed, options.epochs, options.rate, options.dropout
        )
        record = {
            "task": task.name,
            "seed": seed,
            "epochs": options.epochs,
            "rate": options.rate,
            "dropout": options.dropout,
            "threads": options.threads,
            "seconds": round(seconds, 1),
            "processor_seconds": round(processor, 1),
        }
        for split in options.splits:
            items = task.items[split]
            made = answers(model, tokenizer, prompts(task, "zero_shot", items))
            print(json.dumps({**record, "split": split, **summary(made, items)}), flush=True)
            pairs = zip(made, items, strict=True)
            wrong = [(i["prompt"], i["completion"], m) for m, i in pairs if m != i["completion"]]
            for line in wrong[: options.show]:
                print("   ", *line, sep=" | ")


if __name__ == "__main__":
    main()
