"""A miniature base model, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.tiny_llama import make_tiny_llama


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_tiny_llama(Path(tmp_path_factory.mktemp("base")) / "llama"))
