"""A written split comes back as the same samples, and its test part cannot be changed unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.data_check.lock import MANIFEST, locked
from advisor.data_check.written import json_lines
from advisor.formats.readers import read_dataset
from advisor.schema.evaluation import Message, Sample, ToolCall


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"input": f"question {n}", "output": f"label {n % 3}", "split": ""} for n in range(100)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def split_into(out: Path, data: Path, *more: str) -> dict:
    result = CliRunner().invoke(
        cli, ["data", "split", str(data), "--out", str(out), "--json", *more]
    )
    return json.loads(result.stdout) | {"exit": result.exit_code}


def test_parts_are_written_and_read_back(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    told = split_into(out, data)
    assert told["exit"] == 0
    assert told["record"]["counts"] == {"train": 60, "dev": 10, "test": 30}
    assert told["source_digest"] == read_dataset(data).digest
    source = {s.id: (s.input, s.target) for s in read_dataset(data).samples}
    back = {}
    for part in ("train", "dev", "test"):
        read = read_dataset(out / f"{part}.jsonl")
        assert read.notes == ()
        assert {s.split for s in read.samples} == {part}
        assert len(read.samples) == told["files"][part]["rows"]
        back |= {s.id: (s.input, s.target) for s in read.samples}
    assert back == source
    assert json.loads((out / MANIFEST).read_text())["record"] == told["record"]


def test_shares_seed_and_way_are_options(data: Path, tmp_path: Path) -> None:
    told = split_into(
        tmp_path / "a", data, "--test-share", "0.5", "--dev-share", "0", "--by", "input"
    )
    assert told["record"]["counts"] == {"train": 50, "test": 50}
    assert (told["record"]["asked"], told["record"]["by"]) == ("input", "input")
    digests = {
        split_into(tmp_path / str(n), data, "--seed", str(n))["record"]["digest"] for n in range(3)
    }
    assert len(digests) == 3
    failed = split_into(tmp_path / "b", data, "--by", "time")
    assert failed["exit"] == 1
    assert "names its time" in failed["error"]["message"]
    assert not (tmp_path / "b").exists()


def test_the_same_split_again_changes_nothing_and_another_is_refused(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "parts"
    split_into(out, data)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert split_into(out, data)["exit"] == 0
    assert split_into(out, data, "--seed", "1")["error"]["message"].endswith("is locked.")
    assert split_into(data.parent, data)["exit"] == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "test.jsonl").write_text("mine")
    assert "already holds test.jsonl" in split_into(other, data)["error"]["message"]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_changed_test_part_is_told(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    split_into(out, data)
    test = out / "test.jsonl"
    lines = test.read_text().splitlines()
    test.write_text("\n".join(json.dumps(json.loads(line)) for line in reversed(lines)))
    assert [locked(path) for path in (test, out)] == [None, None]
    (out / "train.jsonl").write_text("")
    assert locked(out) is None
    test.write_text("\n".join(lines[1:]))
    assert "(29 rows instead of 30)" in str(locked(test))
    assert "(29 rows instead of 30)" in str(locked(out))
    assert split_into(out, data)["exit"] == 1
    test.write_text("\n".join([lines[0].replace("label", "mark"), *lines[1:]]))
    assert "not those that it was locked with on 2" in str(locked(test))
    assert locked(out / "train.jsonl") is None
    test.unlink()
    assert "gone" in str(locked(out))
    assert locked(data) is None


def test_a_manifest_that_cannot_be_read_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text("{}")
    for content in ("no json", "[]", "{}"):
        (tmp_path / MANIFEST).write_text(content)
        assert locked(tmp_path / "test.jsonl") is None


def test_the_screen_says_what_was_kept_together(data: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["data", "split", str(data), "--out", str(tmp_path / "p")])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    for word in ("equal and nearly equal inputs", "test.jsonl", "100, the largest of 1"):
        assert word in result.stdout


SAMPLES = {
    "pairs": Sample(id="a", input="q", target="t", split="test", group="g", document="d"),
    "chat": Sample(
        id="a",
        input="and now?",
        target="sunny",
        history=(
            Message(role="system", content="be brief"),
            Message(role="user", content="hello"),
            Message(role="assistant", content="hi", weight=0.0),
        ),
        steps=(
            Message(
                role="assistant",
                content="",
                tool_calls=(ToolCall(name="weather", arguments='{"at": "Rome"}', id="c1"),),
            ),
            Message(role="tool", content="sun", name="weather", call_id="c1"),
        ),
        tools=('{"name": "weather"}',),
        synthetic_by="big",
        time="2026-01-02T00:00:00",
    ),
    "preference": Sample(id="a", input="q", target="good", rejected="bad"),
    "mark": Sample(id="a", input="q", target="t", is_good=False),
    "text": Sample(id="a", input="", target="a plain text\nof two lines"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_sample_comes_back(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    path = tmp_path / "data.jsonl"
    path.write_text(json_lines([sample]), encoding="utf-8")
    (back,) = read_dataset(path).samples
    assert back.model_copy(update={"line": None}) == sample


def test_the_licence_of_each_row_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [
        {"input": f"question {n}", "output": f"label {n % 3}", "licence": ("mit", "cc0")[n % 2]}
        for n in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    split_into(tmp_path / "parts", path)
    back = read_dataset(tmp_path / "parts").samples
    assert {s.input: s.licence for s in back} == {row["input"]: row["licence"] for row in rows}
