"""`advisor data generate` end to end, against a server of this machine that writes by rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.data_check.split import split_digest
from advisor.errors import DatasetError, InputError
from advisor.formats.readers import read_dataset
from advisor.generation.grown_file import refuse_original, write_grown
from advisor.generation.sources import apart_from_tests
from advisor.schema.evaluation import Document, Message, Sample
from tests.fixtures.chaos import Handler, chaos
from tests.fixtures.writer import department, reply, seeds, written

pytest.importorskip("openai")
KEY = "sk-test-0123456789abcdef"
PRICES = """prices:
  - model: big
    usd_per_million_input_tokens: "1"
    usd_per_million_output_tokens: "4"
"""


@contextmanager
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server whose answers are those of the rule."""

    def answer(self: Handler, body: dict, line: str, behaviour: str = "good") -> dict:
        turns = [Message(role=m["role"], content=m["content"]) for m in body["messages"]]
        draw = int(body.get("seed") or 0)
        text = reply(turns, draw, written, lambda asked, _: department(asked))
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        said = sum(len(turn.content) for turn in turns)
        usage = {"prompt_tokens": said // 4, "completion_tokens": len(text) // 4}
        model = body["model"]
        return {"object": "chat.completion", "model": model, "choices": [choice], "usage": usage}

    monkeypatch.setattr(Handler, "answer", answer)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with chaos() as server:
        yield server.base_url + "/v1"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"id": s.id, "input": s.input, "output": s.target} for s in seeds(150)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "prices.yaml").write_text(PRICES, encoding="utf-8")
    return path


def run(data: Path, out: Path, url: str, *more: str) -> dict:
    arguments = ["data", "generate", str(data), "--out", str(out), "--json", "--model", "big"]
    arguments += ["--backend", "openai", "--base-url", url, "--instruction", "Which department?"]
    arguments += ["--prices", str(data.parent / "prices.yaml"), *more]
    result = CliRunner().invoke(cli, arguments)
    assert KEY not in result.output
    return json.loads(result.stdout) | {"exit": result.exit_code}


