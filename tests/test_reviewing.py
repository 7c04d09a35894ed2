"""Pairs, votes and what they say: the core of `advisor review`."""

import csv
import io
import json
from collections import Counter

import pytest

from advisor.errors import DatasetError, InputError, StorageError
from advisor.evaluation.vote_table import as_csv
from advisor.evaluation.votes import FILE, Plan, read_votes, tuned_is_left
from advisor.reviewing import (
    Sitting,
    Wish,
    add_vote,
    change_plan,
    end,
    open_sitting,
    pairs_of,
    refuse_ended,
    review_of,
)
from advisor.schema.review import ReviewPair, ReviewVote
from tests.fixtures import values as make


def answered(builder, texts):
    scores = tuple(make.scored(at, 1.0, text) for at, text in enumerate(texts))
    return make.evaluation(builder, n=len(texts), scores=scores)


def answers(count, *, equal=()):
    best = answered("rag", [f"same {at}" if at in equal else f"plain {at}" for at in range(count)])
    tuned = answered("tuned", [f"same {at}" if at in equal else f"new {at}" for at in range(count)])
    return best, tuned


def opened(folder, count=40, *, equal=(), seed=0, wanted=None, other_seed=None, replan=False):
    best, tuned = answers(count, equal=equal)
    baselines = make.baselines(evaluations=(best,), best="rag")
    proof = make.verification(tuned=tuned)
    asked = Wish(wanted, other_seed, replan=replan)
    return open_sitting(folder, baselines, proof, make.samples(count), seed=seed, wish=asked)


def judge(folder, shown, places, said="tuned", reviewer=""):
    for at in places:
        given = ReviewVote(sample_id=shown.pairs[at].sample_id, vote=said, reviewer=reviewer)
        add_vote(folder, shown, shown.pairs[at], given)


def pair(number=0, **changes):
    plain = {
        "sample_id": f"s{number}", "input": "a question", "target": "the answer",
        "tuned": "new", "baseline": "old", "tuned_is_left": False,
    }  # fmt: skip
    return ReviewPair(**plain | changes)


def vote(number=0, said="tuned", reviewer="", **changes):
    return ReviewVote(sample_id=f"s{number}", vote=said, reviewer=reviewer, **changes)


def sitting(votes, pairs=30, *, ended="2026-11-26T19:00:00+00:00"):
    planned = Plan(planned=pairs, seed=0, ended=ended)
    return Sitting("rag", 0, tuple(pair(at) for at in range(pairs)), tuple(votes), (), planned)


def test_pairs_that_differ_come_first_in_an_order_and_on_sides_of_the_seed():
    best, tuned = answers(60, equal=range(0, 60, 3))
    found, told = pairs_of(best, tuned, make.samples(60), seed=1)
    assert told == []
    assert all(one.tuned != one.baseline for one in found[:40])
    assert all(one.tuned == one.baseline for one in found[40:])
    assert found == pairs_of(best, tuned, make.samples(60), seed=1)[0]
    other = pairs_of(best, tuned, make.samples(60), seed=2)[0]
    assert [one.sample_id for one in other] != [one.sample_id for one in found]
    assert 15 <= sum(one.tuned_is_left for one in found) <= 45
    at = found[0].sample_id
    assert at not in [one.sample_id for one in found[1:]]
    assert (found[0].tuned, found[0].baseline) == (f"new {at[1:]}", f"plain {at[1:]}")


def test_more_pairs_only_add_to_the_end(tmp_path):
    few, many = opened(tmp_path, wanted=10), opened(tmp_path, wanted=25)
    assert many.pairs[:10] == few.pairs
    assert (len(few.pairs), len(many.pairs)) == (10, 25)


def test_equal_answers_need_no_judge_unless_asked_for(tmp_path):
    assert len(opened(tmp_path, 12, equal=range(4)).pairs) == 8
    assert len(opened(tmp_path, 12, equal=range(4), wanted=99).pairs) == 12
    with pytest.raises(DatasetError, match="answer 0 differently"):
        opened(tmp_path, 12, equal=range(12))


