"""Which library can open a GGUF file here."""

from __future__ import annotations

from importlib.util import find_spec


def can_run() -> bool:
    """Whether llama.cpp itself can, through llama-cpp-python."""
    return find_spec("llama_cpp") is not None


def can_read() -> bool:
    """Whether transformers can, by making plain weights of it."""
    return all(find_spec(name) is not None for name in ("gguf", "torch", "transformers"))
