"""Right or wrong: the answer is JSON, and follows a schema where one is given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from advisor.builtin.metrics.json_text import TOLERATE, parse
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import digest, library, signed
from advisor.contracts import MetricInfo
from advisor.errors import InputError, MissingExtraError
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


def _schema(text: str) -> str:
    """The schema's text, from a file or as it stands; raises ValueError when it is no object."""
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is no UTF-8 text"
            msg = f"the file cannot be read, {reason}"
            raise ValueError(msg) from error
    found = parse(text, tolerate="nothing")
    if found.fault or not isinstance(found.value, dict):
        msg = found.fault or "a JSON schema is an object"
        raise ValueError(msg)
    return text


OPTIONS = {"schema": _schema, "tolerate": TOLERATE}


class JsonValidMetric:
    """1 when the answer is a JSON object or array, or follows the schema."""

    info = MetricInfo(id="json_valid", label="valid JSON", binary=True, options=tuple(OPTIONS))

    def __init__(self, *, schema: str = "", tolerate: str = "nothing") -> None:
        self.schema = schema
        self.tolerate = tolerate

    @property
    def signature(self) -> str:
        """Schema by digest, tolerance and versions."""
        parts = {"schema": digest(self.schema) if self.schema else "none"}
        version = {"jsonschema": library("jsonschema")} if self.schema else {}
        return signed("json_valid", **parts, tolerate=self.tolerate, v=1, **version)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `schema=FILE` (or the schema itself) and `tolerate=nothing|fences|prose`.

        Raises InputError for a schema that is none.
        """
        metric = type(self)(**read_options(self.info.id, options, OPTIONS))
        if metric.schema:
            metric.check_schema()
        return metric

    def check_schema(self) -> None:
        """Raise InputError for a schema that is none, before the first answer."""
        self._validator  # noqa: B018 - made once, kept for the answers

    @cached_property
    def _validator(self) -> Any:
        try:
            import jsonschema  # noqa: PLC0415 - optional
            from jsonschema_specifications import REGISTRY  # noqa: PLC0415 - comes with jsonschema
        except ImportError as error:
            raise MissingExtraError("Checking against a JSON schema", "metrics") from error
        schema = parse(self.schema, tolerate="nothing").value
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise InputError(
                f"The JSON schema is wrong at '{error.json_path}': {error.message[:200]}.",
                hint="Mend the schema; https://json-schema.org describes the format.",
                where="metric json_valid",
            ) from error
        # This registry holds the drafts alone: a reference to an address is never fetched.
        return kind(schema, registry=REGISTRY)

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0, with the first fault as its note."""
        found = parse(completion.text, tolerate=self.tolerate)
        fault = found.fault or self._fault_of(found.value)
        return Score(sample_id=sample.id, value=float(not fault), note=fault)

    def _fault_of(self, value: Any) -> str:
        if not self.schema:
            return "" if isinstance(value, (dict, list)) else "neither an object nor an array"
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - comes with jsonschema

        try:
            first = next(self._validator.iter_errors(value), None)
        except Unresolvable as error:
            raise InputError(
                f"The JSON schema refers to '{error.ref}', which it does not hold.",
                hint="Put what is referred to under $defs of the schema itself.",
                where="metric json_valid",
            ) from error
        except RecursionError:
            return "nested too deeply to be checked"
        return "" if first is None else f"against the schema at {first.json_path}"