def test_a_set_is_grown_within_its_budget_and_goes_on_for_free(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "grown.jsonl"
    with service(monkeypatch) as url:
        refused = run(data, out, url, "--count", "30")
        assert (refused["exit"], refused["error"]["type"]) == (1, "ConsentError")
        assert not out.exists()
        told = run(data, out, url, "--count", "30", "--budget-usd", "1")
        assert (told["exit"], told["kept"], told["ended"]) == (0, 30, "enough")
        parts = told["kept"] + sum(told["dropped"].values()) + told["unsettled"]
        assert told["parsed"] == parts
        assert 0 < told["bill"]["spent_usd"] < 1
        expected = told["bill"]["expected_usd"]
        assert expected["low"] < told["bill"]["spent_usd"] < expected["high"]
        first = out.read_text()
        again = run(data, out, url, "--count", "30", "--budget-usd", "1")
        assert again["bill"]["spent_usd"] == 0
        assert out.read_text() == first
    check_file(data, out)


def check_file(data: Path, out: Path) -> None:
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    made = [row for row in rows if row.get("synthetic")]
    assert len(rows) == 180
    assert len(made) == 30
    for row in made:
        assert (row["generated_by"], row["split"]) == ("big", "train")
        assert set(row["generated_from"]) <= {s.id for s in seeds(150)}
        assert row["generated_at"].startswith("20")
        assert row["completion"] == department(row["prompt"])
    grown, plain = (space_of(path) for path in (out, data))
    assert {s.synthetic_by for s in grown} == {"", "big"}
    assert not any(s.synthetic_by for s in grown if s.split != "train")
    assert split_digest(grown, "test") == split_digest(plain, "test")


def space_of(path: Path) -> tuple:
    from advisor.data_check.split import split

    return split(read_dataset(path).samples, seed=0)


def test_documents_labels_and_the_gain(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "one.md").write_text("A parcel takes three days.\n\nAn invoice comes by mail.")
    labels = tmp_path / "labels.yaml"
    labels.write_text("shipping: a parcel is late\nbilling: about money\naccount:\n")
    out = tmp_path / "grown.jsonl"
    with service(monkeypatch) as url:
        more = [
            "--count",
            "12",
            "--yes",
            "--only-new",
            "--docs",
            str(docs),
            "--labels",
            str(labels),
        ]
        told = run(data, out, url, *more)
    assert told["kept"] == 12
    assert set(told["by_source"]) == {"documents", "labels"}
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 12
    named = [row for row in rows if row.get("document_id")]
    assert {row["document_id"] for row in named} == {"one.md"}
    assert len(named) == told["by_source"]["documents"]


def test_nothing_is_overwritten(data: Path, tmp_path: Path) -> None:
    before = data.read_bytes()
    other = tmp_path / "mine.jsonl"
    other.write_text("mine")
    for out, words in ((data, "never overwritten"), (other, "was not written by")):
        told = run(data, out, "http://127.0.0.1:9/v1", "--count", "3", "--yes")
        assert (told["exit"], told["error"]["type"]) == (1, "InputError")
        assert words in told["error"]["message"]
    assert data.read_bytes() == before
    assert other.read_text() == "mine"


def test_data_that_cannot_be_grown_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"q{n}", "chosen": f"a{n}", "rejected": f"b{n}"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "prices.yaml").write_text(PRICES)
    told = run(path, tmp_path / "o.jsonl", "http://127.0.0.1:9/v1", "--count", "3", "--yes")
    assert told["error"]["type"] == "DatasetError"
    assert "not single questions" in told["error"]["message"]
    bad = tmp_path / "labels.yaml"
    bad.write_text("- a\n- b\n")
    rows = [{"input": s.input, "output": s.target} for s in seeds(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ["--count", "3", "--yes", "--labels", str(bad)]
    told = run(path, tmp_path / "o.jsonl", "http://127.0.0.1:9/v1", *more)
    assert "does not hold labels" in told["error"]["message"]


def test_documents_that_test_rows_are_about_are_left_out() -> None:
    documents = [Document(name=f"d/doc{n}.md", text="x") for n in range(4)]
    rows = seeds(3)
    named = [
        rows[0].model_copy(update={"document": "doc0", "split": "test"}),
        rows[1].model_copy(update={"document": "d/doc1.md", "split": "dev"}),
        rows[2].model_copy(update={"document": "doc2.md", "split": "train"}),
    ]
    kept, left_out = apart_from_tests(documents, named)
    assert [document.name for document in kept] == ["d/doc2.md", "d/doc3.md"]
    assert left_out == 2
    with pytest.raises(DatasetError, match="Every document"):
        apart_from_tests(documents[:2], named)
    assert apart_from_tests([], named) == ((), 0)


@pytest.mark.ml
@pytest.mark.slow
def test_the_embedded_model_gives_little_and_that_is_told(tmp_path: Path) -> None:
    task = Path(__file__).parents[2] / "advisor" / "builtin" / "tasks" / "tickets" / "data.jsonl"
    arguments = ["data", "generate", str(task), "--out", str(tmp_path / "o.jsonl"), "--count", "2"]
    result = CliRunner().invoke(cli, [*arguments, "--json", "--max-new-tokens", "32"])
    told = json.loads(result.stdout)
    assert result.exit_code == (0 if told["kept"] else 1)
    assert told["ended"] in ("dry", "enough")
    assert told["kept"] <= 2
    assert told["bill"]["spent_usd"] == 0
    assert told["asked"] > 0


def test_the_offline_backend_writes_what_its_script_says(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    texts = [f"say {s.input}" for s in seeds(60)]
    rows = [{"id": f"s{n}", "input": text, "output": text} for n, text in enumerate(texts)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    new = [{"input": f"say {s.input}", "output": f"say {s.input}"} for s in seeds(40, 7)]
    wrong = {"input": "say the opposite of it", "output": "something quite different"}
    copy = {"input": texts[0], "output": texts[0]}
    replies = [json.dumps([*new[n : n + 2], wrong, copy]) for n in range(0, 40, 2)]
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"contains": "You write training data", "replies": replies}))
    out = tmp_path / "out.jsonl"
    arguments = ["data", "generate", str(data), "--out", str(out), "--json", "--backend", "echo"]
    arguments += ["--count", "12", "--backend-option", f"script={script}", "--measure"]
    result = CliRunner().invoke(cli, arguments)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["kept"], told["ended"]) == (0, 12, "enough")
    assert told["dropped"]["disagreement"] > 0
    assert told["dropped"]["copy"] > 0
    assert told["bill"]["spent_usd"] == 0
    assert "there are only 6 dev rows" in " ".join(told["notes"])
    screen = CliRunner().invoke(cli, [word for word in arguments if word != "--json"])
    assert screen.exit_code == 0
    assert max(map(len, screen.stdout.splitlines())) <= 80
    assert "the model answers it differently" in screen.stdout
    script.write_text(json.dumps({"contains": "You write training data", "replies": ["[]"]}))
    nothing = tmp_path / "nothing.jsonl"
    arguments[arguments.index(str(out))] = str(nothing)
    result = CliRunner().invoke(cli, [*arguments, "--no-cache"])
    assert (result.exit_code, json.loads(result.stdout)["kept"]) == (1, 0)
    assert "no file was written" in result.stderr
    assert not nothing.exists()


def test_a_file_changed_by_hand_is_left_alone(tmp_path: Path) -> None:
    out, data = tmp_path / "grown.jsonl", tmp_path / "data.jsonl"
    samples = [Sample(id="a", input="q", target="t", split="train", licence="cc0")]
    write_grown(out, samples, (), only_new=False)
    assert json.loads(out.read_text())["licence"] == "cc0"
    refuse_original(out, data)
    write_grown(out, samples, (), only_new=False)
    out.write_text(out.read_text() + '{"input": "mine", "output": "x", "generated_at": "today"}\n')
    with pytest.raises(InputError, match="was changed since"):
        refuse_original(out, data)
