"""Which settings of a backend change answers, and with that the keys of the cache."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.builtin.backends import usual_device
from advisor.contracts import Deciding
from advisor.measuring import deciding_options

PATIENCE = {"attempts": "2", "timeout_seconds": "9", "concurrency": "3", "api_key_env": "MY_KEY"}


@pytest.mark.parametrize("backend", ["openai", "anthropic", "echo", "transformers"])
def test_what_only_costs_patience_decides_nothing(backend: str):
    found = registry.backend(backend)
    assert isinstance(found, Deciding)
    assert found.deciding(PATIENCE | {"batch_size": "4", "latency_ms": "5"}) == found.deciding({})


def test_what_changes_answers_decides():
    assert registry.backend("openai").deciding({"seed": "5"}) == {"seed": "5"}
    assert registry.backend("echo").deciding({"reply": "yes"}) == {"reply": "yes"}
    told = {"device": "cpu", "dtype": "bfloat16"}
    assert registry.backend("transformers").deciding(told) == told


def test_another_number_of_attempts_buys_nothing_again(monkeypatch: pytest.MonkeyPatch):
    assert deciding_options("openai", PATIENCE | {"seed": "5"}) == {"backend.seed": "5"}

    class Silent:
        """A backend that does not say."""

    monkeypatch.setattr(registry, "backend", lambda _name: Silent())
    assert deciding_options("other", {"attempts": "2"}) == {"backend.attempts": "2"}


def test_a_local_models_usual_device_decides(monkeypatch: pytest.MonkeyPatch):
    backend = registry.backend("transformers")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(usual_device.shutil, "which", lambda _name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(usual_device, "version", lambda _name: "2.9.0")
    assert backend.deciding({}) == {"device": "cuda", "dtype": "bfloat16"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert backend.deciding({}) == {"device": "cpu", "dtype": "float32"}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(usual_device, "version", lambda _name: "2.9.0+cpu")
    assert backend.deciding({}) == {"device": "cpu", "dtype": "float32"}


@pytest.mark.ml
def test_the_usual_device_is_the_one_that_torch_takes():
    torch = pytest.importorskip("torch")
    assert usual_device.usual_device() == ("cuda" if torch.cuda.is_available() else "cpu")
