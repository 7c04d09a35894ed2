"""The plain chat form for models that bring no chat template of their own."""

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