def test_samples_that_left_the_data_are_told():
    best, tuned = answers(10)
    found, told = pairs_of(best, tuned, make.samples(7), seed=0)
    assert len(found) == 7
    assert told == ["3 of 10 answered samples are no longer in the data and are left out."]


def test_votes_are_kept_at_once_and_the_last_one_counts(tmp_path):
    shown = opened(tmp_path, wanted=3)
    first, second, _ = shown.pairs
    file = tmp_path / FILE
    for pair_, said, who in (
        (second, "tie", "ann"), (first, "tuned", "ann"), (first, "baseline", "ann"),
        (first, "both_bad", "bob"),
    ):  # fmt: skip
        given = ReviewVote(sample_id=pair_.sample_id, vote=said, reviewer=who, note="näh\n\u202e")
        add_vote(tmp_path, shown, pair_, given)
    assert len(file.read_text().splitlines()) == 1 + 4  # the plan, and a line for each vote
    again = opened(tmp_path, wanted=3)
    assert [(v.sample_id, v.vote, v.reviewer) for v in again.votes] == [
        (first.sample_id, "baseline", "ann"),
        (first.sample_id, "both_bad", "bob"),
        (second.sample_id, "tie", "ann"),
    ]
    assert again.votes[0].note == "näh\n\u202e"
    assert (again.left("ann"), again.left("bob"), again.left("")) == ([2], [1, 2], [0, 1, 2])
    assert again.warnings == ()


def test_half_lines_are_closed_and_told_and_lose_no_vote(tmp_path):
    shown, file = opened(tmp_path, wanted=2), tmp_path / FILE
    for at, one in enumerate(shown.pairs):
        add_vote(tmp_path, shown, one, ReviewVote(sample_id=one.sample_id, vote="tie"))
        if not at:
            file.write_bytes(file.read_bytes() + b'{"answers": "12')
    bad = b'[1]\n{"answers": 3, "vote": "nobody"}\n\xff\xfe\n' + b"[" * 100_000 + b"\n"
    whole = file.read_bytes().splitlines()[1]
    for seconds in (b"NaN", b"Infinity", b"-1"):
        bad += whole.replace(b'"seconds": null', b'"seconds": ' + seconds) + b"\n"
    file.write_bytes(file.read_bytes() + bad)
    again = opened(tmp_path, wanted=2)
    assert len(again.votes) == 2
    assert again.warnings == (f"8 lines of {FILE} could not be read and are left out.",)
    assert again.plan.planned == 2


def test_votes_on_other_answers_are_left_out_and_told(tmp_path):
    shown = opened(tmp_path, wanted=2)
    changed = shown.pairs[0].model_copy(update={"tuned": "what an earlier model said"})
    add_vote(tmp_path, shown, changed, ReviewVote(sample_id=changed.sample_id, vote="tuned"))
    again = opened(tmp_path, wanted=2)
    assert again.votes == ()
    assert again.warnings == (
        "1 votes are on answers or samples that have changed since; they are left out.",
    )


def test_a_place_that_cannot_be_written_or_read_is_told(tmp_path):
    shown = opened(tmp_path)._replace(plan=Plan(planned=1, seed=0))
    (tmp_path / FILE).mkdir()
    with pytest.raises(StorageError, match="could not be written"):
        add_vote(tmp_path, shown, pair(), vote())
    with pytest.raises(StorageError, match="cannot be read"):
        opened(tmp_path)


