"""Miniature base models, made once."""

from tests.fixtures.tiny_encoder import tiny_encoder
from tests.fixtures.tiny_llama import tiny_llama

__all__ = ["tiny_encoder", "tiny_llama"]
