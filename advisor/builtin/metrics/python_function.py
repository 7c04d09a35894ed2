"""The user's own metric: a Python function in a file of theirs."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import lacking, signed
from advisor.contracts import MetricInfo
from advisor.errors import InputError
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

EXAMPLE = "my_metric.py:score"
SHAPE = "(answer, target, sample)"
Function = Callable[[str, str, Sample], object]


def _reference(text: str) -> tuple[Path, str]:
    """'file.py:name' as path and name."""
    file, colon, name = text.rpartition(":")
    if not colon or not file.endswith(".py") or not name.isidentifier():
        msg = f"it must be FILE.py:FUNCTION, such as {EXAMPLE}"
        raise ValueError(msg)
    if not Path(file).is_file():
        msg = f"there is no file {file}"
        raise ValueError(msg)
    return Path(file), name


OPTIONS = {"function": _reference}


class PythonMetric:
    """What the user's function says of (answer, target, sample): 0 to 1, or true and false."""

    info = MetricInfo(
        id="python", label="your own function", options=tuple(OPTIONS), needs=("function",)
    )

    def __init__(self, *, function: tuple[Path, str] | None = None) -> None:
        self._file, self._name = function or (Path(), "")
        self._digest = ""
        self._function = self._load() if function else None

    @property
    def signature(self) -> str:
        """File, function and the file's digest, so that an edit makes another metric."""
        where = f"{self._file.name}:{self._name}" if self._function else "none"
        return signed("python", function=where, sha256=self._digest or "none", v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `function=FILE.py:NAME`; the file is run now. Raises InputError where it fails."""
        found = read_options(self.info.id, options, OPTIONS)
        if "function" not in found:
            raise lacking(self.info.id, "function", EXAMPLE)
        return type(self)(**found)

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """The function's value; no answer is 0 without asking it.

        Raises InputError when the function fails or gives something else than 0 to 1.
        """
        if self._function is None:
            raise lacking(self.info.id, "function", EXAMPLE)
        if not completion.text.strip():
            return Score(sample_id=sample.id, value=0.0, note="no answer")
        try:
            found = self._function(completion.text, sample.target, sample)
        except Exception as error:  # the user's code may raise anything
            raise self._failed("raised", error, f" on sample '{sample.id}'") from error
        return Score(sample_id=sample.id, value=self._checked(found, sample))

    def _checked(self, found: object, sample: Sample) -> float:
        try:
            value = float(found)  # type: ignore[arg-type] # numpy's numbers too
        except (TypeError, ValueError):
            value = math.nan
        if isinstance(found, str) or not 0 <= value <= 1:
            raise InputError(
                f"{self._name} gave {str(found)[:60]!r} for sample '{sample.id}', which is no "
                "number from 0 to 1.",
                hint="Return a share from 0 to 1, or True and False.",
                where=str(self._file),
            )
        return value

    def _load(self) -> Function:
        """Run the file and take the function out of it."""
        source = self._file.read_bytes()
        self._digest = hashlib.sha256(source).hexdigest()[:12]
        name = f"_advisor_metric_{self._digest}"
        spec = importlib.util.spec_from_file_location(name, self._file)
        if spec is None or spec.loader is None:
            raise InputError(f"{self._file} cannot be loaded as Python.", where=str(self._file))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and the like look their module up
        try:
            exec(compile(source, str(self._file), "exec"), module.__dict__)  # noqa: S102 - asked for
        except Exception as error:
            del sys.modules[name]
            raise self._failed("cannot be loaded: it raised", error) from error
        function = getattr(module, self._name, None)
        if not callable(function):
            own = [n for n, v in vars(module).items() if inspect.isfunction(v)]
            raise InputError(
                f"{self._file.name} has no function '{self._name}'.",
                hint=f"It has: {', '.join(sorted(own)) or 'no function'}.",
                where=str(self._file),
            )
        return self._fitting(function)

    def _fitting(self, function: Callable[..., object]) -> Function:
        """The function, if it can be called with three values in a row."""
        try:
            inspect.signature(function).bind("", "", None)
        except TypeError as error:
            raise InputError(
                f"{self._name} takes {inspect.signature(function)}; it is called as {SHAPE}.",
                hint=f"Define it as: def {self._name}{SHAPE}: ...",
                where=str(self._file),
            ) from error
        except ValueError:
            pass  # a builtin that does not tell its parameters
        return function

    def _failed(self, verb: str, error: Exception, more: str = "") -> InputError:
        """The user's error in one sentence, with the line of their file."""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(self._file)]
        line = lines[-1] if lines else getattr(error, "lineno", None)
        subject = f"{self._file.name}:{self._name}"
        return InputError(
            f"{subject} {verb} {type(error).__name__}{more}: {str(error)[:200]}",
            hint="Mend the function; it is the user's own code.",
            where=f"{self._file}:{line}" if line else str(self._file),
        )