def test_preference_interval_and_sign_test():
    votes = [vote(at, "tuned") for at in range(15)] + [vote(at, "baseline") for at in (15, 16, 17)]
    votes += [vote(18, "tie"), vote(19, "both_bad")]
    found = review_of(sitting(votes))
    assert (found.tuned, found.baseline_wins, found.ties, found.both_bad) == (15, 3, 1, 1)
    assert found.preference == pytest.approx(15 / 18)
    assert found.p_value == pytest.approx(0.007538, abs=1e-6)  # 2 x P(B(18, 1/2) <= 3)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.608, 0.942), abs=1e-3)
    assert (found.verdict, found.more_pairs, found.planned) == ("tuned", None, 30)
    assert "It was ended when 20 of 30 pairs were judged" in found.warnings[0]
    assert (found.judged, found.reviewers, found.is_finished) == (20, 1, True)
    lost = review_of(sitting([v.model_copy(update={"vote": "baseline"}) for v in votes[:15]]))
    assert lost.verdict == "baseline"


def test_an_open_preference_says_how_many_more_pairs_would_settle_it():
    votes = [vote(at, "tuned" if at < 12 else "baseline") for at in range(20)]
    found = review_of(sitting(votes, pairs=20))
    assert found.verdict == "undecided"
    assert found.more_pairs == 190
    assert found.warnings == ()
    even = review_of(sitting([vote(0, "tuned"), vote(1, "baseline")], pairs=2))
    assert (even.preference, even.more_pairs, even.p_value) == (0.5, None, 1)
    none = review_of(sitting([vote(0, "tie")], pairs=1))
    assert (none.preference, none.interval, none.p_value, none.more_pairs) == (None,) * 4


def test_a_pair_that_several_judged_counts_once():
    said = [
        (0, "tuned", "ann"), (0, "tuned", "bob"), (0, "baseline", "cy"),
        (1, "tuned", "ann"), (1, "baseline", "bob"),
        (2, "both_bad", "ann"), (2, "both_bad", "bob"),
        (3, "tie", "ann"), (3, "baseline", "bob"),
    ]  # fmt: skip
    found = review_of(sitting([vote(at, what, who) for at, what, who in said], pairs=4))
    assert (found.tuned, found.baseline_wins, found.ties, found.both_bad) == (1, 1, 1, 1)
    assert found.warnings == ("Of 4 pairs judged by several people, 1 were judged alike.",)


def test_a_spreadsheet_takes_nothing_for_a_formula():
    texts = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", 'plain, with "quotes"\nand lines')
    pairs = tuple(
        pair(at, tuned=text, baseline="\0nul \ud800", input=text) for at, text in enumerate(texts)
    )
    given = (vote(0, reviewer="=cmd"), vote(0, "tie", reviewer="b"), vote(5, note="@note"))
    rows = list(csv.DictReader(io.StringIO(as_csv(pairs, given))))
    assert [row["tuned"] for row in rows] == [
        "'=1+1", "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", texts[5],
    ]  # fmt: skip
    assert [row["vote"] for row in rows] == ["tuned", "tie", "", "", "", "", "tuned"]
    assert (rows[0]["reviewer"], rows[6]["note"]) == ("'=cmd", "'@note")
    assert rows[0]["baseline"] == "nul ?"


def test_every_vote_line_stands_alone(tmp_path):
    shown = opened(tmp_path)
    add_vote(tmp_path, shown, pair(), vote(note="two\nlines \u2028 and \ud800"))
    plan, line = (tmp_path / FILE).read_bytes().splitlines()
    assert json.loads(plan)["planned"] == 40
    assert Counter(json.loads(line)).keys() >= {"answers", "sample_id", "vote", "at"}


def test_the_file_tells_sides_and_not_whose_answers_they_are(tmp_path):
    shown = opened(tmp_path, wanted=12)
    judge(tmp_path, shown, range(6))
    judge(tmp_path, shown, range(6, 12), "baseline")
    text = (tmp_path / FILE).read_text()
    assert '"tuned"' not in text
    assert '"baseline"' not in text
    assert {'"left"', '"right"'} <= {word.strip(",}") for word in text.split()}
    again = opened(tmp_path)
    assert [one.vote for one in again.votes] == ["tuned"] * 6 + ["baseline"] * 6
    assert [one.tuned_is_left for one in again.pairs] == [
        tuned_is_left(0, one.sample_id) for one in again.pairs
    ]


