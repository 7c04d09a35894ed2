"""The promises behind the contract `ModelBackend`, kept by every registered backend."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from advisor import registry
from advisor.contracts import Deciding, Session
from advisor.errors import ModelFolderError
from advisor.schema.evaluation import Message, Prompt
from advisor.schema.export import ExportJob
from tests.fixtures.chaos import chaos
from tests.fixtures.training import RecordingTools, job_for, prompt

SERVICES = {"anthropic", "openai"}
LIGHT = {"dry_run", "echo"} | SERVICES
MADE_BY_TRAINERS = {"dry_run", "small_model"}
NEEDS_NO_MODEL = {"echo"} | SERVICES
BACKENDS = [
    pytest.param(name, marks=[] if name in LIGHT else [pytest.mark.ml])
    for name in registry.names("advisor.backends")
]
PROMPTS = [prompt(f"What is {i} plus two?{' Please.' * (i % 3)}", i) for i in range(6)]


@pytest.fixture(scope="module", params=BACKENDS)
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param not in SERVICES:
        yield request.param
        return
    if find_spec(request.param) is None:
        pytest.skip("the extra api is not installed")
    with chaos() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", f"{server.base_url}/v1")
        patch.setenv("ANTHROPIC_BASE_URL", server.base_url)
        yield request.param


@pytest.fixture(scope="module")
def model(
    name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    if name in MADE_BY_TRAINERS:
        folder = tmp_path_factory.mktemp(name) / "out"
        base = "tiny" if name == "dry_run" else request.getfixturevalue("tiny_encoder")
        job = job_for(name, base, folder)
        return registry.trainer(name).train(job, RecordingTools()).served_by.model
    if name == "gguf":
        return gguf_file(request.getfixturevalue("tiny_llama"), tmp_path_factory.mktemp(name))
    return "anything" if name in NEEDS_NO_MODEL else request.getfixturevalue("tiny_llama")


def gguf_file(model: str, folder: Path) -> str:
    if find_spec("gguf") is None:
        pytest.skip("the extra gguf is not installed")
    job = ExportJob(model=model, name="tiny", output_dir=str(folder))
    return registry.exporter("gguf").export(job, RecordingTools()).served_by.model


@pytest.fixture(scope="module")
def session(name: str, model: str) -> Iterator[Session]:
    with registry.backend(name).open(model, {}) as opened:
        yield opened


def test_what_decides_is_told_the_same_each_time(name: str):
    backend = registry.backend(name)
    if not isinstance(backend, Deciding):
        pytest.skip("every setting decides")
    told = {"seed": "5", "attempts": "3", "device": "cpu"}
    found = backend.deciding(dict(told))
    assert found == backend.deciding(dict(told))
    assert all(isinstance(value, str) for value in found.values())
    assert {key: told[key] for key in found if key in told}.items() <= found.items()
    assert "attempts" not in found


def test_says_who_it_is(name: str):
    assert registry.backend(name).info.id == name


def test_answers_every_prompt_in_order(session: Session):
    together = session.generate(PROMPTS, max_new_tokens=6)
    alone = [session.generate([p], max_new_tokens=6)[0] for p in PROMPTS]
    assert [c.text for c in together] == [c.text for c in alone]
    assert [c.prompt_tokens for c in together] == [c.prompt_tokens for c in alone]


def test_the_same_prompts_get_the_same_answers(session: Session):
    texts = [[c.text for c in session.generate(PROMPTS, max_new_tokens=6)] for _ in range(2)]
    assert texts[0] == texts[1]


def test_reports_usage_and_keeps_the_limit(session: Session):
    for limit in (1, 4):
        for completion in session.generate(PROMPTS, max_new_tokens=limit):
            assert completion.prompt_tokens > 0
            assert completion.completion_tokens <= limit
            assert completion.latency_ms >= 0
            assert completion.finish in ("stop", "length")


def test_no_prompt_gets_no_answer(session: Session):
    assert session.generate([], max_new_tokens=4) == []


def test_an_odd_prompt_gets_an_answer(session: Session):
    odd = ["", "   ", "\x00\u202e\U0001f600", "### <|end|> {{ 1 }}"]
    prompts = [Prompt(sample_id=t, messages=(Message(role="user", content=t),)) for t in odd]
    assert len(session.generate(prompts, max_new_tokens=3)) == len(odd)


def test_counts_tokens(session: Session):
    assert session.count_tokens("") == 0
    assert 0 < session.count_tokens("one two") < session.count_tokens("one two three four")


def test_names_its_weights(session: Session, name: str, model: str):
    assert session.model_digest
    assert registry.backend(name).open(model, {}).model_digest == session.model_digest


def test_closes(name: str, model: str):
    with registry.backend(name).open(model, {}) as session:
        assert session.generate(PROMPTS[:1], max_new_tokens=2)


def test_a_folder_that_is_not_there_is_told(name: str, tmp_path: Path):
    if name in NEEDS_NO_MODEL:
        pytest.skip("opens under any name")
    with pytest.raises(ModelFolderError) as caught:
        registry.backend(name).open(str(tmp_path / "gone"), {})
    assert "gone" in caught.value.message
    assert caught.value.hint
