"""The chat forms on which trainer and backend must agree, beyond a model's own template."""

from __future__ import annotations

PLAIN_CHAT_TEMPLATE = (
    "{{ bos_token if bos_token is defined and bos_token else '' }}"
    "{% for message in messages %}"
    "{{ '### ' + message['role'].capitalize() + '\\n' + message['content'] }}"
    "{{ (eos_token if eos_token is defined and eos_token else '')"
    " if message['role'] == 'assistant' else '' }}"
    "{{ '\\n\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant\\n' }}{% endif %}"
)
"""Jinja: a heading per turn, the end-of-text token after an assistant's turn.

Trainer and backend both fall back to it, so that a base model is tuned and asked in one form.
"""


def folded(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same turns for a template without system role: its text heads the first user turn."""
    system = [turn["content"] for turn in turns if turn["role"] == "system"]
    rest = [dict(turn) for turn in turns if turn["role"] != "system"]
    first = next((turn for turn in rest if turn["role"] == "user"), None)
    if system and first is not None:
        first["content"] = "\n\n".join([*system, first["content"]])
    return rest
