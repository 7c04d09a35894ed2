"""`advisor review`: keys, resuming, what it never tells, what it refuses."""

import json
import os
import sys

import click
import pexpect
import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.cli.screen import Screen
from advisor.evaluation.votes import FILE
from tests.fixtures import values as make
from tests.fixtures.reviews import ITEMS, review_run

PAIRS = ITEMS - ITEMS // 3
SECONDS = 90


@pytest.fixture
def run(tmp_path):
    return review_run(tmp_path / "run")


def invoked(run, *words):
    return CliRunner().invoke(cli, ["review", "--run-dir", str(run.path), *map(str, words)])


@pytest.fixture
def keys(monkeypatch):
    """Press these keys at a terminal that is there."""

    def press(*pressed, typed=()):
        left, lines = list(pressed), list(typed)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(Screen, "may_ask", property(lambda _: True))
        monkeypatch.setattr(click, "getchar", lambda: left.pop(0))
        monkeypatch.setattr(click, "prompt", lambda *_, **__: lines.pop(0))
        return left

    return press


def votes(run):
    rows = [json.loads(line) for line in (run.path / FILE).read_text().splitlines()]
    return [row for row in rows if "vote" in row]


def told(run, *words):
    return json.loads(invoked(run, *words, "--json").stdout)


def test_it_is_blind_resumable_and_tells_in_the_end(run, keys):
    keys("1", "2", "t", "q")
    first = invoked(run)
    assert first.exit_code == 0, first.output
    assert "3 of 8 pairs are judged" in first.output
    for word in ("zero", "baseline", "prefer", "Review"):
        assert word not in first.output.replace("review", "")
    assert [vote["vote"] for vote in votes(run)][2] == "tie"
    keys("x", "s", "\x1b[D", "\x1b[C", "1")
    second = invoked(run)
    assert "Pair 4 of 8" in second.output
    assert "Pair 3 of 8" not in second.output
    assert "7 of 8 pairs are judged" in second.output
    keys("1")
    last = invoked(run)
    assert "7 of 8 pairs are judged already." in last.output
    assert "tuned model better" in last.output
    assert "8 of 8 pairs, 1 reviewer " in last.output
    again = invoked(run)
    assert "Pair" not in again.output.replace("Pairs", "")  # nothing is left to ask


def test_left_and_right_mean_whose_answer_stands_there(run, keys):
    keys(*["1"] * PAIRS)
    shown = invoked(run).output
    by_sample = {vote["sample_id"]: vote["vote"] for vote in told(run, "--show")["votes"]}
    assert set(by_sample.values()) == {"tuned", "baseline"}
    for sample_id, vote in by_sample.items():
        at = sample_id.removeprefix("test")
        line = next(row for row in shown.splitlines() if f"tuned {at} " in f"{row} ")
        is_left = line.index(f"tuned {at}") < line.index(f"plain {at}")
        assert is_left is (vote == "tuned")


def test_back_changes_a_vote_and_a_note_is_kept(run, keys):
    keys("1", "b", "n", "t", "q", typed=["a\x1b[31m note"])
    output = invoked(run).output
    assert "Judged before: left is better" in output
    assert "Note: a note" in output
    first, second = votes(run)
    assert first["sample_id"] == second["sample_id"]
    assert (second["vote"], second["note"]) == ("tie", "a\x1b[31m note")
    assert told(run)["judged"] == 1


def test_a_second_vote_keeps_the_note_of_the_first(run, keys):
    keys("n", "1", "b", "2", "q", typed=["why so"])
    assert invoked(run).output.count("Note: why so") == 2
    assert [vote["note"] for vote in votes(run)] == ["why so", "why so"]
    assert votes(run)[0]["sample_id"] == votes(run)[1]["sample_id"]


def test_other_keys_do_nothing_and_the_end_of_input_leaves(run, keys, monkeypatch):
    left = keys("z", "\x1b[A", "5", "\x04")
    assert "0 of 8 pairs are judged" in invoked(run).output
    assert left == []

    def closed():
        raise EOFError

    monkeypatch.setattr(click, "getchar", closed)
    assert invoked(run).exit_code == 0


def test_a_dumb_terminal_types_letters(run, keys, monkeypatch):
    keys(typed=["1", "", "q"])
    monkeypatch.setenv("TERM", "dumb")
    assert "1 of 8 pairs are judged" in invoked(run).output


def test_ctrl_c_keeps_the_votes_and_says_how_to_go_on(run, keys, monkeypatch):
    left = keys("1", "2")

    def pressed():
        if not left:
            raise KeyboardInterrupt
        return left.pop(0)

    monkeypatch.setattr(click, "getchar", pressed)
    monkeypatch.setattr(sys, "argv", ["advisor", "review", "--run-dir", str(run.path)])
    assert invoked(run).exit_code == 130
    assert len(votes(run)) == 2


