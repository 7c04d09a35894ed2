"""The demo's verdicts are computed: other data or other documents bring other verdicts."""

from __future__ import annotations

import random
import shutil

import pytest

from advisor.artifacts import RunFolder
from advisor.bundled import bundled_settings
from advisor.pipeline import Pipeline
from advisor.workspace import Workspace

pytestmark = pytest.mark.ml


def judge(task, folder, **changes):
    """The gate's verdict on a bundled task with some settings changed; nothing is trained."""
    settings = bundled_settings(task).run.model_copy(update=changes)
    return Pipeline(Workspace(settings, RunFolder(folder))).gate()


@pytest.fixture(scope="module")
def data():
    return {name: bundled_settings(name).run.data for name in ("manuals", "tickets", "fields")}


def test_fields_data_is_solved_by_the_prompt(tmp_path):
    verdict = judge("fields", tmp_path, builders=("zero_shot", "few_shot"))
    assert verdict.verdict == "stop"
    assert verdict.recommended in {"prompting", "few_shot"}


def test_tickets_data_under_the_fields_task_asks_for_training(tmp_path, data):
    verdict = judge("fields", tmp_path, data=data["tickets"], builders=("zero_shot", "few_shot"))
    assert verdict.verdict == "train"


def test_fields_data_under_the_tickets_task_does_not(tmp_path, data):
    answers = bundled_settings("fields").run.answers
    verdict = judge(
        "tickets",
        tmp_path,
        data=data["fields"],
        answers=answers,
        builders=("zero_shot", "few_shot"),
    )
    assert verdict.verdict == "stop"
    assert verdict.recommended in {"prompting", "few_shot"}


def test_manuals_are_answered_by_retrieval(tmp_path):
    verdict = judge("manuals", tmp_path, builders=("zero_shot", "rag"))
    assert verdict.verdict == "stop"
    assert verdict.recommended == "rag"


def test_corrupted_manuals_are_not(tmp_path):
    """Every page keeps its product but tells the facts of another one."""
    source = bundled_settings("manuals").run.docs
    docs = tmp_path / "docs"
    shutil.copytree(source, docs)
    pages = sorted(docs.glob("*.md"))
    texts = [page.read_text().split("\n\n", 1) for page in pages]
    names = [head.removeprefix("# ") for head, _ in texts]
    order = list(range(len(pages)))
    random.Random(1).shuffle(order)
    for page, (head, _), own, other in zip(pages, texts, range(len(pages)), order, strict=True):
        body = texts[other][1].replace(names[other], names[own])
        page.write_text(f"{head}\n\n{body}")
    verdict = judge("manuals", tmp_path / "run", docs=str(docs), builders=("zero_shot", "rag"))
    assert verdict.verdict == "collect"
    assert "rag" not in (verdict.recommended or "")
