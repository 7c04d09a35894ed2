import io

import pytest

from advisor.render.evaluation import show_baselines, show_verification
from advisor.render.measured_grids import scores_grid
from advisor.render.measured_words import measured_remarks
from advisor.render.terminal import make_console
from advisor.schema.evaluation import Latency, MetricValue, Stopping
from tests.fixtures import values as make


class Ascii(io.TextIOWrapper):
    """A terminal that speaks ASCII alone."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="ascii")


def shown(show, value):
    stream = io.StringIO()
    show(make_console(stream, color=False), value)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("show", "value"),
    [
        (show_baselines, make.baselines()),
        (show_baselines, make.baselines({make.HOSTILE: 0.5, "zero_shot": 0.2})),
        (show_verification, make.verification()),
        (show_verification, make.verification("inconclusive", target=0.85, target_met=False)),
    ],
)
def test_everything_fits_80_columns(show, value):
    text = shown(show, value)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_baselines_show_scores_intervals_effort_and_the_best():
    text = shown(show_baselines, make.baselines(warnings=("Only 40 test samples.",)))
    for words in (
        "83.0 %",
        "90 % interval",
        "target 60.0 %",
        "RAG \N{MINUS SIGN} few-shot",
        "Best: RAG",
        "< 0.001",
    ):
        assert words in text
    assert "! Only 40 test samples." in text
    assert "0 of 200" in text


def test_an_unknown_price_is_not_zero():
    usage = make.evaluation().usage.model_copy(update={"usd": None})
    evaluation = make.evaluation("zero_shot", usage=usage)
    baselines = make.baselines(evaluations=(evaluation,), best="zero_shot", comparisons=())
    assert "unknown" in shown(show_baselines, baselines)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("keep", "Keep the tuned model"),
        ("discard", "Discard"),
        ("inconclusive", "Not enough to tell"),
    ],
)
def test_the_verdict_comes_first(verdict, words):
    lines = shown(show_verification, make.verification(verdict)).splitlines()
    assert words in lines[1]


def test_a_comparison_within_chance_says_so():
    close = make.comparison(difference=0.01, interval=make.confidence(0.5), p_value=0.04)
    close = close.model_copy(
        update={"interval": close.interval.model_copy(update={"low": -0.02, "high": 0.04})}
    )
    line = next(
        line
        for line in shown(show_baselines, make.baselines(comparisons=(close,))).splitlines()
        if "RAG \N{MINUS SIGN} few-shot" in line
    )
    assert line.rstrip().endswith("no")


def test_verification_shows_estimate_beside_measurement_and_regressions():
    text = shown(show_verification, make.verification(target=0.9, target_met=True))
    for words in ("peak memory (GiB)", "0.910", "unknown", "Worse than before", "✓ target 90.0 %"):
        assert words in text


def test_a_latency_nobody_measured_is_unknown():
    silent = make.evaluation("rag", 0.0, latency_ms=Latency(p50=None, p95=None))
    found = make.baselines().model_copy(update={"evaluations": (silent,), "best": "rag"})
    assert shown(show_baselines, found).count("unknown") == 2
    assert scores_grid([silent]).rows[0][6] == "unknown"


def test_an_ascii_terminal_gets_ascii():
    stream = Ascii()
    console = make_console(stream, color=False)
    show_baselines(console, make.baselines())
    show_verification(console, make.verification())
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")
    assert "RAG - few-shot" in text
    assert "o" in text


def watched(**changes):
    base = {
        "question": "?",
        "decision": "above",
        "against": 0.85,
        "error_rate": 0.05,
        "items_used": 60,
        "items_planned": 240,
        "interval": make.confidence(0.9),
    }
    stopping = Stopping(**base | changes)
    also = MetricValue(metric="token_f1", value=0.9, interval=make.confidence(0.9), n=60)
    evaluation = make.evaluation(
        "tuned", 0.9, n=60, planned=240, ended="decided", stopping=stopping, also=(also,)
    )
    return " ".join(measured_remarks(make.baselines(evaluations=(evaluation,), best="tuned")))


def test_a_decision_is_told_with_its_own_chance_to_be_wrong():
    told = watched()
    assert (
        "decided after 60 of 240 samples that it is above 85.0 %; the chance that this was decided"
        " wrongly is at most 5 %; saved 75 % of the samples." in told
    )
    assert "such decisions" not in told
    assert "do not allow for an early end" in told


def test_a_rival_is_named_not_a_share_of_nothing():
    assert "that it is better than RAG; the chance" in watched(rival="rag", against=0)
    worse = watched(rival="rag", against=0, decision="below", skipped=3)
    assert "60 of 240 samples (3 of these have no score" in worse
    assert "it is worse than RAG" in worse
    open_ = watched(rival="rag", against=0, decision="undecided")
    assert "did not decide whether it is better than RAG" in open_


def test_a_proof_that_ended_early_says_so():
    stopping = Stopping(
        question="?", decision="above", against=0, error_rate=0.05, items_used=60,
        items_planned=240, interval=make.confidence(0.9), rival="rag",
    )  # fmt: skip
    proof = make.verification()
    tuned = proof.tuned.model_copy(update={"stopping": stopping})
    text = " ".join(shown(show_verification, proof.model_copy(update={"tuned": tuned})).split())
    assert "decided after 60 of 240 samples that it is better than RAG" in text
    assert "0.0 %;" not in text


def test_of_many_systems_only_the_pairs_with_the_best_are_shown():
    from advisor.render.measured_words import shown_comparisons
    from tests.fixtures import values as v

    few = v.baselines()
    assert shown_comparisons(few) == few.comparisons
    one, pair = few.evaluations[0], few.comparisons[0]
    names = ("a", "b", "c", "d")
    many = few.model_copy(
        update={
            "best": "c",
            "evaluations": tuple(one.model_copy(update={"builder": name}) for name in names),
            "comparisons": tuple(
                pair.model_copy(update={"a": a, "b": b})
                for at, a in enumerate(names)
                for b in names[at + 1 :]
            ),
        }
    )
    shown = [(c.a, c.b) for c in shown_comparisons(many)]
    assert shown == [("a", "c"), ("b", "c"), ("c", "d")]


def test_what_building_a_prompt_took_is_told_once_where_it_can_be_noticed():
    def remarks(**milliseconds):
        evaluations = tuple(
            make.evaluation(name, building_ms=Latency(p50=p50, p95=p50))
            for name, p50 in milliseconds.items()
        )
        baselines = make.baselines(evaluations=evaluations, best="rag", comparisons=())
        return [line for line in measured_remarks(baselines) if "To build" in line]

    (told,) = remarks(zero_shot=0.02, rag=12.4, few_shot=3.0)
    assert "RAG 12 ms" in told
    assert "ew-shot 3 ms" in told
    assert "ero-shot" not in told
    assert remarks(rag=0.9, zero_shot=None) == []