def test_several_people_judge_for_themselves(run, keys):
    keys(*["1"] * PAIRS)
    invoked(run, "--reviewer", "ann")
    keys("2", "q")
    assert "1 of 8 pairs are judged" in invoked(run, "--reviewer", "bob").output
    found = told(run, "--show")
    assert (found["judged"], found["reviewers"], found["is_finished"]) == (8, 2, False)
    assert found["warnings"][-1].endswith("8 of 8 by ann, 1 of 8 by bob.")
    ended = told(run, "--end")
    assert {vote["reviewer"] for vote in ended["votes"]} == {"ann", "bob"}
    assert "Of 1 pairs judged by several people" in ended["warnings"][-1]


@pytest.mark.parametrize("words", [("--show",), ("--json",), ("--show", "--json")])
def test_nothing_tells_whose_answers_win_before_all_are_judged(run, keys, words, tmp_path):
    keys("1", "2", "1", "q")
    invoked(run)
    output = invoked(run, *words).output
    assert "3 of 8" in output
    for word in ("tuned model better", "zero-shot", '"tuned": 1', '"tuned": 2', "prefers"):
        assert word not in output
    refused = invoked(run, "--csv", tmp_path / "votes.csv")
    assert refused.exit_code == 1
    assert "not all judged: 3 of 8 so far" in refused.output
    assert "--end" in refused.output
    assert not (tmp_path / "votes.csv").exists()


def test_the_planned_number_is_kept_and_changed_on_purpose_only(run, keys):
    keys("1", "q")
    assert "Pair 1 of 4" in invoked(run, "--pairs", "4").output
    keys("1", "1", "q")
    assert "Pair 2 of 4" in invoked(run).output
    refused = invoked(run, "--pairs", "3", "--show")
    assert refused.exit_code == 1
    assert "4 pairs in the order of seed 0 were planned" in refused.output
    assert "--replan" in refused.output
    shown = invoked(run, "--pairs", "3", "--replan", "--show").output
    assert "3 of 3 pairs, 1 reviewer" in shown
    assert "The plan was changed after 3 votes: 4 to 3 pairs." in shown
    assert "4 to 3 pairs" in invoked(run, "--show").output


def test_an_ended_review_asks_no_more(run, keys):
    assert "nothing to end" in invoked(run, "--end").output
    keys("1", "q")
    invoked(run)
    assert "It was ended when 1 of 8 pairs were judged" in invoked(run, "--end").output
    keys()
    refused = invoked(run)
    assert refused.exit_code == 1
    assert "was ended on" in refused.output
    assert len(votes(run)) == 1


def test_without_a_terminal_the_flags_are_named(run):
    refused = invoked(run)
    assert refused.exit_code == 1
    assert "--show" in refused.output
    assert "--csv FILE" in refused.output
    assert not (run.path / FILE).exists()
    assert invoked(run, "--yes").exit_code == 1


def test_csv_is_written_once(run, keys, tmp_path):
    file = tmp_path / "votes.csv"
    keys(*["1"] * PAIRS)
    invoked(run)
    done = invoked(run, "--csv", file)
    assert done.exit_code == 0, done.output
    assert len(file.read_text().splitlines()) == PAIRS + 1
    refused = invoked(run, "--csv", file)
    assert refused.exit_code == 1
    assert "is there already" in refused.output
    lost = invoked(run, "--csv", tmp_path / "no" / "votes.csv")
    assert lost.exit_code == 1
    assert "The folder of" in lost.output
    assert not (tmp_path / "no").exists()


def test_a_folder_without_a_run_is_told_before_the_terminal(tmp_path):
    refused = CliRunner().invoke(cli, ["review", "--run-dir", str(tmp_path)])
    assert refused.exit_code == 1
    assert "terminal" not in refused.output


def test_changed_data_is_told(run, tmp_path):
    data = tmp_path / "data.jsonl"
    data.write_text(data.read_text().replace("test question 1", "another question"))
    assert any("The data file changed" in warning for warning in told(run)["warnings"])


def test_a_run_without_verification_and_wrong_numbers_are_refused(run):
    assert invoked(run, "--pairs", "0").exit_code == 2
    run.file("verify").unlink()
    refused = invoked(run, "--show")
    assert refused.exit_code == 1
    assert "advisor verify" in refused.output


def test_hostile_answers_do_no_harm(tmp_path, keys):
    long = "word " * 250_000
    texts = [make.HOSTILE, long, "a\nb\n" * 500] + [f"t{at}" for at in range(3, ITEMS)]
    run = review_run(tmp_path / "run", tuned=texts)
    keys(*["s"] * ITEMS)
    output = invoked(run).output
    assert "Pair 10 of" in output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "\0" not in output
    assert "(cut here)" in output
    assert len(output) < 400_000
    assert max(len(line) for line in output.splitlines()) <= 160


def test_a_real_terminal(run):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "advisor", "review", "--run-dir", str(run.path), "--pairs", "2"],
        env={k: v for k, v in os.environ.items() if k != "ADVISOR_PLAIN"} | {"TERM": "xterm"},
        dimensions=(60, 90),
        encoding="utf-8",
        timeout=SECONDS,
    )
    child.expect_exact("Pair 1 of 2")
    child.expect_exact("q quit")
    child.send("2")
    child.expect_exact("Pair 2 of 2")
    child.expect_exact("q quit")
    child.send("\x1b[D")
    child.expect_exact("2 of 2 pairs")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert len(votes(run)) == 2
