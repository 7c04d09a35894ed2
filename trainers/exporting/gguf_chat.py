"""How a tuned model is spoken to: chat template, special tokens and ends, for a GGUF file."""

from __future__ import annotations

from typing import Any, NamedTuple

from jinja2 import TemplateError

from advisor.errors import PlanError
from advisor.schema.chat import folded

ROOM_FOR_ENDS = ("eos", "eot", "eom")
"""Special tokens of a GGUF file at which llama.cpp stops."""
KNOWN_ENDS = frozenset(
    {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "</s>"}
    | {"<|end_of_text|>", "<EOT>", "[EOT]", "[EOS]", "<|return|>", "<|call|>", "<end_of_utterance>"}
    | {"<|fim_pad|>", "<fim_pad>", "<|repo_name|>", "<reponame>", "<|fim_repo|>", "<|file_sep|>"}
)
"""Tokens at which llama.cpp stops for their spelling alone, whatever a file says."""
HELLO = [{"role": "user", "content": "Hello"}]


class ChatFacts(NamedTuple):
    """What a GGUF file says of conversations."""

    name: str
    template: str
    special: dict[str, int]
    """By `bos`, `eos`, `eot`, `eom`, `pad` and `unk`."""
    adds_bos: bool
    """Whether a prompt begins with the first of them."""
    ends: dict[int, str]
    """Every token that ends an answer, with its spelling."""
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def chat_facts(tokenizer: Any, model_ends: object, name: str) -> ChatFacts:
    """Of a transformers tokenizer, and what the model's generation_config says ends an answer.

    Raises PlanError where nothing does.
    """
    own = [] if model_ends is None else [model_ends] if isinstance(model_ends, int) else model_ends
    last = tokenizer.eos_token_id
    numbers = list(dict.fromkeys([*([last] if last is not None else []), *own]))  # type: ignore[misc]
    ends = {int(number): str(tokenizer.decode([number])) for number in numbers}
    if not ends:
        raise PlanError(
            "Neither the tokenizer nor generation_config.json names a token that ends an answer:"
            " every program would write on and on.",
            hint="Set eos_token in tokenizer_config.json to the token that ends a turn.",
            where=name,
        )
    special = {
        kind: int(number)
        for kind in ("bos", "pad", "unk")
        if (number := getattr(tokenizer, f"{kind}_token_id", None)) is not None
    }
    special |= dict(zip(ROOM_FOR_ENDS, ends, strict=False))
    beyond = [text for text in list(ends.values())[len(ROOM_FOR_ENDS) :] if text not in KNOWN_ENDS]
    return ChatFacts(
        name=name,
        template=str(tokenizer.chat_template or ""),
        special=special,
        adds_bos=begins_with_bos(tokenizer),
        ends=ends,
        notes=_more_ends(tokenizer, ends),
        unchecked=_beyond(beyond),
    )


def begins_with_bos(tokenizer: Any) -> bool:
    """Whether the prompts that the model was tuned on begin with the first special token."""
    if not tokenizer.bos_token:
        return False
    for turns in (HELLO, folded(HELLO)):
        try:
            text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        except TemplateError:
            continue
        return str(text).startswith(tokenizer.bos_token)
    return False


def _more_ends(tokenizer: Any, ends: dict[int, str]) -> tuple[str, ...]:
    words = tokenizer.get_vocab()
    more = sorted(text for text in KNOWN_ENDS if text in words and words[text] not in ends)
    if not more:
        return ()
    return (f"llama.cpp also stops at {', '.join(more)}, at which the tuned model did not.",)


def _beyond(texts: list[str]) -> tuple[str, ...]:
    if not texts:
        return ()
    told = "A GGUF file has room for three ends; these must be told to the program that serves it"
    return (f"{told}: {', '.join(texts)}.",)
