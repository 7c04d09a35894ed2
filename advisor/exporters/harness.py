"""Results as lm-evaluation-harness writes them, for tools that read its files.

The keys are those of the harness's result files as of version 0.4.13 (`EvalResults`); what it would
fill from its own task files says here what advisor did instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from advisor.exporters.measured import Row, Subject, rows_of, standard_error
from advisor.schema.evaluation import Evaluation, Sample

FILTER = "none"
"""The harness names the filter that answers went through; ours go through none."""
NOT_KNOWN = "N/A"
"""What the harness writes for a standard error that cannot be given."""
TASK_VERSION = 1.0


def results(evaluation: Evaluation, subject: Subject) -> dict[str, Any]:
    """The result file of one evaluation: one model, one task."""
    task, metric = subject.task, evaluation.metric
    error = standard_error(evaluation)
    manifest = evaluation.manifest
    return {
        "results": {
            task: {
                "alias": task,
                "sample_len": evaluation.n,
                f"{metric},{FILTER}": evaluation.value,
                f"{metric}_stderr,{FILTER}": NOT_KNOWN if error is None else error,
            }
        },
        "group_subtasks": {task: []},
        "configs": {task: _task(evaluation, subject)},
        "versions": {task: TASK_VERSION},
        "n-shot": {task: _shots(evaluation)},
        "higher_is_better": {task: {metric: subject.higher_is_better}},
        "n-samples": {
            task: {"original": evaluation.planned or evaluation.n, "effective": evaluation.n}
        },
        "config": {
            "model": subject.backend,
            "model_args": {"pretrained": subject.base, "served_as": subject.model},
            "model_sha": manifest.model_digest,
            "batch_size": str(manifest.settings.get("batch_size", "")),
            "random_seed": manifest.seed,
        },
        "date": subject.made_at,
        "model_source": subject.backend,
        "model_name": subject.model,
        "system_instruction": subject.instruction or None,
        "task_hashes": {task: manifest.dataset_digest},
        "advisor": {
            "system": evaluation.builder,
            "interval": evaluation.interval.model_dump(),
            "interval_method": evaluation.interval_method,
            "metric_signature": manifest.metric_signature,
            "versions": dict(subject.versions),
        },
    }


def _task(evaluation: Evaluation, subject: Subject) -> dict[str, Any]:
    manifest = evaluation.manifest
    return {
        "task": subject.task,
        "dataset_path": "json",
        "test_split": manifest.split,
        "output_type": "generate_until",
        "generation_kwargs": {
            "max_gen_toks": manifest.settings.get("max_new_tokens"),
            "do_sample": False,
        },
        "metric_list": [
            {
                "metric": evaluation.metric,
                "aggregation": "counts" if _has_totals(evaluation) else "mean",
                "higher_is_better": subject.higher_is_better,
            }
        ],
        "num_fewshot": _shots(evaluation),
        "metadata": {"version": TASK_VERSION, "dataset_digest": manifest.dataset_digest},
    }


def sample_lines(evaluation: Evaluation, samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """One line per sample, as the harness logs them; they hold the texts of the test part.

    `arg_0` is what the sample asks: shots and passages that a prompt showed beside it are named by
    their ids, since no prompt is kept.
    """
    return (_line(row, evaluation.metric) for row in rows_of(evaluation, samples))


def _line(row: Row, metric: str) -> dict[str, Any]:
    answer = row.score.completion.text
    return {
        "doc_id": row.number,
        "doc": {"id": row.sample.id, "input": row.sample.input, "target": row.sample.target},
        "target": row.sample.target,
        "arguments": {"gen_args_0": {"arg_0": row.sample.input}},
        "shown": {"shots": list(row.score.shots), "passages": list(row.score.passages)},
        "resps": [[answer]],
        "filtered_resps": [answer],
        "filter": FILTER,
        "metrics": [metric],
        metric: row.score.value,
    }


def _has_totals(evaluation: Evaluation) -> bool:
    """Whether the value is made of summed counts and no mean of samples."""
    return any(score.totals for score in evaluation.scores)


def _shots(evaluation: Evaluation) -> int:
    """The most shots that a prompt showed."""
    return max((len(score.shots) for score in evaluation.scores), default=0)
