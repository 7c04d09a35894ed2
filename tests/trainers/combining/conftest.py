"""A miniature base model, made once, and two adapters of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.tiny_llama import tiny_llama
from tests.fixtures.tuned_parts import make_adapter

__all__ = ["pair", "tiny_llama"]


@pytest.fixture(scope="session")
def pair(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two adapters of rank 4 on the same layers, of different scale; they stay as they are."""
    place = tmp_path_factory.mktemp("pair")
    first = make_adapter(tiny_llama, place / "first", seed=1)
    second = make_adapter(tiny_llama, place / "second", seed=2, lora_alpha=4)
    return first, second
