"""Data that must stay local: no rented card, nothing hosted, and one line that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

WORDS = ("estimate", "--model", "1b", "--as-of", "2026-11-25")
WHY = "Your answers keep the data on your own machines"
ABROAD = ("openrelay", "coreweave", "tinker", "gpt-4.1", "community")


@pytest.fixture
def answers(tmp_path):
    def write(constraints: str) -> str:
        path = tmp_path / "answers.yaml"
        path.write_text(
            "task: {kind: extraction}\ndata: {labelled_samples: 800}\noutput: {house_format: true}\n"
            f"constraints: {constraints}\n"
        )
        return str(path)

    return write


def document(*words: str):
    result = CliRunner().invoke(cli, [*WORDS, *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def is_all_at_home(found) -> bool:
    offers = {option["offer"]["kind"] for option in found["options"]}
    beyond = (found["hosted"], found["serving"], found["break_even"])
    return offers == {"own"} and not any(beyond)


@pytest.mark.parametrize(
    "constraints",
    [
        "{must_stay_local: true}",
        "{must_stay_local: true, budget_usd: 50, queries_per_month: 100000}",
        "{hosting: own_machine}",
    ],
)
def test_what_must_stay_local_is_priced_on_this_machine_alone(answers, constraints):
    found = document("--answers", answers(constraints))
    assert {option["gpu"] for option in found["options"]} == {"local"}
    assert is_all_at_home(found)
    assert [line for line in found["warnings"] if line.startswith(WHY)] == found["warnings"][:1]
    assert not [name for name in ABROAD if name in json.dumps(found)]


def test_nor_does_the_screen_offer_anything_else(answers):
    out = CliRunner().invoke(cli, [*WORDS, "--answers", answers("{must_stay_local: true}")]).stdout
    assert WHY in out
    for told in ("Hosted  ", "Pays back", *ABROAD):
        assert told not in out


def test_a_card_that_is_named_is_taken_for_the_users_own(answers):
    words = ("--answers", answers("{must_stay_local: true, budget_usd: 5}"), "--gpu", "h100")
    found = document(*words)
    assert {option["gpu"] for option in found["options"]} == {"h100"}
    assert is_all_at_home(found)
    assert float(found["options"][found["recommended"]]["cost_usd"]["likely"]) == 0
    assert "cards that you name are taken for your own" in found["warnings"][0]
    assert "(your own card)" in CliRunner().invoke(cli, [*WORDS, *words]).stdout


def test_a_provider_that_is_named_contradicts_the_answers_and_is_priced(answers):
    found = document("--answers", answers("{must_stay_local: true}"), "--provider", "runpod")
    assert {option["offer"]["provider"] for option in found["options"]} == {"runpod"}
    assert "contradicts your answers" in found["warnings"][0]
    assert not found["hosted"]
    assert not found["break_even"]


def test_nothing_that_fits_names_a_card_and_no_rent(answers):
    words = ("--answers", answers("{must_stay_local: true}"), "--gpu", "rtx-3060", "--model", "70b")
    found = document(*words)
    assert found["recommended"] is None
    assert "A card of your own such as " in found["nearest"]
    assert "$" not in found["nearest"]


def test_on_a_rented_card_there_is_no_hosted_tuning(answers):
    found = document("--answers", answers("{hosting: rented_gpu}"), "--gpu", "h100")
    assert found["hosted"] == []
    assert not [b for b in found["break_even"] if b["served"].startswith("tuned and served at")]
    assert {option["offer"]["kind"] for option in found["options"]} != {"own"}
    assert "Hosted tuning is left out" in found["warnings"][0]
    assert document("--answers", answers("{hosting: hosted_api}"), "--gpu", "h100")["hosted"]


def test_where_no_advised_method_fits_the_usual_ones_are_priced(answers):
    words = ("--answers", answers("{must_stay_local: true}"), "--gpu", "rtx-3060", "--model", "8b")
    found = document(*words)
    assert found["options"][found["recommended"]]["method"] == "qlora"
    assert "Of the advised methods (lora) none can be recommended" in " ".join(found["warnings"])
    alone = document(*words, "--method", "lora")
    assert {option["method"] for option in alone["options"]} == {"lora"}
    assert alone["recommended"] is None


def test_a_budget_that_buys_speed_says_so_beside_the_cheapest(answers):
    words = ("--answers", answers("{budget_usd: 50}"))
    found = document(*words)
    assert found["recommended_as"] == "fastest within the budget of $50"
    out = " ".join(CliRunner().invoke(cli, [*WORDS, *words]).stdout.split())
    assert "fastest within the budget of $50; cheapest: $" in out
    assert "(--prefer cheapest)" in out
    assert document(*words, "--prefer", "cheapest")["recommended_as"] == ""


def test_the_screen_ends_in_the_command_that_leads_on(answers):
    path = answers("{budget_usd: 50, must_stay_local: true}")
    *_, title, command = (
        CliRunner().invoke(cli, [*WORDS, "--answers", path]).stdout.rstrip().splitlines()
    )
    assert title == "Next command (put your own for SAMPLES.jsonl and MODEL_FOLDER):"
    assert command == (
        f"advisor baseline --data SAMPLES.jsonl --answers {path} --model MODEL_FOLDER"
    )
    with Path(path).open("a") as file:
        file.write("measured: {prompted_score: 0.4}\n")
    last = CliRunner().invoke(cli, [*WORDS, "--answers", path]).stdout.rstrip().splitlines()[-1]
    assert last.startswith("advisor run --data ")
    assert "Next command" not in CliRunner().invoke(cli, [*WORDS, "--gpu", "h100"]).stdout
