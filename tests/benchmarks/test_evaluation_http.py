"""The benchmark of served models measures what it says, and its published figures keep the promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

LEAST_SHARE = 0.9
MOST_MIB = 500
MOST_ERROR = 0.2


def test_the_server_is_asked_and_answers_rightly():
    pytest.importorskip("openai")
    from benchmarks.evaluation import http_service

    with http_service.server(latency_ms=5) as base_url:
        found = http_service.through_session(base_url, 40)
        assert http_service.bare(base_url, 16) > 0
    assert found["right"] == found["items"] == 40
    assert found["share_of_ideal"] > 0


def test_remaining_times_are_read_as_they_are_shown():
    from benchmarks.evaluation.http_service import LEFT, seconds_of, worst

    found = LEFT.search("zero_shot: 1400/10000, 1 min 02 s left, 139.5/s")
    assert found is not None
    assert seconds_of(found[1]) == 62
    assert seconds_of("7.9 s") == 7.9
    assert worst([(50.0, 55.0), (10.0, 8.0), (1.0, 9.0)]) == 0.2


def test_the_published_figures_keep_the_promise(root: Path):
    told = json.loads((root / "benchmarks/results/evaluation_http.json").read_text())
    for part in (told["session"], told["command"]):
        assert part["items"] == 10_000
        assert part["share_of_ideal"] >= LEAST_SHARE
        assert part["peak_mib"] <= MOST_MIB
    assert told["session"]["right"] == 10_000
    assert told["command"]["value"] == 1.0
    assert told["command"]["worst_error_of_remaining"] <= MOST_ERROR
