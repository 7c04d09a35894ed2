"""Miniature base models, made once; what libraries hold is not searched for garbage again."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from tests.fixtures.tiny_encoder import tiny_encoder
from tests.fixtures.tiny_llama import tiny_llama

__all__ = ["tiny_encoder", "tiny_llama"]


@pytest.fixture(scope="module", autouse=True)
def libraries_set_apart() -> Iterator[None]:
    """A full collection, of which each training makes several, takes a third of a second else."""
    if "trl" in sys.modules:
        gc.freeze()
    yield
    gc.unfreeze()
