"""Speaks with Anthropic's service through its library; the heavy back of the backend."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2

from advisor.builtin.backends._exchange import Sdk
from advisor.builtin.backends._service import ServiceSession
from advisor.builtin.backends.dialect import Answer, Change, Counted, Manner, simpler
from advisor.builtin.backends.service_settings import ServiceSettings
from advisor.schema.evaluation import Message, Prompt

CUT = ("max_tokens", "model_context_window_exceeded")
WARMEST = 1.0
"""The service takes no higher temperature."""


def open_session(settings: ServiceSettings) -> ServiceSession:
    """A session; nothing is sent yet."""

    def sdk(http_client: httpx2.Client) -> Sdk:
        client = anthropic.Anthropic(
            api_key=settings.api_key.get_secret_value(),
            base_url=settings.base_url,
            timeout=settings.timeout_seconds,
            max_retries=0,  # ours know what all lanes were told
            http_client=http_client,
        )
        return Sdk(
            client,
            anthropic.APIStatusError,
            anthropic.APITimeoutError,
            anthropic.APIConnectionError,
        )

    return ServiceSession(settings, Messages(settings), sdk)


class Messages:
    """Anthropic's messages: the system's text apart, content in blocks."""

    path = "/v1/messages"

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self.first = Manner(sends_seed=False, form="strict" if settings.json_schema else "")

    def body(self, prompt: Prompt, max_new_tokens: int, manner: Manner) -> dict[str, Any]:
        """The request."""
        system = [m.content for m in prompt.messages if m.role in ("system", "developer")]
        rest = [m for m in prompt.messages if m.role not in ("system", "developer")]
        told: dict[str, Any] = {
            "model": self._settings.model,
            "max_tokens": max_new_tokens,
            "messages": [_turn(message) for message in rest],
        }
        if system:
            told["system"] = "\n\n".join(system)
        if manner.sends_temperature:
            told["temperature"] = min(prompt.temperature, WARMEST)
        if manner.form:
            form = {"type": "json_schema", "schema": self._settings.json_schema}
            told["output_config"] = {"format": form}
        called = {call.name for message in rest for call in message.tool_calls}
        if called:  # turns with calls are taken only where the functions are named
            told["tools"] = [
                {"name": name, "input_schema": {"type": "object"}} for name in sorted(called)
            ]
            told["tool_choice"] = {"type": "none"}
        return told

    def answer(self, told: dict[str, Any]) -> Answer:
        """The text of all blocks."""
        return Answer(
            text="".join(b["text"] for b in told["content"] if b.get("type") == "text"),
            model=str(told.get("model") or ""),
            cut=told.get("stop_reason") in CUT,
        )

    def counted(self, told: dict[str, Any]) -> Counted:
        """What the response says it will be billed as."""
        usage = told.get("usage") or {}
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        read = [usage.get(name) for name in names]
        whole = None if read[0] is None else sum(count or 0 for count in read)
        return Counted(whole, usage.get("output_tokens"))

    def change(self, manner: Manner, complaint: str) -> Change | None:
        """One thing less."""
        if manner.form == "strict" and ("schema" in complaint or "output_" in complaint):
            kept = manner.model_copy(update={"form": ""})
            return Change(kept, "json_schema_refused")
        return simpler(manner, complaint)


def _turn(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        block = {
            "type": "tool_result",
            "tool_use_id": message.call_id or message.name,
            "content": message.content,
        }
        return {"role": "user", "content": [block]}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    said = [{"type": "text", "text": message.content}] if message.content else []
    calls = [
        {
            "type": "tool_use",
            "id": call.id or call.name,
            "name": call.name,
            "input": _arguments(call.arguments),
        }
        for call in message.tool_calls
    ]
    return {"role": message.role, "content": [*said, *calls]}


def _arguments(text: str) -> dict[str, Any]:
    """A call's arguments; text that is no JSON object stays as one."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"text": text}
