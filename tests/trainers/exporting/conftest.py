"""A miniature base model, made once."""

from tests.fixtures.tiny_llama import tiny_llama

__all__ = ["tiny_llama"]
