import json

import pytest

TASK = {
    "task": "tickets",
    "recommended": "fine_tuning",
    "gate": "train",
    "verification": "keep",
    "baselines": {"zero_shot": 0.0, "few_shot": 0.5},
    "tuned": 0.96,
    "target": 0.85,
    "seconds": 61.4,
}


@pytest.fixture
def script(load, monkeypatch, tmp_path):
    module = load("scripts/update_readme.py")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def test_a_block_is_filled_from_its_result(script, tmp_path):
    found = {"measured": "2026-11-25", "machine": "2 cores", "tasks": [TASK]}
    (tmp_path / "demo.json").write_text(json.dumps(found))
    text = "before\n<!-- figures: demo -->\nold\n<!-- end: demo -->\nafter\n"
    new = script.updated(text)
    assert "| tickets | 85.0 % | 0.0 % | 50.0 % | - | - | 96.0 % | **train** | keep |" in new
    assert "old" not in new
    assert new.startswith("before\n")
    assert new.endswith("after\n")
    assert script.updated(new) == new


def test_what_was_not_measured_is_not_invented(script):
    new = script.updated("<!-- figures: startup -->\nx\n<!-- end: startup -->")
    assert "not measured yet" in new


def test_the_picture_is_self_contained(load):
    tasks = [{**TASK, "run_dir": "runs/x"}]
    svg = load("scripts/make_screenshot.py").draw(tasks)
    assert svg.startswith("<svg")
    assert "tickets" in svg
    assert 'url("http' not in svg
    assert "@font-face" not in svg
