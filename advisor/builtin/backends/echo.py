"""A model that needs nothing and says something foreseeable: for tests, tutorials and dry runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from advisor.builtin.backends import lanes
from advisor.builtin.backends.echo_script import Script, read_script
from advisor.contracts import PluginInfo
from advisor.errors import InputError
from advisor.schema.evaluation import Completion, Prompt

WINDOW = 64


class EchoSession:
    """Answers with the last line of the last user turn, or as a script says; always the same."""

    def __init__(self, script: Script, latency_ms: float = 0.0, calls: int = 1) -> None:
        self._script = script
        self._latency_ms = latency_ms
        self._calls = calls
        self._events: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    @property
    def model_digest(self) -> str:
        """Changes with the script."""
        return self._script.digest

    @property
    def window(self) -> int:
        """Prompts that are best given together."""
        return WINDOW * self._calls

    @property
    def events(self) -> Mapping[str, int]:
        """Failures that the script asked for."""
        return dict(self._events)

    def answers(
        self, prompts: Iterable[Prompt], *, max_new_tokens: int
    ) -> Iterator[tuple[Prompt, Completion]]:
        """Each prompt with its completion; in order, unless answers take time and may overlap."""
        ask = partial(self._answer, max_new_tokens=max_new_tokens)
        if self._latency_ms and self._calls > 1:
            yield from lanes.answers(ask, prompts, lanes=self._calls)
            return
        for prompt in prompts:
            yield prompt, ask(prompt)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; words count as tokens."""
        return [self._answer(prompt, max_new_tokens) for prompt in prompts]

    def count_tokens(self, text: str) -> int:
        """Words, split at white space."""
        return len(text.split())

    def _answer(self, prompt: Prompt, max_new_tokens: int) -> Completion:
        if self._latency_ms:
            time.sleep(self._latency_ms / 1000)
        prompt_tokens = sum(self.count_tokens(m.content) for m in prompt.messages)
        failure = self._script.failure(prompt)
        if failure:
            self._events[failure] += 1
        if failure in ("lost", "refused"):
            return Completion(
                text="",
                prompt_tokens=prompt_tokens,
                completion_tokens=0,
                latency_ms=self._latency_ms,
                finish="error",
                error=f"The script of the echo says: {failure}.",
                may_pass=failure == "lost",
            )
        text = self._script.reply(prompt)
        words = text.split()
        cut = len(words) > max_new_tokens
        return Completion(
            text=" ".join(words[:max_new_tokens]) if cut else text,
            prompt_tokens=prompt_tokens,
            completion_tokens=min(len(words), max_new_tokens),
            latency_ms=self._latency_ms,
            finish="length" if cut else "stop",
            attempts=2 if failure else 1,
        )


class EchoBackend:
    """Opens the echo under any model name."""

    info = PluginInfo(id="echo", label="Echo (no model)")

    def deciding(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What is said and what fails; latency and calls at once change nothing."""
        return {name: settings[name] for name in ("reply", "script", "fail") if name in settings}

    def open(self, model: str, settings: dict[str, str]) -> EchoSession:
        """A session; the model's name does not matter.

        Settings: `reply` fixes what is said; `script` names a JSONL file of rules; `fail` gives
        shares of prompts that fail; with `latency_ms` answers take time, `concurrency` at once.
        Raises InputError.
        """
        del model
        latency_ms = _number(settings, "latency_ms", 0.0)
        calls = int(_number(settings, "concurrency", 1.0))
        return EchoSession(read_script(settings), latency_ms, max(calls, 1))


def _number(settings: Mapping[str, str], name: str, usual: float) -> float:
    try:
        number = float(settings.get(name) or usual)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise InputError(
            f"{name} is '{settings[name]}'.", hint="Give a number of at least 0.", where=name
        )
    return number