def test_number_and_seed_are_fixed_with_the_first_vote(tmp_path):
    assert len(opened(tmp_path, wanted=7).pairs) == 7
    judge(tmp_path, opened(tmp_path, wanted=6, seed=3), [0])
    later = opened(tmp_path, seed=9)
    assert (len(later.pairs), later.seed) == (6, 3)
    assert opened(tmp_path, wanted=6, seed=9).pairs == later.pairs
    with pytest.raises(InputError, match=r"6 pairs in the order of seed 3 .* --pairs 5 asks"):
        opened(tmp_path, wanted=5)
    with pytest.raises(InputError, match="--seed 4 asks for others"):
        opened(tmp_path, other_seed=4)


def test_more_pairs_than_there_are_is_the_same_plan_again(tmp_path):
    judge(tmp_path, opened(tmp_path, 12, wanted=99), [0])
    assert len(opened(tmp_path, 12, wanted=99).pairs) == 12
    fewer = opened(tmp_path, 10)
    assert "Only 10 of the 12 planned pairs are still there." in fewer.warnings


def test_a_changed_plan_is_told_for_good(tmp_path):
    first = opened(tmp_path, wanted=4)
    change_plan(tmp_path, first)  # nothing is planned yet
    assert read_votes(tmp_path / FILE).plan is None
    judge(tmp_path, first, range(4))
    more = opened(tmp_path, wanted=6, replan=True)
    change_plan(tmp_path, more)
    change_plan(tmp_path, opened(tmp_path))
    again = opened(tmp_path)
    assert (len(again.pairs), len(again.votes), again.is_finished) == (6, 4, False)
    assert again.warnings == ("The plan was changed after 4 votes: 4 to 6 pairs.",)
    judge(tmp_path, again, [4, 5], "baseline")
    assert "4 to 6 pairs" in review_of(opened(tmp_path)).warnings[0]


def test_nothing_is_told_before_everybody_who_began_is_through(tmp_path):
    shown = opened(tmp_path, wanted=8)
    assert not shown.is_finished
    judge(tmp_path, shown, range(8), reviewer="ann")
    judge(tmp_path, shown, range(3), reviewer="bob")
    found = review_of(opened(tmp_path))
    assert (found.judged, found.reviewers, found.is_finished) == (8, 2, False)
    assert found.votes == ()
    hidden = (found.tuned, found.baseline_wins, found.ties, found.both_bad, found.preference)
    assert hidden == (None,) * 5
    assert (found.interval, found.p_value, found.verdict, found.more_pairs) == (None,) * 4
    assert found.warnings[-1].endswith("8 of 8 by ann, 3 of 8 by bob.")
    judge(tmp_path, shown, range(3, 8), reviewer="bob")
    assert review_of(opened(tmp_path)).tuned == 8


def test_a_review_that_is_ended_tells_so_and_asks_no_more(tmp_path):
    shown = opened(tmp_path, wanted=8)
    with pytest.raises(InputError, match="nothing to end"):
        end(tmp_path, shown)
    judge(tmp_path, shown, range(3))
    refuse_ended(opened(tmp_path))
    end(tmp_path, opened(tmp_path))
    ended = opened(tmp_path)
    found = review_of(ended)
    assert (found.tuned, found.planned, found.is_finished) == (3, 8, True)
    assert "It was ended when 3 of 8 pairs were judged" in found.warnings[0]
    with pytest.raises(InputError, match="was ended on 2"):
        refuse_ended(ended)
    change_plan(tmp_path, opened(tmp_path, replan=True))
    again = opened(tmp_path)
    refuse_ended(again)
    assert not again.is_finished
    assert "The plan was changed after 3 votes: 8 to 8 pairs." in again.warnings
