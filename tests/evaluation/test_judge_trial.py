"""A judge of known faults on rows with human verdicts: every figure is foreseeable."""

import json
import re

import pytest

from advisor import registry
from advisor.errors import DatasetError, PluginContractError
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.judge_trial import bill_of, prepare, try_judge
from advisor.evaluation.purse import Purse
from advisor.evaluation.trial_rows import read_trial
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Completion
from advisor.schema.purse import TokenPrice

PRICE = TokenPrice(
    prompt_usd_per_million=1000,
    completion_usd_per_million=0,
    provenance=Provenance(kind="assumed"),
)


class Judge:
    """A session that answers a question by a function of its user turn; counts its calls."""

    model_digest = "judge"

    def __init__(self, say):
        self.say = say
        self.calls = 0

    def generate(self, prompts, *, max_new_tokens):
        self.calls += len(prompts)
        texts = [self.say(prompt.messages[-1].content) for prompt in prompts]
        return [
            Completion(text=t, prompt_tokens=100, completion_tokens=5, latency_ms=1) for t in texts
        ]


def answer_in(turn, tag="answer"):
    return re.search(rf"<{tag}-\w+>\n(.*?)\n</{tag}-", turn, re.DOTALL)[1]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def tried(path, say, *, cache=None, purse=None, scale=None, **options):
    trial = read_trial(path, scale=scale)
    kind = {"mode": "pairwise-rejected"} if trial.kind == "pairs" else {"scale": trial.scale}
    metric = registry.configured_metric("judge", kind | options)
    session = Judge(say)
    asker = Asker(session, Conditions("scripted", "m", 64), cache=cache, purse=purse)
    asked = prepare(metric, trial)
    bill = bill_of(asker, asked, answer_characters=100)
    found = try_judge(metric, asker, trial, asked, bill, advance=lambda _: None)
    return found, session


def labelled(path, cells, unlabelled=()):
    """Rows by (human, what the judge will say) -> how many."""
    rows = [
        {"input": f"q{n}", "answer": f"{word} {human} {n}", "human": human}
        for (human, word), count in cells.items()
        for n in range(count)
    ]
    rows += [{"input": f"u{n}", "answer": f"{word} u{n}"} for n, word in enumerate(unlabelled)]
    return write(path, rows)


def by_first_word(turn):
    return f"It says so.\nVerdict: {answer_in(turn).split()[0]}"


def test_labels_give_agreement_kappa_and_both_rates(tmp_path):
    cells = {("yes", "yes"): 45, ("yes", "no"): 5, ("no", "no"): 40, ("no", "yes"): 10}
    file = labelled(tmp_path / "t.jsonl", cells, ["yes"] * 22 + ["no"] * 18)
    found, session = tried(file, by_first_word)
    assert (found.kind, found.rows, found.compared, found.unreadable) == ("labels", 140, 100, 0)
    assert found.agreement.value == pytest.approx(0.85)
    assert found.kappa.value == pytest.approx(0.7)
    assert found.sensitivity.value == pytest.approx(0.9)
    assert found.specificity.value == pytest.approx(0.8)
    assert found.corrected.judged == pytest.approx(0.55)
    assert found.corrected.corrected.value == pytest.approx((0.55 + 0.8 - 1) / 0.7)
    assert found.trusted == "unknown"
    assert session.calls == 140
    assert len(found.verdicts) == 140
    assert sum(row.judge not in ("", row.human) for row in found.verdicts if row.human) == 15


def test_the_same_trial_again_asks_nobody(tmp_path):
    file = labelled(tmp_path / "t.jsonl", {("yes", "yes"): 5, ("no", "no"): 5})
    cache = CompletionCache(tmp_path / "cache.sqlite")
    first, _ = tried(file, by_first_word, cache=cache)
    again, session = tried(file, by_first_word, cache=cache)
    assert session.calls == 0
    assert again.bill.calls_cached == 10
    assert again.kappa == first.kappa
    cache.close()


def test_unreadable_verdicts_are_counted_and_not_compared(tmp_path):
    cells = {("yes", "yes"): 20, ("no", "no"): 20, ("yes", "perhaps"): 10}
    found, _ = tried(labelled(tmp_path / "t.jsonl", cells), by_first_word)
    assert (found.unreadable, found.compared, found.judged) == (10, 40, 40)
    assert found.trusted == "no"
    assert "20% of its verdicts cannot be read" in found.sentence
    assert {row.note for row in found.verdicts if not row.judge} == {
        "the judge's answer holds no verdict that can be read"
    }


def test_the_cap_ends_the_trial_and_is_told(tmp_path):
    file = labelled(tmp_path / "t.jsonl", {("yes", "yes"): 30, ("no", "no"): 30})
    found, session = tried(file, by_first_word, purse=Purse(PRICE, 2.0))  # 0.10 a call
    assert 20 <= session.calls <= 20 + 16
    assert found.not_asked == 60 - session.calls
    assert found.bill.capped
    assert any("budget was spent" in note for note in found.notes)


