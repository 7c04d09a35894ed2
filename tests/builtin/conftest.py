"""A miniature base model, made once; and no key of whoever runs the tests."""

import pytest

from tests.fixtures.tiny_llama import tiny_llama

__all__ = ["tiny_llama"]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
