"""`advisor judge`: the document, the screen, and what it refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from advisor.cli.main import cli

ECHO = ("--judge-model", "m", "--judge-backend", "echo", "--backend-option")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "judged.jsonl"
    said = ["yes"] * 30 + ["no"] * 10
    lines = [{"input": f"q{n}", "answer": f"a{n}", "human": h} for n, h in enumerate(said)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def judge(*words: object) -> Result:
    return CliRunner().invoke(cli, ["judge", *map(str, words)])


def test_the_document_tells_agreement_cost_and_trust(rows: Path) -> None:
    result = judge(rows, *ECHO, "reply=Verdict: yes", "--json", "--quiet")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["agreement"]["value"] == 0.75
    assert told["kappa"]["value"] == 0
    assert (told["sensitivity"]["value"], told["specificity"]["value"]) == (1, 0)
    assert told["trusted"] == "no"
    assert told["bill"]["spent_usd"] == 0
    assert told["bill"]["calls"] == 40
    assert "model:m" in told["signature"]
    again = json.loads(judge(rows, *ECHO, "reply=Verdict: yes", "--json", "--quiet").stdout)
    assert again["bill"]["calls"] == 0
    assert again["bill"]["calls_cached"] == 40


def test_another_reply_of_the_backend_is_not_taken_from_the_cache(rows: Path) -> None:
    judge(rows, *ECHO, "reply=Verdict: yes", "--quiet")
    told = json.loads(judge(rows, *ECHO, "reply=Verdict: no", "--json", "--quiet").stdout)
    assert told["agreement"]["value"] == 0.25


def test_the_screen_fits_and_ends_with_the_rule(rows: Path) -> None:
    result = judge(rows, *ECHO, "reply=Verdict: no", "--no-color", "--quiet")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("The judge agrees with people on 25% of 40 rows")
    assert max(map(len, lines)) <= 80
    assert "Landis and Koch" in result.stdout


def test_passages_reach_the_judge(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    row = {"question": "q", "answer": "a", "human": "yes", "context": "The text."}
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    result = judge(file, *ECHO, "reply=Verdict: yes", "--rubric", "grounded", "--json", "--quiet")
    assert "passages:yes" in json.loads(result.stdout)["signature"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--scale", "5-1"), "yes-no or two whole numbers"),
        (("--rubric", "corect"), "it must be correct, grounded, helpful"),
        (("--judge-backend", "ech"), "Did you mean 'echo'?"),
    ],
)
def test_a_wrong_option_is_one_sentence(rows: Path, words: tuple[str, ...], told: str) -> None:
    result = judge(rows, *ECHO, "reply=x", *words, "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert told in error["message"]
    assert "Traceback" not in result.output


def test_a_missing_file_and_a_missing_model_are_told(tmp_path: Path, rows: Path) -> None:
    assert judge(tmp_path / "no.jsonl", *ECHO, "reply=x").exit_code == 1
    assert judge(rows).exit_code == 2


class _Service(BaseHTTPRequestHandler):
    """An OpenAI-compatible judge that calls good what holds the word 57."""

    calls: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.calls.append(body)
        good = "\n57 " in body["messages"][-1]["content"]
        reply = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {
                        "role": "assistant",
                        "content": f"Short.\nVerdict: {'yes' if good else 'no'}",
                    },
                }
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    _Service.calls.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_judges_and_a_second_trial_is_free(tmp_path: Path, service: str) -> None:
    file = tmp_path / "judged.jsonl"
    said = [("57 dB", "yes"), ("80 dB", "no")] * 15
    lines = [{"input": f"q{n}", "answer": f"{a} {n}", "human": h} for n, (a, h) in enumerate(said)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    words = (file, "--judge-model", "local-judge", "--base-url", service, "--json", "--quiet")
    result = judge(*words, "--yes")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["agreement"]["value"] == 1
    assert told["trusted"] == "yes"
    assert told["bill"]["calls"] == len(_Service.calls) == 30
    again = json.loads(judge(*words, "--yes").stdout)
    assert again["kappa"] == told["kappa"]
    assert again["bill"]["calls_cached"] == len(_Service.calls) == 30


def test_an_unknown_price_needs_consent(rows: Path, service: str) -> None:
    far = ("--judge-model", "nobody-knows-1", "--base-url", "http://example.invalid/v1")
    result = CliRunner(env={"OPENAI_API_KEY": "sk-none"}).invoke(
        cli, ["judge", str(rows), *far, "--json", "--quiet"]
    )
    assert result.exit_code == 1, result.output
    assert json.loads(result.stdout)["error"]["type"] == "ConsentError"
    assert not _Service.calls


def test_the_price_is_told_before_capped_during_and_billed_after(
    rows: Path, service: str, tmp_path: Path
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "prices:\n  - model: dear-*\n    usd_per_million_input_tokens: '1000'\n"
        "    usd_per_million_output_tokens: '0'\n"  # 100 tokens a question: 0.10 each
    )
    words = [rows, "--judge-model", "dear-judge", "--base-url", service, "--prices", prices]
    words += ["--concurrency", "2", "--no-cache", "--json"]
    refused = judge(*words, "--quiet")
    assert json.loads(refused.stdout)["error"]["type"] == "ConsentError"
    assert not _Service.calls
    result = judge(*words, "--budget-usd", "1", "--yes")
    assert "40 calls for dear-judge: about " in result.stderr
    told = json.loads(result.stdout)
    assert told["bill"]["capped"]
    assert 0.999 <= told["bill"]["spent_usd"] <= 1.0 + 2 * 0.1 + 0.001
    assert told["bill"]["spent_usd"] == pytest.approx(0.1 * len(_Service.calls))
    assert told["not_asked"] == 40 - len(_Service.calls)
    assert "The budget was spent" in " ".join(told["notes"])
