"""Answers of a local model: those of the library, in batches that repeat, nothing computed twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.contracts import Streaming
from advisor.errors import BackendError
from advisor.resources import embedded_model_root
from advisor.schema.evaluation import Message, Prompt
from tests.fixtures import local_models
from tests.fixtures.local_models import library_answers, token_rows
from tests.fixtures.training import prompt

pytestmark = pytest.mark.ml

BACKEND = registry.backend("transformers")
OWN, PLAIN = "OwnLoop", "PlainWay"
MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "llama": (local_models.llama, OWN),
    "gpt2": (local_models.gpt2, OWN),
    "gemma with a window": (local_models.gemma_with_a_window, PLAIN),
    "mamba": (local_models.mamba, PLAIN),
    "positions by length": (
        lambda: local_models.llama(
            rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
        ),
        PLAIN,
    ),
}
SHOTS = "".join(f"Say {i}: it is {i + 2}. " for i in range(12))


def way_of(model: Any) -> Any:
    from advisor.builtin.backends._ways import way_of

    return way_of(model, "cpu", local_models.ENDS, 0)[0]


def continued(way: Any, rows: list[list[int]], limits: list[int], shared: int = 0) -> Any:
    from advisor.builtin.backends._choosing import Chooser
    from advisor.builtin.backends._own_loop import Batch

    choosers = [Chooser(prompt("any"), seed="") for _ in rows]
    return way.answer(Batch(rows, choosers, limits, shared))


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_the_library(name: str):
    make, expected = MODELS[name]
    model = make()
    way = way_of(model)
    assert type(way).__name__ == expected
    for rows in (
        token_rows(9, shortest=1, longest=40),
        token_rows(8, shortest=1, longest=9, beginning=30),
        token_rows(3, shortest=20, longest=20),
    ):
        limits = [12] * len(rows)
        found = continued(way, rows, limits, way.share(rows))
        assert found == library_answers(model, rows, 12)
    assert len({tuple(answer) for answer in found}) > 1, "one token for ever proves little"


def test_rows_end_on_their_own_and_the_rest_goes_on():
    model = local_models.llama()
    rows = token_rows(8, shortest=5, longest=30)
    whole = library_answers(model, rows, 10)
    limits = [1, 10, 3, 10, 2, 10, 10, 1]
    found = continued(way_of(model), rows, limits)
    assert found == [answer[:limit] for answer, limit in zip(whole, limits, strict=True)]


@pytest.fixture
def session() -> Iterator[Any]:
    with BACKEND.open(str(embedded_model_root()), {"batch_size": "2"}) as opened:
        yield opened


def read_tokens(session: Any) -> list[int]:
    """Fills with the number of tokens of every forward pass."""
    counts: list[int] = []

    def note(_module: Any, _args: Any, told: dict[str, Any]) -> None:
        counts.append(told["input_ids"].numel())

    session._model.register_forward_pre_hook(note, with_kwargs=True)
    return counts


def test_the_embedded_model_answers_as_the_library_does(session: Any):
    asked = [prompt(f"What is {i} plus two?{' Please.' * (i % 5)}", i) for i in range(10)]
    asked += [prompt(f"{SHOTS}Say {i}:", i) for i in range(6)]
    found = session.generate(asked, max_new_tokens=8)
    rows = [row_of(session, p) for p in asked]
    expected = [
        session._tokenizer.decode(answer, skip_special_tokens=True).strip()
        for answer in library_answers(session._model, rows, 8)
    ]
    assert [completion.text for completion in found] == expected
    assert [completion.prompt_tokens for completion in found] == [len(row) for row in rows]


def row_of(session: Any, asked: Prompt) -> list[int]:
    from advisor.builtin.backends.chat_tokens import tokens_of

    return tokens_of(asked.messages, session._tokenizer)


def test_a_shared_beginning_is_computed_once_and_kept_between_windows(session: Any):
    asked = [prompt(f"{SHOTS}Say {i}:", i) for i in range(20, 30)]
    rows = [row_of(session, p) for p in asked]
    assert len({len(row) for row in rows}) == 1, "equal lengths, so that padding counts for nothing"
    shared = session._way.share(rows)
    assert shared > 0.8 * len(rows[0])
    counts = read_tokens(session)
    for _ in range(2):
        session.generate(asked, max_new_tokens=1)
    own = len(rows) * (len(rows[0]) - shared)
    assert sum(counts) == 2 * own
    session._way._prefix._tokens.clear()
    session.generate(asked, max_new_tokens=1)
    assert sum(counts) == 3 * own + shared


def test_windows_are_answered_batch_by_batch(session: Any):
    from advisor.builtin.backends.length_batches import Bounds

    assert isinstance(session, Streaming)
    assert session.window == 32
    session._bounds = Bounds(4, 10_000)
    handed: list[int] = []

    def hand_out() -> Iterator[Prompt]:
        for i in range(40):
            handed.append(i)
            yield prompt(f"Say {i}{' again' * (i % 7)}.", i)

    answers = session.answers(hand_out(), max_new_tokens=2)
    first = [next(answers) for _ in range(4)]
    assert len(handed) == 32, "the next window is taken when this one is done"
    assert all(p.messages[-1].content.count("again") == 6 for p, _ in first)
    rest = list(answers)
    assert sorted(p.sample_id for p, _ in [*first, *rest]) == sorted(f"s{i}" for i in range(40))


def test_what_is_left_of_a_window_falls_into_the_batches_it_would_have_had(session: Any):
    from advisor.builtin.backends.length_batches import Bounds

    session._bounds = Bounds(3, 10_000)
    asked = [prompt(f"Say {i}{' again' * (i % 5)}.", i) for i in range(14)]
    whole = batches_of(session, asked)
    done = [p for p, _ in _first(session.answers(asked, max_new_tokens=4), 6)]
    left = [p for p in asked if p not in done]
    assert batches_of(session, left) == whole[2:]
    answered = dict(_texts(session, asked))
    assert dict(_texts(session, left)).items() <= answered.items()


def batches_of(session: Any, asked: list[Prompt]) -> list[list[list[int]]]:
    """The rows of each batch."""
    found: list[Any] = []
    real = session._way.answer

    def note(batch: Any) -> Any:
        found.append([list(row) for row in batch.rows])
        return real(batch)

    session._way.answer = note
    session.generate(asked, max_new_tokens=4)
    session._way.answer = real
    return found


def _first(answers: Any, count: int) -> list[Any]:
    return [next(answers) for _ in range(count)]


def _texts(session: Any, asked: list[Prompt]) -> list[tuple[str, str]]:
    return [(p.sample_id, c.text) for p, c in session.answers(asked, max_new_tokens=4)]


def test_a_batch_too_large_for_the_memory_is_halved(session: Any):
    import torch

    real = session._way.answer

    def tight(batch: Any) -> Any:
        if len(batch.rows) > 2:
            raise torch.OutOfMemoryError("no room")
        return real(batch)

    asked = [prompt(f"Say {i}.", i) for i in range(7)]
    expected = [c.text for c in session.generate(asked, max_new_tokens=3)]
    session._way.answer = tight
    assert [c.text for c in session.generate(asked, max_new_tokens=3)] == expected
    assert session.events == {"batches_halved": 3}


def test_draws_at_a_temperature_repeat_and_differ(tiny_llama: str):
    warm = [
        Prompt(
            sample_id=str(i),
            messages=(Message(role="user", content=f"Say {i % 4}"),),
            temperature=1.0,
            draw=i // 4,
        )
        for i in range(12)
    ]
    with BACKEND.open(tiny_llama, {"seed": "1"}) as session:
        together = [c.text for c in session.generate(warm, max_new_tokens=8)]
        alone = [session.generate([p], max_new_tokens=8)[0].text for p in warm]
    assert together == alone
    assert len(set(together)) == len(together)
    with BACKEND.open(tiny_llama, {"seed": "2"}) as session:
        assert [c.text for c in session.generate(warm, max_new_tokens=8)] != together


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_precision_can_be_chosen(tiny_llama: str, dtype: str):
    with BACKEND.open(tiny_llama, {"dtype": dtype}) as session:
        assert str(session._model.dtype) == f"torch.{dtype}"
        assert type(session._way).__name__ == OWN
        assert session.generate([prompt("Hi"), prompt("Ho ho")], max_new_tokens=3)


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu), "mps"])
def test_a_device_answers_as_the_cpu_does(tiny_llama: str, device: str):
    import torch

    if device == "mps" and not torch.backends.mps.is_available():
        pytest.skip("no Apple GPU here")
    asked = [prompt(f"{SHOTS[: 9 * i]}Say {i}:", i) for i in range(8)]
    told = {"dtype": "float32"}
    with BACKEND.open(tiny_llama, told | {"device": "cpu"}) as session:
        expected = [c.text for c in session.generate(asked, max_new_tokens=6)]
    with BACKEND.open(tiny_llama, told | {"device": device}) as session:
        assert type(session._way).__name__ == OWN
        assert [c.text for c in session.generate(asked, max_new_tokens=6)] == expected


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"dtype": "int3"}, "precision 'int3' is not known"),
        ({"batch_size": "many"}, "batch size 'many' is no number"),
    ],
)
def test_a_setting_that_cannot_be_is_told(tiny_llama: str, told: dict[str, str], words: str):
    with pytest.raises(BackendError, match=words):
        BACKEND.open(tiny_llama, told)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_is_asked_by_the_loop_of_our_own(tiny_llama: str, tmp_path: Path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_llama)
    tuned = get_peft_model(
        base, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    )
    tuned.peft_config["default"].base_model_name_or_path = tiny_llama
    tuned.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(Path(tiny_llama) / name, tmp_path)
    with BACKEND.open(str(tmp_path), {}) as session:
        assert type(session._way).__name__ == OWN
        rows = [row_of(session, prompt(f"Say {i}" * i, i)) for i in range(5, 0, -1)]
        found = continued(session._way, rows, [6] * 5, session._way.share(rows))
        assert found == library_answers(session._model, rows, 6)
