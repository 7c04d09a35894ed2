"""What the echo says and where it fails: rules in a file, chosen by the prompt and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.schema.base import Value
from advisor.schema.evaluation import Prompt

FAILURES = ("retried", "lost", "refused")
"""Answered at the second attempt; not answered, but perhaps later; never answered."""
KEYS = {"contains", "reply", "replies"}


class Rule(Value):
    """Prompts that contain a text get one of these replies."""

    contains: str
    replies: tuple[str, ...]


class Script(Value):
    """Everything that decides an answer of the echo."""

    rules: tuple[Rule, ...] = ()
    failures: tuple[tuple[str, float], ...] = ()
    """Kinds of failure with the shares of prompts that meet them."""

    @property
    def digest(self) -> str:
        """Changes with what is said."""
        if not self.rules and not self.failures:
            return "echo"
        return f"echo-{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:11]}"

    def reply(self, prompt: Prompt) -> str:
        """By the first rule that fits; without one, the last line of the last user turn."""
        text = "\n".join(message.content for message in prompt.messages)
        for rule in self.rules:
            if rule.contains in text:
                return rule.replies[int(_share(prompt, "reply") * len(rule.replies))]
        turns = [message.content for message in prompt.messages if message.role == "user"]
        lines = [line.strip() for line in turns[-1].splitlines() if line.strip()] if turns else []
        return lines[-1] if lines else ""

    def failure(self, prompt: Prompt) -> str:
        """The kind of failure a prompt meets; empty for none."""
        at, start = _share(prompt, "failure"), 0.0
        for kind, share in self.failures:
            if start <= at < start + share:
                return kind
            start += share
        return ""


def read_script(settings: Mapping[str, str]) -> Script:
    """The script of settings `reply`, `script` (a JSONL file) and `fail` (`lost=0.1,refused=0.05`).

    Raises InputError where one cannot be used.
    """
    rules = _rules(Path(settings["script"])) if settings.get("script") else ()
    if "reply" in settings:
        rules = (*rules, Rule(contains="", replies=(settings["reply"],)))
    return Script(rules=rules, failures=_failures(settings.get("fail", "")))


def _rules(file: Path) -> tuple[Rule, ...]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The echo's script cannot be read: {error}.",
            hint='Write lines like {"contains": "Ulm", "reply": "Baden-Wuerttemberg"}.',
            where=str(file),
        ) from None
    return tuple(_rule(line, f"{file}:{n}") for n, line in enumerate(lines, 1) if line.strip())


def _rule(line: str, where: str) -> Rule:
    try:
        told: Any = json.loads(line)
    except ValueError:
        told = None
    replies = told.get("replies", [told.get("reply")]) if isinstance(told, dict) else []
    is_text = isinstance(replies, list) and all(isinstance(reply, str) for reply in replies)
    if not replies or not is_text or set(told) - KEYS:
        raise InputError(
            "A line of the echo's script is no rule.",
            hint='Write {"contains": "...", "reply": "..."}, or "replies": [...] to vary.',
            where=where,
        )
    return Rule(contains=str(told.get("contains", "")), replies=tuple(replies))


def _failures(text: str) -> tuple[tuple[str, float], ...]:
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        kind, _, share = part.partition("=")
        try:
            found.append((kind.strip(), float(share)))
        except ValueError:
            found.append(("", 0.0))
    if any(kind not in FAILURES or not 0 <= share <= 1 for kind, share in found):
        raise InputError(
            f"The echo cannot fail as '{text}' says.",
            hint=f"Write shares of prompts, like lost=0.1; known: {', '.join(FAILURES)}.",
            where="fail",
        )
    return tuple(found)


def _share(prompt: Prompt, purpose: str) -> float:
    """A number from 0 to 1 that prompt and draw alone decide."""
    told = [purpose, prompt.draw, [[m.role, m.content] for m in prompt.messages]]
    digest = hashlib.sha256(json.dumps(told).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
