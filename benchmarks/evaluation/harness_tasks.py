"""What both sides are asked: a model of 135M shape with random weights, and tasks as files.

The words are drawn from a short list; the model does not understand them, and how long it takes to
read them does not depend on that.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import NamedTuple

from advisor.resources import embedded_model_root

TEXT = (
    "the order was late and our team could not find any reason for it so we asked them again "
    "when they would send new parts to house number nine before winter comes this year please "
    "tell me which of these people can help with my account since nobody answered last week"
)
WORDS = TEXT.split()
INSTRUCTION = (
    "You sort messages of customers. Read the message to its end and give the one label that fits "
    "it best: billing, delivery, repair, account or other. Answer with the label alone, in lower "
    "case, without a full stop and without giving a reason."
)
LABELS = ("billing", "delivery", "repair", "account", "other")


class Shape(NamedTuple):
    """How long a task's texts are, in words."""

    name: str
    shots: int
    shot_words: int
    question_words: tuple[int, int]
    instruction: str = INSTRUCTION


def make_model(folder: Path) -> None:
    """SmolLM-135M's shape; random weights, the embedded model's tokenizer.

    Tokens that the tokenizer does not have get no embedding, so that every answer can be written.
    """
    import torch  # noqa: PLC0415 - only the measuring needs it
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(embedded_model_root())
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.06,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.get_input_embeddings().weight[len(tokenizer) :] = 0
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def copy_embedded(folder: Path) -> None:
    """The embedded model."""
    shutil.copytree(embedded_model_root(), folder)


def make_task(folder: Path, shape: Shape, items: int) -> None:
    """The task for both sides: JSON for ours, data and YAML for the harness."""
    numbers = random.Random(shape.name)  # noqa: S311 - no secret hangs on it
    shots = [_pair(numbers, shape.shot_words) for _ in range(shape.shots)]
    low, high = shape.question_words
    asked = [_pair(numbers, numbers.randint(low, high)) for _ in range(items)]
    ours = {
        "instruction": shape.instruction,
        "shots": shots,
        "questions": [pair["question"] for pair in asked],
    }
    (folder / f"{shape.name}.json").write_text(json.dumps(ours))
    for split, rows in (("train", shots or asked[:1]), ("test", asked)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{shape.name}_{split}.jsonl").write_text(lines)
    (folder / f"{shape.name}.yaml").write_text(_yaml(folder, shape))


def _pair(numbers: random.Random, words: int) -> dict[str, str]:
    return {
        "question": " ".join(numbers.choice(WORDS) for _ in range(words)) + ".",
        "answer": numbers.choice(LABELS),
    }


def _yaml(folder: Path, shape: Shape) -> str:
    """JSON is YAML."""
    files = {split: str(folder / f"{shape.name}_{split}.jsonl") for split in ("train", "test")}
    task = {
        "task": shape.name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "output_type": "generate_until",
        "test_split": "test",
        "fewshot_split": "train",
        "fewshot_config": {"sampler": "first_n"},
        "num_fewshot": shape.shots,
        "description": shape.instruction,
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "target_delimiter": "",
        "generation_kwargs": {"until": [], "max_gen_toks": 8, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    }
    return json.dumps(task)
