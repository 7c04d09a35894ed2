"""`advisor baseline` against a real server that misbehaves: all told, nothing lost, paid twice or leaked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from tests.fixtures.chaos import KEY, at_random, chaos, expected

pytest.importorskip("openai")
pytest.importorskip("scipy")

TEST = 24
DOCUMENT_SECRET = "sk-" + "proj-" + "Zz9Yx8Wv7Ut6Sr5" * 3
"""A key that somebody left in a manual; put together here so that no scanner trips over this file."""
PRICES = """\
prices:
  - model: served
    usd_per_million_input_tokens: "1000"
    usd_per_million_output_tokens: "2000"
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Data, documents, prices and a key in the environment."""
    rows = [
        {
            "input": f"Question {number}",
            "target": expected(f"Question {number}") if number % 4 else "something else",
            "split": "test" if number < TEST else "train",
        }
        for number in range(TEST + 20)
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "manual.md").write_text(
        f"# Manual\n\nQuestion 3 is answered with the key {DOCUMENT_SECRET} of the service.\n"
    )
    (tmp_path / "prices.yaml").write_text(PRICES)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ADVISOR_HOME", str(tmp_path / "home"))
    return tmp_path


def baseline(place: Path, server, *more, code=0, name="run", as_json=True):
    words = ["baseline", "--data", place / "data.jsonl", "--backend", "openai", "--model", "served"]
    words += ["--base-url", f"{server.base_url}/v1", "--builders", "zero_shot"]
    words += ["--timeout", 0.4, "--backend-option", "first_wait_seconds=0.05"]
    words += ["--run-dir", place / name, *more]
    result = CliRunner().invoke(cli, [*map(str, words), *(["--json"] if as_json else [])])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if as_json else result


def test_a_storm_changes_nothing_but_what_is_told_of_it(place):
    with chaos(at_random(3, 0.4)) as server:
        found = baseline(place, server, "--yes", "--prices", place / "prices.yaml")
        (evaluation,) = found["evaluations"]
        assert evaluation["value"] == 0.75
        assert (evaluation["n"], evaluation["failures"]) == (TEST, 0)
        assert evaluation["usage"]["retries"] > 0
        assert sum(evaluation["events"].values()) >= evaluation["usage"]["retries"]
        assert evaluation["usage"]["usd"] > 0
        assert found["bill"]["spent_usd"] == pytest.approx(evaluation["usage"]["usd"])
        sold = dict(server.sold)
        again = baseline(place, server, "--yes", "--prices", place / "prices.yaml", name="again")
        assert dict(server.sold) == sold
    assert (again["bill"]["calls"], again["bill"]["spent_usd"]) == (0, 0)
    assert again["evaluations"][0]["value"] == evaluation["value"]
    assert again["evaluations"][0]["scores"] == evaluation["scores"]


def test_the_cap_holds_and_the_rest_is_bought_later(place):
    prices = ("--prices", place / "prices.yaml")
    with chaos() as server:
        whole = baseline(place, server, "--yes", *prices, "--no-cache")
        cost = whole["evaluations"][0]["usage"]["usd"]
        calls_before = sum(server.asked.values())
        cap = cost / 2
        told = baseline(place, server, "--budget-usd", cap, *prices, code=1, name="refused")
        assert "--budget-usd" in told["error"]["message"]
        assert sum(server.asked.values()) == calls_before
        found = baseline(
            place, server, "--budget-usd", cap, *prices, "--yes", "--concurrency", 4, name="capped"
        )
        (evaluation,) = found["evaluations"]
        assert evaluation["ended"] == "budget"
        assert found["bill"]["capped"]
        dearest = max(s["completion"]["usd"] for s in evaluation["scores"])
        assert found["bill"]["spent_usd"] <= cap + 4 * dearest
        assert any("cap on spending ended it" in w for w in found["warnings"])
        rest = baseline(place, server, *prices, "--yes", name="rest")
        assert rest["bill"]["calls"] == TEST - evaluation["n"]
        assert rest["evaluations"][0]["n"] == TEST


def test_a_server_on_this_machine_costs_nothing_and_needs_no_yes(place):
    with chaos() as server:
        found = baseline(place, server)
    assert found["evaluations"][0]["usage"]["usd"] == 0
    assert found["bill"]["price"]["provenance"]["source"] == "this machine"


@pytest.mark.parametrize(("behaviour", "words"), [("401", "key"), ("insufficient_quota", "quota")])
def test_what_waiting_does_not_mend_is_told_at_once(place, behaviour, words):
    with chaos(lambda _line, _nth: behaviour) as server:
        told = baseline(place, server, code=1)
        assert sum(server.asked.values()) <= 8  # the calls in flight
    assert words in (told["error"]["message"] + told["error"]["hint"]).lower()


def files_below(folder: Path):
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in names)


@pytest.mark.ml
def test_no_key_and_no_secret_of_a_document_is_kept_or_told(place):
    """The manual's key reaches the model, which repeats it; the server repeats the key it is sent."""

    def plan(line, nth):
        return "key_echo_500" if nth == 0 else "repeat"

    with chaos(plan) as server:
        told = [
            baseline(
                place, server, "--docs", place / "docs", "--builders", "zero_shot,rag",
                "--also", "groundedness,latency_ms", as_json=as_json, name=name,
            )
            for as_json, name in ((True, "json"), (False, "text"))
        ]  # fmt: skip
        for command in ("gate", "report"):
            words = [command, "--run-dir", str(place / "json")]
            told.append(CliRunner().invoke(cli, words).output)
        assert any(DOCUMENT_SECRET in str(body) for body in server.bodies)
    with chaos(lambda *_: "key_echo_text") as server:
        told.append(baseline(place, server, "--no-cache", "--limit", 2, code=1, name="broken"))
    heard = [str(each) for each in told] + [getattr(each, "output", "") for each in told]
    places = [*files_below(place / "home"), *files_below(place / "json")]
    places += [*files_below(place / "text"), *files_below(place / "broken")]
    assert any(path.suffix == ".sqlite" for path in places)
    assert (place / "json" / "report.html") in places
    for secret in (KEY, DOCUMENT_SECRET):
        assert [path for path in places if secret.encode() in path.read_bytes()] == []
        assert [text for text in heard if secret in text] == []


def test_a_judge_is_priced_agreed_to_billed_and_capped_with_the_answers(place):
    (place / "prices.yaml").write_text(PRICES + PRICES.split("\n", 1)[1].replace("served", "jury"))
    prices = ("--prices", place / "prices.yaml", "--metric", "judge", "--judge-model", "jury")
    with chaos(lambda *_: "good") as server:
        judged = (*prices, "--judge-base-url", f"{server.base_url}/v1")
        refused = baseline(place, server, *judged, code=1, name="refused")
        assert refused["error"]["type"] == "ConsentError"
        assert f"{2 * TEST} calls" in refused["error"]["message"]
        assert sum(server.asked.values()) == 0
        capped = baseline(place, server, *judged, "--budget-usd", 0.05, "--yes", code=1, name="cap")
        paid = sum(server.sold.values())
        assert "cap" in capped["error"]["message"]
        assert paid * 0.004 <= 0.05 + 16 * 0.02
