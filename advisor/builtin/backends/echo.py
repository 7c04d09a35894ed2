"""A model that needs nothing and says something foreseeable: for tests, tutorials and dry runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from advisor.contracts import PluginInfo
from advisor.schema.evaluation import Completion, Prompt

REPLY = "reply"


class EchoSession:
    """Answers with the last line of the last user turn, or always with one given reply."""

    model_digest = "echo"

    def __init__(self, reply: str | None) -> None:
        self._reply = reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; words count as tokens, and it takes no time."""
        return [self._answer(prompt, max_new_tokens) for prompt in prompts]

    def count_tokens(self, text: str) -> int:
        """Words, split at white space."""
        return len(text.split())

    def _answer(self, prompt: Prompt, max_new_tokens: int) -> Completion:
        text = self._reply if self._reply is not None else _last_line(prompt)
        words = text.split()
        cut = len(words) > max_new_tokens
        return Completion(
            text=" ".join(words[:max_new_tokens]) if cut else text,
            prompt_tokens=sum(self.count_tokens(m.content) for m in prompt.messages),
            completion_tokens=min(len(words), max_new_tokens),
            latency_ms=0.0,
            finish="length" if cut else "stop",
        )


class EchoBackend:
    """Opens the echo under any model name; `settings["reply"]` fixes what it says."""

    info = PluginInfo(id="echo", label="Echo (no model)")

    def open(self, model: str, settings: dict[str, str]) -> EchoSession:
        """A session; the model's name does not matter."""
        del model
        return EchoSession(settings.get(REPLY))


def _last_line(prompt: Prompt) -> str:
    turns = [message.content for message in prompt.messages if message.role == "user"]
    lines = [line.strip() for line in turns[-1].splitlines() if line.strip()] if turns else []
    return lines[-1] if lines else ""
