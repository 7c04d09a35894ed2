"""Results as Every Eval Ever keeps them: one aggregate record, and a line for each sample.

Fields as the project's schema asks for them (0.2.2, with the details on deployment that 0.3.0
requires).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from advisor.exporters.measured import Row, Subject, rows_of, standard_error
from advisor.schema.evaluation import Evaluation, Sample

SCHEMA = "0.3.0"
ORGANISATION = "local"
"""Nobody is named as the evaluator unless the user publishes the record under a name."""
EXACT = "scored by the metric"
FULL = 1.0


def record_id(evaluation: Evaluation, subject: Subject) -> str:
    """A version-4 UUID that stays while scores and subject stay."""
    told = [subject.task, subject.model, evaluation.builder, evaluation.manifest.model_dump_json()]
    told += [f"{score.sample_id}={score.value!r}" for score in evaluation.scores]
    digest = hashlib.sha256("\0".join(told).encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def folder_of(subject: Subject) -> str:
    """Where the project keeps such a record: data/benchmark/developer/model."""
    developer, _, name = subject.model.rpartition("/")
    return "/".join(("data", _plain(subject.task), _plain(developer or ORGANISATION), _plain(name)))


def _plain(text: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in text).strip("-. ")
    return "unnamed" if kept.lower() in {"", "data"} else kept


def aggregate(
    evaluation: Evaluation, subject: Subject, *, lines: Sequence[str] = ()
) -> dict[str, Any]:
    """The record of one evaluation; `lines` are those of its samples' file, where there is one."""
    stamp = f"{subject.made_at:.0f}"
    identity = _identity(evaluation, subject)
    found: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": identity,
        "evaluation_timestamp": stamp,
        "retrieved_timestamp": stamp,
        "source_metadata": {
            "source_name": "advisor",
            "source_type": "evaluation_run",
            "source_organization_name": ORGANISATION,
            "evaluator_relationship": "first_party",
        },
        "model_info": _model(subject),
        "eval_library": {
            "name": "advisor",
            "version": subject.versions.get("advisor", "unknown"),
            "additional_details": dict(subject.versions),
        },
        "evaluation_results": [_result(evaluation, subject, identity, stamp)],
    }
    if lines:
        name = f"{record_id(evaluation, subject)}_samples.jsonl"
        text = "".join(f"{line}\n" for line in lines)
        found["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": f"{folder_of(subject)}/{name}",
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(text.encode()).hexdigest(),
            "total_rows": len(lines),
        }
    return found


def _model(subject: Subject) -> dict[str, Any]:
    here = subject.backend in {"transformers", "small_model", "gguf", "dry_run", "echo"}
    return {
        "name": subject.model,
        "id": subject.model if "/" in subject.model else f"{ORGANISATION}/{subject.model}",
        "inference_engine": {
            "name": subject.backend,
            "version": subject.versions.get(subject.backend, "unknown"),
        },
        "additional_details": {
            "base_model": subject.base,
            "deployment_type": "self_deployed" if here else "unknown",
            "model_availability": "unknown",
        },
    }


def _result(evaluation: Evaluation, subject: Subject, identity: str, stamp: str) -> dict[str, Any]:
    manifest = evaluation.manifest
    arguments = {"temperature": 0.0}
    longest = manifest.settings.get("max_new_tokens")
    if isinstance(longest, int):
        arguments["max_tokens"] = longest
    return {
        "evaluation_result_id": _result_id(evaluation, identity),
        "evaluation_name": _name(evaluation, subject),
        "source_data": {
            "dataset_name": subject.task,
            "source_type": "other",
            "additional_details": {
                "digest": manifest.dataset_digest,
                "split": manifest.split,
                "samples": str(manifest.samples),
            },
        },
        "evaluation_timestamp": stamp,
        "metric_config": _metric(evaluation, subject),
        "score_details": {
            "score": evaluation.value,
            "details": {
                "system": evaluation.builder,
                "failures": str(evaluation.failures),
                "unscored": str(evaluation.unscored),
            },
            "uncertainty": _uncertainty(evaluation),
        },
        "generation_config": {
            "generation_args": arguments,
            "additional_details": {k: str(v) for k, v in sorted(manifest.settings.items())},
        },
    }


def _metric(evaluation: Evaluation, subject: Subject) -> dict[str, Any]:
    return {
        "evaluation_description": f"{evaluation.metric} of {evaluation.builder} on {subject.task}",
        "metric_id": evaluation.metric,
        "metric_name": evaluation.metric,
        "metric_unit": "proportion",
        "lower_is_better": not subject.higher_is_better,
        "score_type": "binary" if subject.is_binary else "continuous",
        "min_score": 0.0,
        "max_score": 1.0,
        "additional_details": {"signature": evaluation.manifest.metric_signature},
    }


def _uncertainty(evaluation: Evaluation) -> dict[str, Any]:
    interval = evaluation.interval
    found: dict[str, Any] = {
        "confidence_interval": {
            "lower": interval.low,
            "upper": interval.high,
            "confidence_level": interval.level,
            "method": evaluation.interval_method or "unknown",
        },
        "num_samples": evaluation.n,
    }
    error = standard_error(evaluation)
    if error is not None:
        found["standard_error"] = {"value": error, "method": "analytic"}
    return found


def sample_lines(
    evaluation: Evaluation, subject: Subject, samples: Sequence[Sample]
) -> Iterator[dict[str, Any]]:
    """One record per sample; they hold the texts of the test part."""
    identity = _identity(evaluation, subject)
    model = _model(subject)["id"]
    for row in rows_of(evaluation, samples):
        yield {
            "schema_version": f"instance_level_eval_{SCHEMA}",
            "evaluation_id": identity,
            "model_id": model,
            "evaluation_name": _name(evaluation, subject),
            "evaluation_result_id": _result_id(evaluation, identity),
            **_line(row, higher_is_better=subject.higher_is_better),
        }


def _line(row: Row, *, higher_is_better: bool) -> dict[str, Any]:
    """A conversation counts as one turn here: what the model wrote last is what was scored."""
    sample, answer = row.sample, row.score.completion
    told = sample.input + sample.target
    return {
        "sample_id": sample.id,
        "sample_hash": hashlib.sha256(told.encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": sample.input, "reference": [sample.target]},
        "output": {"raw": [answer.text]},
        "messages": None,
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer.text,
                "extraction_method": EXACT,
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": row.score.value,
            "is_correct": row.score.value >= FULL if higher_is_better else row.score.value <= 0,
        },
        "token_usage": {
            "input_tokens": answer.prompt_tokens,
            "output_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        },
        "performance": {"latency_ms": answer.latency_ms},
        "error": answer.error or None,
    }


def _name(evaluation: Evaluation, subject: Subject) -> str:
    """Two systems on one model and task are two evaluations."""
    return f"{subject.task}.{evaluation.builder}"


def _identity(evaluation: Evaluation, subject: Subject) -> str:
    """The project suggests a time at the end; a digest is unique, and a copied run has the same."""
    whose = f"{_name(evaluation, subject)}/{_model(subject)['id']}"
    return f"{whose}/{record_id(evaluation, subject)}"


def _result_id(evaluation: Evaluation, identity: str) -> str:
    return f"{identity}#{evaluation.builder}.{evaluation.metric}"
