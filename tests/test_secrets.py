"""Secrets are replaced by their kind, and nothing else is touched, however long the text."""

from __future__ import annotations

import time

import pytest

from advisor.patterns import patterns
from advisor.secrets import found_secrets, masked

KEY = "sk-a1B2c3D4e5F6" + "g7H8i9J0k1L2"
PROSE = "The token of my esteem, said the secretary, is a key to the password hall. "


def test_every_kind_is_masked_in_the_middle_of_a_text() -> None:
    for pattern in patterns("secrets").patterns:
        for example in pattern.matches:
            text = f"Before it. {example}"
            assert masked(text) != text, pattern.id
            assert masked(text).startswith("Before it.")
            assert not list(found_secrets(masked(text))), pattern.id


def test_only_the_value_is_replaced() -> None:
    assert masked("DB_PASSWORD=Sup3rS3cret!x; next") == "DB_PASSWORD=[password]; next"
    assert masked(f"api_key={KEY} and {KEY}") == "api_key=[OpenAI key] and [OpenAI key]"
    assert masked(PROSE) == PROSE
    assert masked("") == ""


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 4000,
        "password_" * 30_000,
        "secret_" * 30_000,
        "aws" * 50_000,
        "-----BEGIN PRIVATE KEY-----" * 3_000,
        "postgres://a:" * 20_000,
        "password: " + "a" * 300_000,
        "bearer " * 20_000 + "sk-" * 20_000,
    ],
    ids=lambda text: text[:12],
)
def test_long_texts_take_no_long_time(text: str) -> None:
    began = time.perf_counter()
    masked(text)
    assert time.perf_counter() - began < 2.0
