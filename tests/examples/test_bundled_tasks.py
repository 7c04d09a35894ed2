"""The bundled tasks: reproducible, fairly split, and new to the embedded model."""

from __future__ import annotations

import json
import re

import pytest

from advisor.bundled import bundled_settings
from advisor.resources import probe_root
from examples.bundled_tasks import make_tasks, manual_wording, message_wording
from examples.pretrain_tiny import wording
from examples.pretrain_tiny.families import message_text, typed
from examples.pretrain_tiny.mixture import FAMILIES
from examples.pretrain_tiny.probe import text_of
from examples.pretrain_tiny.values import Draw, is_reserved

TASKS = tuple(make_tasks.SIZES)


@pytest.fixture(scope="module")
def files():
    return make_tasks.task_files()


@pytest.fixture(scope="module")
def items(files):
    return {
        task: [json.loads(line) for line in files[f"{task}/data.jsonl"].splitlines()]
        for task in TASKS
    }


def invented_words(text):
    return set(re.findall(r"[A-Z][a-z]+", text))


def test_committed_files_are_what_the_generator_writes():
    assert make_tasks.differing_files(make_tasks.TASKS_FOLDER) == []


def test_the_generator_writes_the_same_files_twice(files):
    assert make_tasks.task_files() == files


@pytest.mark.parametrize("task", TASKS)
def test_splits_have_the_promised_sizes_and_share_no_prompt(items, task):
    prompts = {}
    for item in items[task]:
        prompts.setdefault(item["split"], set()).add(item["prompt"])
    sizes = {split: len(found) for split, found in prompts.items()}
    assert sizes == make_tasks.SIZES[task]
    assert not prompts["train"] & prompts["test"]
    assert not prompts["train"] & prompts["dev"]
    assert not prompts["dev"] & prompts["test"]


@pytest.mark.parametrize("task", TASKS)
def test_ids_are_unique(items, task):
    assert len({item["id"] for item in items[task]}) == len(items[task])


def test_every_fact_is_asked_for_once(items):
    assert len({item["prompt"] for item in items["manuals"]}) == len(items["manuals"])


def test_every_manual_answer_stands_in_the_manual_of_its_product(items, files):
    manuals = {}
    for name, text in files.items():
        if name.startswith("manuals/docs/"):
            manuals.setdefault(text.splitlines()[0][2:], []).append(text)
    assert len(manuals) == make_tasks.PRODUCTS
    for item in items["manuals"]:
        product = max((name for name in manuals if name in item["prompt"]), key=len)
        assert item["completion"] in " ".join(manuals[product])


@pytest.mark.parametrize("task", ["tickets", "fields"])
def test_no_training_phrasing_occurs_in_the_test_messages(items, task):
    forms = message_wording.FORMS["train"]
    phrasings = [*forms.openings, *forms.orders, *forms.problems]
    patterns = [re.escape(form) for form in phrasings]
    patterns = [re.sub(r"\\\{[nok]\\\}", r"[\\w -]+", pattern) for pattern in patterns]
    for item in items[task]:
        if item["split"] == "test":
            assert not any(re.search(pattern, item["prompt"]) for pattern in patterns)


@pytest.mark.parametrize("task", ["tickets", "fields"])
def test_names_and_orders_of_the_test_messages_are_not_in_the_training_messages(items, task):
    orders = {
        split: {
            re.search(r"[A-Z]\d{5}", item["completion"]).group()
            for item in items[task]
            if item["split"] == split
        }
        for split in ("train", "test")
    }
    assert not orders["train"] & orders["test"]


def test_invented_names_come_from_the_reserved_space(items):
    for item in items["tickets"]:
        order, name = item["completion"].split("] ")[1].split(" // ")
        assert is_reserved(order)
        assert all(is_reserved(part) for part in name.split())


def test_pretraining_never_draws_a_reserved_name():
    draw = Draw(77)
    assert not any(is_reserved(draw.word()) or is_reserved(draw.code()) for _ in range(3000))


def test_no_name_of_the_tasks_occurs_in_pretraining_samples(items):
    names = set()
    for item in items["tickets"]:
        names |= {part.lower() for part in item["completion"].split(" // ")[1].split()}
    draw = Draw(78)
    for family in FAMILIES.values():
        for _ in range(60):
            text = " ".join(part for _, part in family(draw, 300))
            assert not {word.lower() for word in invented_words(text)} & names


def test_the_wording_of_manuals_is_not_the_wording_of_pretraining():
    known = {form.lower() for form in wording.FULL_FORMS + wording.SHORT_FORMS + wording.QUESTIONS}
    known |= {form.lower() for form in wording.INTRODUCTIONS + wording.NOTES}
    known |= {form.lower() for form in typed.OPENINGS + typed.QUESTIONS}
    for item in manual_wording.PROPERTIES:
        for form in item.sentences + item.questions:
            plain = form.replace(item.name, "{a}").lower()
            assert plain not in known
            assert re.sub(r"^how \w+ ", "how {j} ", plain) not in known
    assert not {form.lower() for form in manual_wording.OPENINGS + manual_wording.REMARKS} & known


def test_the_wording_of_messages_is_not_the_wording_of_pretraining():
    known = {clause for field in message_text.FIELDS.values() for clause in field.clauses}
    for forms in message_wording.FORMS.values():
        for form in forms.openings + forms.orders:
            plain = form.replace("{n}", "{v}").replace("{o}", "{v}").rstrip(".")
            assert plain not in known


def test_general_conversations_are_of_the_models_kinds_and_none_is_probed():
    rows = (make_tasks.TASKS_FOLDER / "general.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 600
    assert set(rows) <= set(text_of("general", 1400).splitlines())
    asked = {str(json.loads(row)["messages"]) for row in rows}
    probed = (probe_root() / "tiny.jsonl").read_text(encoding="utf-8").splitlines()
    assert not asked & {str(json.loads(row)["messages"]) for row in probed}


def test_tickets_are_tuned_with_care():
    run = bundled_settings("tickets").run
    assert run.plan["general_share"] > 0.3
    assert run.general_data is not None
    assert run.general_data.endswith("general.jsonl")
    assert bundled_settings("fields").run.plan == {}
