"""Speaks with OpenAI-compatible servers through OpenAI's library; the heavy back of the backend."""

from __future__ import annotations

from typing import Any

import httpx2
import openai

from advisor.builtin.backends._exchange import Sdk
from advisor.builtin.backends._service import ServiceSession
from advisor.builtin.backends.dialect import (
    Answer,
    Change,
    Counted,
    Manner,
    UnusableError,
    simpler,
)
from advisor.builtin.backends.service_settings import ServiceSettings
from advisor.schema.chat import folded
from advisor.schema.evaluation import Message, Prompt

NEW_KEY, OLD_KEY = "max_completion_tokens", "max_tokens"
OPENAI_HOST = "api.openai.com"


def open_session(settings: ServiceSettings) -> ServiceSession:
    """A session; nothing is sent yet."""

    def sdk(http_client: httpx2.Client) -> Sdk:
        client = openai.OpenAI(
            api_key=settings.api_key.get_secret_value(),
            base_url=settings.base_url,
            timeout=settings.timeout_seconds,
            max_retries=0,  # ours know what all lanes were told
            http_client=http_client,
        )
        return Sdk(client, openai.APIStatusError, openai.APITimeoutError, openai.APIConnectionError)

    return ServiceSession(settings, ChatCompletions(settings), sdk)


class ChatCompletions:
    """The chat completions that OpenAI began and most servers took over."""

    path = "/chat/completions"

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        # Servers that know only the old name of the limit pass over the new one without a word.
        key = NEW_KEY if settings.host == OPENAI_HOST else OLD_KEY
        self.first = Manner(token_key=key, form="strict" if settings.json_schema else "")

    def body(self, prompt: Prompt, max_new_tokens: int, manner: Manner) -> dict[str, Any]:
        """The request."""
        turns = [_turn(message) for message in prompt.messages]
        if manner.folds_system:
            roles = {"developer": "system"}
            turns = folded([t | {"role": roles.get(t["role"], t["role"])} for t in turns])
        told: dict[str, Any] = {
            "model": self._settings.model,
            "messages": turns,
            manner.token_key: max_new_tokens,
        }
        if manner.sends_temperature:
            told["temperature"] = prompt.temperature
        if manner.sends_seed and (self._settings.seed is not None or prompt.draw):
            told["seed"] = (self._settings.seed or 0) + prompt.draw
        if manner.form:
            schema = {"name": "answer", "schema": self._settings.json_schema}
            strict = {"strict": True} if manner.form == "strict" else {}
            told["response_format"] = {"type": "json_schema", "json_schema": schema | strict}
        return told

    def answer(self, told: dict[str, Any]) -> Answer:
        """The first choice. Raises UnusableError where there is none."""
        choices = told["choices"]
        if not choices:
            raise UnusableError("empty_choices")
        message = choices[0]["message"]
        text = message.get("content") or message.get("refusal") or ""
        return Answer(
            text=text if isinstance(text, str) else _joined(text),
            model=str(told.get("model") or ""),
            cut=choices[0].get("finish_reason") == "length",
        )

    def counted(self, told: dict[str, Any]) -> Counted:
        """What the response says it will be billed as."""
        usage = told.get("usage") or {}
        return Counted(usage.get("prompt_tokens"), usage.get("completion_tokens"))

    def change(self, manner: Manner, complaint: str) -> Change | None:
        """The other name of the token limit, or one thing less."""
        if manner.token_key in complaint and not manner.switched:
            other = OLD_KEY if manner.token_key == NEW_KEY else NEW_KEY
            kept = manner.model_copy(update={"token_key": other, "switched": True})
            return Change(kept, f"asked_with_{other}")
        return simpler(manner, complaint)


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        turn["tool_call_id"] = message.call_id or message.name
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.id or call.name,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return turn


def _joined(parts: list[dict[str, Any]]) -> str:
    """The text of an answer in parts."""
    return "".join(str(part.get("text") or "") for part in parts)
