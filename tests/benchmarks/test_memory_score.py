import json

import pytest

from benchmarks.memory import bands, compare, score, scoring
from benchmarks.memory.rows import FAILED
from benchmarks.memory.table import summary


def last_document(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def arguments(tables, *more):
    return [
        "--rows",
        str(tables["rows"]),
        "--configs",
        str(tables["configs"]),
        "--oom",
        str(tables["oom"]),
        "--json",
        *more,
    ]


def test_scores_by_tier_and_method_with_verdicts(tables, capsys):
    assert score.main(arguments(tables)) == 0
    found = last_document(capsys)
    assert set(found) >= {"tiers", "fit", "unmapped"}
    assert found["tiers"]["allocated"]["all"]["n"] == 4
    assert set(found["tiers"]["allocated"]) == {"all", "full", "lora"}
    assert {"n", "median_abs", "p90_abs", "under5", "coverage", "above_high5"} <= set(
        found["tiers"]["allocated"]["lora"]
    )
    assert found["fit"]["oom"] == {
        "n": 1,
        "called_fitting": 0,
        "uncertain": 0,
        "called_impossible": 1,
    }
    assert found["fit"]["finished"]["n"] == 4
    assert found["fit"]["balanced_accuracy"] >= 0.9


def test_filters_keep_what_they_say(tables, capsys):
    score.main(
        arguments(tables, "--core", "--gpus", "multi", "--grade", "A", "--tier", "allocated")
    )
    assert last_document(capsys)["tiers"]["all"]["all"]["n"] == 2
    score.main(arguments(tables, "--source", "fitcheck", "--by-source"))
    assert list(last_document(capsys)["sources"]) == ["fitcheck"]
    score.main(arguments(tables, "--grade", "B"))
    assert last_document(capsys)["tiers"] == {}


def test_rows_that_cannot_be_mapped_are_counted_and_named(runs):
    rows = [
        ("a", runs.FITCHECK),
        ("b", runs.FITCHECK | {"seq_len": "?"}),
        ("c", runs.FITCHECK | {"weights_dtype": "aqlm 2bit"}),
    ]
    scored, unmapped = scoring.score_rows(rows, runs.CONFIGS)
    assert [item.id for item in scored] == ["a"]
    assert unmapped == {"row has no seq_len": 1, "quantisation 'aqlm 2bit'": 1}


def test_errors_are_summed_up():
    found = summary([(10, 10, 9, 11), (10, 9, 8, 9.4), (10, 12, 11, 13), (10, 10, 9, 11)])
    assert (found["n"], found["median_abs"], found["under5"]) == (4, pytest.approx(0.05), 0.25)
    assert (found["coverage"], found["below_low"], found["above_high"], found["above_high5"]) == (
        0.5,
        0.25,
        0.25,
        0.25,
    )
    assert summary([]) == {"n": 0}


def observation(ratio, source="s", **changes):
    values = {
        "tier": "allocated",
        "guess": "none",
        "method": "lora",
        "gpus": "one",
        "checkpointing": "yes",
        "stack": "peft",
    }
    return bands.Observation(source=source, ratio=ratio, share=0.5, **(values | changes))


def test_a_band_holds_eight_of_ten_runs():
    seen = [observation(0.9 + 0.002 * i, tier="reserved") for i in range(101)]
    band = bands.find(bands.fit(seen), seen[0])
    inside = sum(band.low <= o.ratio <= band.high for o in seen)
    assert (band.stack, band.runs) == ("peft", 101)
    assert 75 <= inside <= 90


def test_a_kind_with_one_source_borrows_from_how_far_sources_lie_apart():
    sure = [observation(1.0 + 0.0001 * i, stack="peft", tier="reserved") for i in range(20)]
    others = [
        observation(ratio, source=source, stack="litgpt", tier="reserved")
        for source, ratio in (("a", 0.7), ("b", 1.0), ("c", 1.4))
        for _ in range(10)
    ]
    alone = bands.find(bands.fit(sure), sure[0])
    among = bands.find(bands.fit([*sure, *others]), sure[0])
    assert (alone.low, alone.high) == (1 - bands.LEAST_SPREAD, 1 + bands.LEAST_SPREAD)
    assert (among.low, among.high) == (0.7, 1.4)
    many = [
        observation(one.ratio, source=f"s{i % 10}", stack="peft", tier="reserved")
        for i, one in enumerate(sure)
    ]
    proven = bands.find(bands.fit([*many, *others]), many[0])
    assert (proven.low, proven.high) == (alone.low, alone.high)


def test_the_upper_end_on_one_card_is_hardly_ever_passed():
    seen = [observation(1.0) for _ in range(95)] + [observation(2.0) for _ in range(5)]
    band = bands.find(bands.fit(seen), seen[0])
    assert band.high == pytest.approx(2.0 / 1.05, abs=1e-3)


def test_few_runs_borrow_the_band_of_all():
    seen = [observation(1.0 + 0.001 * i) for i in range(50)] + [observation(1.3, method="full")]
    assert bands.find(bands.fit(seen), seen[-1]).method == "any"


def test_sources_left_out_are_judged_by_the_others():
    seen = [observation(1.0 + 0.001 * i, "a") for i in range(50)] + [
        observation(3.0, "b", tier="allocated") for _ in range(20)
    ]
    found = bands.left_out(seen)["allocated, all known"]
    assert (found["n"], found["sources"]) == (70, 2)
    assert found["left_out"]["above_high5"] == pytest.approx(20 / 70, abs=1e-3)
    assert found["in_sample"]["coverage"] > found["left_out"]["coverage"]


def line(peak, **changes):
    values = {
        "status": "ok",
        "peak_gib": str(peak),
        "gpus": "1",
        "assumed": "",
        "approx_method": "0",
        "method": "lora",
    }
    return values | changes


def test_contestants_meet_on_the_rows_that_both_answer():
    ours = {"a": line(10), "b": line(21), "c": line(5)}
    theirs = {"a": line(12), "b": line(30), "c": line(0, status="unsupported")}
    found = compare.pair(ours, theirs, {"a": 10.0, "b": 20.0, "c": 5.0})
    assert found["all"]["n"] == found["lora"]["n"] == 2
    assert found["all"]["ours"]["median_abs"] == pytest.approx(0.025)
    assert found["all"]["theirs"]["median_abs"] == pytest.approx(0.35)


def test_a_better_peer_is_named():
    worse, better = {"median_abs": 0.2, "p90_abs": 0.3}, {"median_abs": 0.1, "p90_abs": 0.4}
    views = {"core": {"peers": {"x": {"all": {"n": 3, "ours": worse, "theirs": better}}}}}
    assert compare.behind(views) == ["core: x all median_abs 0.100 < 0.200 (n 3)"]


def test_the_targets_hold_on_the_whole_table(evidence, capsys):
    core = [
        "--rows",
        str(evidence / "measured.csv"),
        "--configs",
        str(evidence / "configs.csv"),
        "--json",
        "--core",
    ]
    score.main([*core, "--gpus", "single", "--grade", "A", "--tier", "allocated"])
    methods = last_document(capsys)["tiers"]["allocated"]
    every = methods["all"]
    assert every["n"] >= 180
    assert (every["median_abs"] <= 0.04, every["p90_abs"] <= 0.12, every["under5"] <= 0.1) == (
        True,
        True,
        True,
    )
    assert every["above_high5"] <= 0.03
    assert [
        methods[m]["median_abs"] <= most
        for m, most in (("lora", 0.05), ("qlora", 0.05), ("full", 0.06))
    ] == [True] * 3
    score.main([*core, "--oom", str(evidence / "oom_events.csv")])
    found = last_document(capsys)
    assert [reason for reason in found["unmapped"] if reason.startswith(FAILED)] == []
    assert found["tiers"]["all"]["all"]["median_abs"] <= 0.08
    assert found["tiers"]["all"]["all"]["p90_abs"] <= 0.25
    oom, finished = found["fit"]["oom"], found["fit"]["finished"]
    assert oom["called_fitting"] <= 0.05 * oom["n"]
    assert finished["called_impossible"] <= 0.05 * finished["n"]
    assert max(oom["uncertain"] / oom["n"], finished["uncertain"] / finished["n"]) <= 0.15
    assert found["fit"]["balanced_accuracy"] >= 0.92
