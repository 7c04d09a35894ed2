"""The card tells what was compared and what was not, whose word it ships by, and who opens it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from advisor.render.card import CardFacts, to_card
from advisor.schema.base import ConfidenceInterval
from advisor.schema.export import Agreement, Exported, ExportRecord
from advisor.schema.probe import ProbeFinding
from tests.fixtures import values as v


def record(files=("model.safetensors",), **changes):
    exported = Exported(
        exporter="merged", output_dir="x", files=files, unchecked=("vLLM was not run here.",)
    )
    return ExportRecord(**({"exported": exported} | changes))


def agreement(exported="transformers: merged"):
    return Agreement(
        reference="transformers: adapter",
        exported=exported,
        n=100,
        equal=99,
        asked_agreement=0.99,
        verdict="same",
    )


@pytest.fixture
def facts():
    return CardFacts(name="tickets", training=v.train_result(), base="some/base")


def front(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_an_export_without_a_check_says_so(facts):
    card = to_card(replace(facts, record=record(is_checked=False, warnings=("Not checked.",))))
    assert "**not compared**" in card
    assert "Not checked." in card


def test_an_export_with_a_check_says_how_many_answers_were_equal(facts):
    card = to_card(replace(facts, record=record(agreement=agreement())))
    assert "the same answer 99 times" in card.replace("\n", " ")
    assert "vLLM was not run here" in card


def test_what_stands_in_the_record_twice_is_told_once(facts):
    told = record(agreement=agreement(), warnings=("vLLM was not run here.",))
    assert to_card(replace(facts, record=told)).count("was not run here") == 1


@pytest.mark.parametrize(
    ("files", "library"),
    [
        (("model.safetensors", "config.json"), "transformers"),
        (("adapter/adapter_config.json", "serve.sh"), "peft"),
        (("model-q8_0.gguf",), "gguf"),
    ],
)
def test_whose_loader_opens_it_is_told(facts, files, library):
    assert front(to_card(replace(facts, record=record(files))))["library_name"] == library


@pytest.mark.parametrize(
    ("said", "licence", "name"),
    [
        ("Apache-2.0", "apache-2.0", None),
        ("MIT License (its file LICENSE)", "mit", None),
        ("Own terms: ask\nus", "other", "Own terms: ask us"),
        ("", None, None),
    ],
)
def test_licences_stand_there_as_model_hubs_read_them(facts, said, licence, name):
    found = front(to_card(replace(facts, base_licence=said)))
    assert (found.get("license"), found.get("license_name")) == (licence, name)


def test_a_reason_stands_only_where_it_was_needed(facts):
    kept = to_card(
        replace(facts, anyway="in a hurry", override="style", gate=v.gate_verdict("train"))
    )
    assert "in a hurry" in kept  # it was not verified
    assert "style" not in kept
    stopped = to_card(replace(facts, override="style", gate=v.gate_verdict("stop")))
    assert "Trained although the gate did not say so" in stopped


def probe(**changes) -> ProbeFinding:
    base = {
        "probe": "conversations", "kind": "task", "before": 0.885, "after": 0.802, "worse_by": 0.083,
        "interval": ConfidenceInterval(low=-0.004, high=0.169, level=0.95), "p_value": 0.107,
        "allowed": 0.05, "n": 96, "source": "general data",
    }  # fmt: skip
    return ProbeFinding(**base | changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {},
            "not shown: more than allowed, but chance may explain it (p 0.107 over all probes)",
        ),
        ({"after": 0.865, "worse_by": 0.02, "p_value": 0.6}, "no"),
        ({"is_worse": True, "p_value": 0.001}, "yes"),
        ({"p_value": None}, "not tested, and more than allowed"),
        ({"p_value": None, "worse_by": None, "after": None}, "not tested"),
        ({"before": 0, "after": 0, "worse_by": 0, "nothing_to_lose": True}, "nothing to lose"),
    ],
)
def test_a_loss_that_chance_may_explain_is_not_called_none(facts, changes, told):
    card = to_card(replace(facts, verification=v.verification(probes=(probe(**changes),))))
    header = next(line for line in card.splitlines() if line.startswith("| Probe"))
    row = next(line for line in card.splitlines() if line.startswith("| conversations (right"))
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    assert header.endswith("| Worse (by more than allowed, and beyond chance) |")
    assert cells[-1] == told
    assert cells[-2] == "-5 points"


def test_what_no_probe_was_asked_of_is_told(facts):
    card = to_card(replace(facts, verification=v.verification()))
    assert "Forgetting was not measured" in card
    assert "Forgetting was not" not in to_card(
        replace(facts, verification=v.verification(probes=(probe(),)))
    )