def test_a_scale_is_recognised_and_weighs_near_misses_less(tmp_path):
    rows = [
        {"input": f"q{n}", "answer": f"{judge} {n}", "human": human}
        for n, (human, judge) in enumerate([(h, min(5, h + (h % 2))) for h in (1, 2, 3, 4, 5)] * 8)
    ]
    found, _ = tried(write(tmp_path / "s.jsonl", rows), by_first_word)
    assert found.kind == "scale"
    assert "scale:1-5" in found.signature
    assert found.weighted_kappa.value > found.kappa.value > 0
    assert found.sensitivity is None


def better(turn):
    """Prefers the longer answer, wherever it stands."""
    first, second = answer_in(turn, "first-answer"), answer_in(turn, "second-answer")
    return f"Verdict: {'first' if len(first) > len(second) else 'second'}"


def pairs(path):
    rows = [
        {"input": f"q{n}", "answer_a": "x" * (1 + n % 2), "answer_b": "y" * (2 - n % 2), "human": h}
        for n, h in enumerate("ba" * 20)
    ]
    return write(path, rows)


def test_pairs_are_asked_in_both_orders(tmp_path):
    found, session = tried(pairs(tmp_path / "p.jsonl"), better)
    assert session.calls == 80
    assert found.consistency.value == 1
    assert found.prefers_first.value == 0.5
    assert found.agreement.value == 1
    assert found.prefers_longer.value == found.people_prefer_longer.value == 1
    assert found.trusted == "yes"


def test_a_judge_that_always_takes_the_first_has_no_verdict_that_counts(tmp_path):
    found, _ = tried(pairs(tmp_path / "p.jsonl"), lambda _: "Verdict: first")
    assert (found.judged, found.compared) == (0, 0)
    assert found.consistency.value == 0
    assert found.prefers_first.value == 1
    assert found.trusted == "no"
    assert "0% of its verdicts survive a change of places" in found.sentence


def test_a_love_of_length_that_people_do_not_share_is_seen(tmp_path):
    rows = [{"answer_a": "long " * 9, "answer_b": "short", "human": "ab"[n % 2]} for n in range(20)]
    found, _ = tried(write(tmp_path / "p.jsonl", rows), better)
    assert found.prefers_longer.value == 1
    assert found.people_prefer_longer.value == 0.5
    assert found.agreement.value == 0.5


@pytest.mark.parametrize(
    ("human", "kind", "scale"),
    [
        (["yes", "no"], "labels", "yes-no"),
        ([True, False], "labels", "yes-no"),
        ([1, 0], "labels", "yes-no"),
        (["Correct", "WRONG"], "labels", "yes-no"),
        ([1, 5], "scale", "1-5"),
        (["4.0", "2"], "scale", "1-5"),
        ([7, 3], "scale", "1-10"),
        ([80, 15], "scale", "0-100"),
        ([None, ""], "labels", "yes-no"),
    ],
)
def test_the_kind_is_recognised_by_what_people_said(tmp_path, human, kind, scale):
    rows = [{"question": "q", "output": "a", "label": h} for h in human]
    trial = read_trial(write(tmp_path / "t.jsonl", rows))
    assert (trial.kind, trial.scale) == (kind, scale)
    assert trial.rows[0].input == "q"


def test_rows_may_be_csv_with_passages_and_some_are_left_out(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("question,answer,human,context\nq,a,yes,The text.\nq,,no,x\nq,b,no,\n")
    trial = read_trial(file)
    assert [row.human for row in trial.rows] == ["good", "bad"]
    assert trial.rows[0].passages == ("The text.",)
    assert trial.notes == ("1 rows have no answer or are broken: line 3.",)
    assert len(read_trial(file, limit=1).rows) == 1


@pytest.mark.parametrize(
    ("rows", "scale", "words"),
    [
        ([{"input": "q", "human": "yes"}], None, "no row with an answer to judge"),
        ([{"answer": "a", "human": "fine"}], None, "neither good or bad nor a whole number"),
        ([{"answer": "a", "human": 3.5}], None, "neither good or bad nor a whole number"),
        ([{"answer": "a", "human": 7}], "1-5", "does not belong to a trial of scale 1-5"),
        (
            [{"answer_a": "a", "answer_b": "b", "human": "c"}],
            None,
            "does not belong to a trial of pairs",
        ),
    ],
)
def test_rows_that_cannot_serve_are_told(tmp_path, rows, scale, words):
    with pytest.raises(DatasetError, match=words) as caught:
        read_trial(write(tmp_path / "t.jsonl", rows), scale=scale)
    assert "t.jsonl" in caught.value.where


def test_a_metric_that_asks_nothing_cannot_be_tried(tmp_path):
    trial = read_trial(labelled(tmp_path / "t.jsonl", {("yes", "yes"): 1}))
    with pytest.raises(PluginContractError, match="asks no judge"):
        prepare(registry.metric("exact_match"), trial)
