"""How names are compared, and which one was probably meant."""

from __future__ import annotations

from collections.abc import Sequence

_MAKERS = ("nvidia", "geforce", "tesla", "instinct", "amd")


def plain(name: str) -> str:
    """A name without case, punctuation and makers, so that spellings agree."""
    kept = "".join(c for c in name.lower() if c.isalnum() or c == ".")
    for word in _MAKERS:
        kept = kept.removeprefix(word)
    return kept


def suggestion(name: str, known: Sequence[str], cutoff: float = 0.5) -> str:
    """A sentence with the nearest known name, or nothing below that likeness."""
    import difflib  # noqa: PLC0415 - only a mistyped name pays for it

    by_plain = {plain(k): k for k in reversed(known)}
    close = difflib.get_close_matches(plain(name), by_plain, n=1, cutoff=cutoff)
    return f" Did you mean '{by_plain[close[0]]}'?" if close else ""


_MIRRORS = ("unsloth", "nousresearch", "thebloke", "llm-research", "ai-modelscope", "mlx-community")
_PACKINGS = ("bnb-4bit", "unsloth-bnb-4bit", "unsloth", "4bit", "gptq", "awq", "int4", "int8")


def mirrored(ref: str) -> str:
    """The repository a known mirror copies, without what its name says about packing, or nothing.

    Mirrors are accounts that publish other people's models under their names.
    """
    owner, _, name = ref.lower().partition("/")
    if owner not in _MIRRORS or not name:
        return ""
    for packing in sorted(_PACKINGS, key=len, reverse=True):
        name = name.removesuffix(f"-{packing}")
    return name


_PACKED = {
    "gptq-int8": "int8",
    "gptq": "gptq",
    "gptq-int4": "gptq",
    "awq": "awq",
    "bnb-4bit": "nf4",
    "bnb-8bit": "int8",
    "chat-int4": "gptq",
    "chat-int8": "int8",
    "fp8": "fp8",
}
"""End of a repository's name -> how plans call the packing."""


def packed_as(ref: str) -> str | None:
    """How a repository's name says its weights are packed; None where it says nothing."""
    name = ref.lower().replace("_", "-")
    found = (end for end in _PACKED if name.endswith(f"-{end}"))
    return _PACKED.get(max(found, key=len, default=""))
