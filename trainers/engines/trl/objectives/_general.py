"""General data among the training rows, and as rows of its own: against forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset, concatenate_datasets

from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainJob
from trainers.engines.trl._rows import IGNORED, Row, text_tokens, tokens_of
from trainers.mixing import in_order, mixture


def general_rows(samples: Sequence[Sample], tokenizer: Any, sequence_length: int) -> list[Row]:
    """Rows of general samples: answers without the task's instruction, texts as they are.

    A text is cut at the sequence length; a conversation that exceeds it makes no row.
    """
    every = (_row(sample, tokenizer, sequence_length) for sample in samples)
    return [row for row in every if 1 < len(row["input_ids"]) <= sequence_length]


def _row(sample: Sample, tokenizer: Any, sequence_length: int) -> Row:
    if not sample.input.strip():
        ids = text_tokens(sample.target, tokenizer)[:sequence_length]
        return {"input_ids": ids, "labels": list(ids)}
    prompt, answer = tokens_of(sample, "", tokenizer)
    return {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}


def mixed(rows: Dataset, job: TrainJob, tokenizer: Any) -> tuple[Dataset, tuple[str, ...]]:
    """The rows with general ones behind them, so many that they are the plan's share, and notes.

    Which ones is decided by the plan's seed; where there are too few, all are taken, and told why.
    """
    order = in_order(job)
    if not order:
        return rows, ()
    fitting = general_rows(order, tokenizer, job.plan.sequence_length)
    found = mixture(job, len(rows), fitting=len(fitting))
    remarks = (found.remark,) if found.remark else ()
    if not found.taken:
        return rows, remarks
    note = f"{found.taken} rows of general data are mixed in, {found.reached:.0%} of all."
    together = [rows, Dataset.from_list(fitting[: found.taken])]
    return concatenate_datasets(together), (note.replace("%", " %"), *remarks)
