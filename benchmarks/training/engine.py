"""A training of ours as the product makes it, and the same by a script against TRL alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor import registry
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob, TrainResult
from advisor.tools import Tools
from benchmarks.training.rows import INSTRUCTION


@dataclass(frozen=True)
class Pace:
    """What steps alone took."""

    tokens: int
    """Real ones, padding left out."""
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Real tokens per second of optimizer steps."""
        return self.tokens / self.seconds


def ours(plan: Plan, samples: Sequence[Sample]) -> TrainResult:
    """The job as `advisor train` runs it, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        job = TrainJob(
            plan=plan,
            instruction=INSTRUCTION,
            train_samples=tuple(s for s in samples if s.split == "train"),
            dev_samples=tuple(s for s in samples if s.split == "dev"),
            output_dir=folder,
        )
        tools = Tools(seed=plan.seed, instruction=INSTRUCTION, cache_dir=Path(folder))
        return registry.trainer("trl").train(job, tools)


def by_hand(plan: Plan, samples: Sequence[Sample]) -> Pace:
    """The script that a user of TRL would write: SFTTrainer, a LoRA config, prompt and completion.

    Its steps are timed from the beginning of training to the end; nothing is saved or evaluated.
    """
    import torch  # noqa: PLC0415 - heavy
    from datasets import Dataset  # noqa: PLC0415
    from peft import LoraConfig  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        AutoModelForCausalLM,
        AutoTokenizer,
        PrinterCallback,
        TrainerCallback,
    )
    from trl import SFTConfig, SFTTrainer  # noqa: PLC0415

    class Timing(TrainerCallback):  # type: ignore[misc]
        seconds = 0.0
        began = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.seconds = time.perf_counter() - self.began

    timing = Timing()
    rows = [
        {
            "prompt": [
                {"role": "system", "content": INSTRUCTION},
                {"role": "user", "content": sample.input},
            ],
            "completion": [{"role": "assistant", "content": sample.target}],
        }
        for sample in samples
        if sample.split == "train"
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = SFTConfig(
            output_dir=folder,
            num_train_epochs=plan.epochs,
            per_device_train_batch_size=plan.micro_batch_size,
            gradient_accumulation_steps=plan.gradient_accumulation_steps,
            max_length=plan.sequence_length,
            learning_rate=plan.learning_rate,
            lr_scheduler_type=plan.schedule,
            warmup_steps=plan.warmup_share,
            activation_checkpointing=plan.gradient_checkpointing,
            seed=plan.seed,
            use_cpu=not torch.cuda.is_available(),
            bf16=False,
            logging_steps=1,
            save_strategy="no",
            disable_tqdm=True,
            report_to="none",
        )
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(plan.model, dtype=torch.float32),
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(plan.model),
            peft_config=LoraConfig(
                r=plan.rank or 16,
                lora_alpha=plan.alpha or 32,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            callbacks=[timing],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        tokens = int(trainer._total_train_tokens)  # noqa: SLF001 - the library's own count
    return Pace(tokens=tokens, seconds=timing.seconds)
