"""Address, key and pace of a service session; no key goes or shows where it should not."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.builtin.backends.scrubbing import scrubbed
from advisor.errors import BackendAuthError, BackendError, InputError
from tests.fixtures.chaos import KEY, chaos
from tests.fixtures.services import SERVICES, always, open_at, prompts

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)


@pytest.mark.parametrize("backend", SERVICES)
def test_no_key_is_in_any_error(backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    seen: list[object] = []
    for behaviour in ("key_echo_500", "key_echo_text", "401"):
        with (
            chaos(always(behaviour)) as server,
            open_at(server, backend, attempts="2", concurrency="1") as session,
        ):
            try:
                seen.append(session.generate(prompts(1), max_new_tokens=16))
            except BackendAuthError as error:
                linked = [error.__cause__, error.__context__]
                seen += [error.message, error.hint, error.where, repr(error), *linked]
            seen += [repr(session), session.model_digest, str(session.events)]
            assert server.keys == {KEY}
    text = repr(seen)
    assert KEY not in text
    assert KEY[4:16] not in text
    assert "(29 characters)" in text


def test_the_digest_knows_address_and_model_but_no_key(monkeypatch: pytest.MonkeyPatch):
    def digest(model: str, url: str, key: str) -> str:
        monkeypatch.setenv("MY_KEY", key)
        told = {"base_url": url, "api_key_env": "MY_KEY"}
        return registry.backend("openai").open(model, told).model_digest

    base = digest("m", "https://a.example/v1", "key-one-11111")
    assert digest("m", "https://user:word@a.example/v1/", "key-two-22222") == base
    assert digest("n", "https://a.example/v1", "key-one-11111") != base
    assert digest("m", "https://b.example/v1", "key-one-11111") != base


def test_a_key_is_needed_away_from_this_machine(monkeypatch: pytest.MonkeyPatch):
    backend = registry.backend("openai")
    with pytest.raises(BackendAuthError, match="OPENAI_API_KEY is not set"):
        backend.open("m", {})
    with pytest.raises(BackendAuthError, match="MY_KEY is not set"):
        backend.open("m", {"api_key_env": "MY_KEY"})
    with pytest.raises(BackendAuthError, match="ANTHROPIC_API_KEY is not set"):
        registry.backend("anthropic").open("m", {})
    assert backend.open("m", {"base_url": "http://[::1]:8000/v1"}).model_digest
    assert backend.open("m", {"base_url": "http://localhost:11434/v1"}).model_digest


def test_keys_stay_with_those_they_are_for(monkeypatch: pytest.MonkeyPatch):
    from advisor.builtin.backends.openai_compatible import OPENAI
    from advisor.builtin.backends.service_settings import read_settings

    def sent(url: str, **more: str) -> str:
        return read_settings("m", {"base_url": url} | more, OPENAI).api_key.get_secret_value()

    monkeypatch.setenv("OPENAI_API_KEY", "for-openai")
    monkeypatch.setenv("TOGETHER_API_KEY", "for-together")
    assert sent("https://api.together.xyz/v1") == "for-together"
    assert sent("https://api.openai.com/v1") == "for-openai"
    assert sent("http://localhost:8000/v1") == "for-openai"
    assert sent("http://far.example/v1") == "none"
    assert sent("http://far.example/v1", api_key_env="OPENAI_API_KEY") == "for-openai"
    assert sent("https://eu.api.openai.com/v1") == "for-openai"
    assert "for-openai" not in repr(read_settings("m", {}, OPENAI))


@pytest.mark.parametrize("backend", SERVICES)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://api.groq.com/openai/v1", "GROQ_API_KEY is not set"),
        ("https://llm.example.com/v1", "Nothing says which key is for llm.example.com"),
        ("https://api.openai.com.example.com/v1", "Nothing says which key"),
    ],
)
def test_no_companys_key_goes_to_another(
    backend: str, url: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "for-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "for-anthropic")
    with pytest.raises(BackendAuthError, match=words) as caught:
        registry.backend(backend).open("m", {"base_url": url})
    assert "--backend-option api_key_env=NAME" in caught.value.hint


def test_a_named_key_of_one_company_goes_to_no_other(monkeypatch: pytest.MonkeyPatch):
    backend = registry.backend("openai")
    for name in ("GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "key-of-a-company")
    with pytest.raises(BackendAuthError, match=r"GROQ_API_KEY is not sent to api\.openai\.com"):
        backend.open("m", {"api_key_env": "GROQ_API_KEY"})
    told = {"base_url": "https://api.groq.com/openai/v1", "api_key_env": "OPENAI_API_KEY"}
    with pytest.raises(BackendAuthError, match="which has GROQ_API_KEY"):
        backend.open("m", told)
    told["base_url"] = "https://gateway.example.com/v1"
    assert backend.open("m", told).model_digest


def test_a_host_named_by_the_usual_variable_gets_the_usual_key(monkeypatch: pytest.MonkeyPatch):
    from advisor.builtin.backends.openai_compatible import OPENAI
    from advisor.builtin.backends.service_settings import read_settings

    monkeypatch.setenv("OPENAI_API_KEY", "for-all")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.example.com/v1")
    assert read_settings("m", {}, OPENAI).api_key.get_secret_value() == "for-all"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.groq.com/openai/v1")
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(BackendAuthError, match="GROQ_API_KEY is not set"):
        read_settings("m", {}, OPENAI)


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": "0"},
        {"concurrency": "many"},
        {"concurrency": "1.5"},
        {"timeout_seconds": "-1"},
        {"requests_per_minute": "nan"},
        {"seed": "x"},
        {"json_schema": "{"},
        {"json_schema": "[]"},
        {"base_url": "localhost:8000"},
    ],
)
def test_a_setting_that_cannot_be_used_is_told(settings: dict):
    told = {"base_url": "http://localhost:8000/v1"} | settings
    with pytest.raises(InputError) as caught:
        registry.backend("openai").open("m", told)
    assert caught.value.hint


def test_a_service_without_a_key_may_say_none():
    with (
        chaos(always("404")) as server,
        open_at(server) as session,
        pytest.raises(BackendError, match="does not exist") as caught,
    ):
        session.generate(prompts(1), max_new_tokens=16)
    assert "characters)" not in caught.value.message


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Bearer abcdefgh12345678 refused", "Bearer abc... (16 characters) refused"),
        ("key sk-proj-0123456789 and hf_ABCDEFGHIJ", "key sk-... (18 characters) and hf_... (13 characters)"),
        ("the task-force answered", "the task-force answered"),
        ("two\nlines " + "x" * 300, "two lines " + "x" * 227 + "..."),
    ],
)  # fmt: skip
def test_what_looks_like_a_key_is_masked(told: str, shown: str):
    assert scrubbed(told) == shown
