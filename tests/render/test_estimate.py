from __future__ import annotations

import io
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from advisor.render.estimate import show_estimate, show_terms
from advisor.render.matrix import show_matrix
from advisor.render.memory_groups import cheapest, mark_of
from advisor.render.terminal import make_console
from advisor.schema.base import UsdInterval
from advisor.schema.spending import Volumes
from tests.fixtures import estimates as e
from tests.fixtures import values as v
from tests.fixtures.screens import screen


def flat(text: str) -> str:
    return " ".join(text.split())


def row(out: str, start: str) -> str:
    return next(line for line in out.splitlines() if line.strip().startswith(start))


def test_a_newcomer_finds_model_verdict_plan_and_warnings_in_one_screen() -> None:
    out = screen(show_estimate, e.priced_estimate(), asked="7b")
    assert out.startswith("7b means tiny: 3.4M parameters")
    assert (
        "Recommended LoRA on l4-24gb from somecloud: fits, 99 %; 0.50\u20131.4 h, $0.50\u20132.00"
        in flat(out)
    )
    assert out.index("No plan fits for certain.") < out.index("Recommended")
    assert "! The price was last checked on 2026-01-05." in out
    assert "--explain" in out
    assert len(out.splitlines()) <= 55


def test_a_model_asked_for_by_its_own_name_is_not_explained() -> None:
    assert screen(show_estimate, v.estimate(), asked="Tiny").startswith("tiny: 3.4M parameters")


def test_methods_stand_side_by_side_with_verdict_and_chance() -> None:
    out = screen(show_estimate, e.priced_estimate())
    assert row(out, "LoRA ").split()[:7] == ["LoRA", "l4-24gb", "yes", "99", "%", "2.7", "of"]
    assert "maybe 60 %" in row(out, "QLoRA ")
    assert "no <1 %" in row(out, "full ")


def test_the_cheapest_and_the_fastest_are_marked() -> None:
    dear = v.option(gpu="h100", cost_usd=v.usd_interval("5", "6", "7"))
    found = v.estimate(options=(v.option(), dear), recommended=1, fastest=1)
    assert [mark_of(found, place) for place in (0, 1)] == ["cheapest", "fastest"]
    assert mark_of(v.estimate(fastest=0), 0) == "cheapest, fastest"
    out = screen(show_estimate, found)
    assert row(out, "LoRA    l4-24gb").rstrip().endswith("cheapest")
    assert row(out, "LoRA    h100").rstrip().endswith("fastest")


def test_without_a_price_nothing_is_called_cheapest() -> None:
    found = v.estimate(options=(v.option(cost_usd=None, offer=None),))
    assert cheapest(found) is None
    assert "cheapest" not in screen(show_estimate, found).split("Ranked")[0]
    assert "unknown" in row(screen(show_estimate, found), "LoRA")


def test_when_nothing_fits_the_nearest_plan_is_told_and_no_plan_recommended() -> None:
    found = v.estimate(options=(v.option(fits=False),), recommended=None, nearest="Take a T4.")
    out = screen(show_estimate, found)
    assert "No plan can be recommended." in out
    assert "Nearest  Take a T4." in out
    assert "Recommended" not in out


def test_the_peak_is_named_with_the_heights_of_other_phases() -> None:
    assert "backward 2.0 GiB, loss 1.9, optimizer step 1.4, load 1.1" in screen(
        show_estimate, e.priced_estimate()
    )


def test_what_nobody_said_of_the_data_is_told_as_assumed() -> None:
    out = screen(show_estimate, e.priced_estimate())
    assert "Assumed      400 samples (--examples), 256 tokens each (--seq-len); or --data" in out
    assert "Assumed " not in screen(show_estimate, v.estimate())


def test_lengths_of_the_data_are_told() -> None:
    out = flat(screen(show_estimate, e.priced_estimate()))
    assert "longest 3,412 tokens, 99 % up to 2,100, mean 512 (exact); 12 cut at 2,048" in out
    assert "padding 34 %, or packed into 250 sequences" in out
    by_rate = e.lengths(is_exact=False, mean=v.interval(400, 512, 700))
    told = flat(screen(show_estimate, e.priced_estimate(lengths=by_rate)))
    assert "mean 512 (400\u2013700) (from characters)" in told


def test_a_simulated_step_stands_beside_the_formula_with_the_difference() -> None:
    out = screen(show_estimate, e.priced_estimate())
    assert row(out, "tensors, GiB").split()[-5:] == ["1.6", "2.0", "(1.5\u20132.6)", "+25.0", "%"]
    assert "Computed, not traced: 4-bit weights." in out
    probed = e.trace(kind="probed", process_gib=2.7, tokens_per_second=600)
    told = screen(show_estimate, e.priced_estimate(trace=probed))
    assert row(told, "whole process, GiB").split()[-2:] == ["+0.0", "%"]
    assert row(told, "tokens per second").split()[-2:] == ["+100.0", "%"]


def test_what_was_solved_for_is_told_also_where_nothing_fits() -> None:
    out = screen(show_estimate, e.priced_estimate())
    assert "Tokens per sequence" in out
    assert "6,144" in row(out[out.index("The largest that fits") :], "LoRA")
    assert "none" in row(out[out.index("The largest that fits") :], "QLoRA")


def test_money_beyond_training_takes_a_few_lines() -> None:
    out = flat(screen(show_estimate, e.priced_estimate()))
    assert (
        "Whole plan $3.32\u201322 in 12 months: training $0.50\u20132.00, storage $2.82\u201320"
        in out
    )
    assert "unknown: serving" in out
    assert "tuning at somehost (tiny) $2.46, another (tiny) $9.99" in out
    assert "from 143 calls a month (100 to 900) vs prompting gpt-4.1 (openai)" in out
    assert "vs RAG" not in out
    gain = {"gain_usd_per_month": v.usd_interval("1", "2", "3")}
    asked = tuple(p.model_copy(update=gain) for p in e.priced_estimate().break_even)
    out = flat(screen(show_estimate, e.priced_estimate(break_even=asked)))
    assert "never vs RAG tiny (l4-24gb)" in out
    assert ": A thousand calls cost $0.0100 more" in out


def test_a_break_even_names_the_server_its_setup_and_what_was_assumed() -> None:
    own = e.break_even(served="served on 2 x l4", setup_usd=v.usd_interval("3", "14", "20"))
    hosted = e.break_even(
        served="tuned and served at somehost",
        calls_per_month=Volumes(low=1234, likely=146_779, high=1_000_000),
    )
    said = ("calls of 50-1000 instruction tokens", "people's time not counted")
    found = tuple(pair.model_copy(update={"assumed": said}) for pair in (own, hosted))
    out = flat(screen(show_estimate, e.priced_estimate(break_even=found)))
    place = out.index(
        ", served on 2 x l4, setup $3.00\u201320: from 143 calls a month (100 to 900)"
    )
    assert "Pays back LoRA on " in out[place - 40 : place]
    told = "tuned and served at somehost: from 150,000 calls a month (1,200 to 1,000,000) vs"
    assert out.index(told) > place
    assert "for calls of assumed length; more: --calls-per-month, --explain" in out
    gain = {"gain_usd_per_month": v.usd_interval("1", "2", "3")}
    asked = tuple(pair.model_copy(update=gain) for pair in found)
    out = flat(screen(show_estimate, e.priced_estimate(break_even=asked)))
    assert "assuming calls of 50-1000 instruction tokens; people's time not counted" in out


def test_with_a_volume_of_calls_serving_is_a_table() -> None:
    assert "Serving" not in screen(show_estimate, e.priced_estimate())
    known = e.serving(usd_per_month=v.usd_interval("180", "220", "290"))
    out = screen(show_estimate, e.priced_estimate(serving=(known,)))
    assert row(out, "tuned ").split()[-2:] == ["$0.04\u20130.36", "$180\u2013290"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"calls_per_month": Volumes(low=100, likely=143, high=None)}, "(100 to never)"),
        (
            {"calls_per_month": Volumes(low=7, likely=7, high=7)},
            "from fewer than 100 calls a month vs",
        ),
        ({"calls_per_month": Volumes(low=7, likely=7, high=120)}, "calls a month (7 to 120) vs"),
        ({"calls_per_month": Volumes(low=0, likely=0, high=0)}, "at any volume vs"),
        (
            {"calls_per_month": Volumes(low=500, likely=None, high=None), "never": True},
            "likely never (at best from 500 calls a month)",
        ),
        ({"until_calls_per_month": 5000.0}, "(100 to 900), up to 5,000"),
    ],
)
def test_a_break_even_keeps_sure_and_unsure_apart(changes: dict[str, object], told: str) -> None:
    found = e.priced_estimate(break_even=(e.break_even(**changes),))
    assert told in flat(screen(show_estimate, found))


def test_energy_is_told_with_its_carbon() -> None:
    assert "Energy       0.60 kWh, 0.28 kg CO2" in screen(show_estimate, e.priced_estimate())


def test_too_many_warnings_are_counted_and_not_shown() -> None:
    option = v.option(warnings=tuple(f"warning {n}" for n in range(9)))
    out = screen(show_estimate, v.estimate(options=(option,)))
    assert "! warning 5" in out
    assert "warning 6" not in out
    assert "! 3 more: --explain" in out
    assert "warning 8" in screen(show_terms, v.estimate(options=(option,)))


def test_assumptions_are_left_to_explain() -> None:
    assumed = "95th percentile of the data"
    assert assumed not in flat(screen(show_estimate, e.priced_estimate()))
    assert assumed in flat(screen(show_terms, e.priced_estimate()))


def test_explain_puts_terms_of_the_methods_side_by_side_and_then_their_formulas() -> None:
    out = screen(show_terms, e.priced_estimate())
    assert row(out, "weights").split() == ["weights", "1.20", "1.20", "1.20"]
    assert row(out, "= tensors").split()[-1] == "2.00"
    assert row(out, "backward").split()[1:3] == [">", "2.00"]
    assert "parameters x bytes [computed: formula] parameters 1.0k" in flat(out)
    assert "tokens / rate [computed: formula]" in flat(out)
    assert "At your volume" not in out


def test_explain_gives_every_reason_of_money() -> None:
    out = flat(screen(show_terms, e.priced_estimate()))
    assert "Nobody said how many calls there are." in out
    assert "$3.99 an hour" in out
    assert "A thousand calls cost $1.43 less." in out
    assert "Even a single caller waits longer." in out
    gain = e.break_even(gain_usd_per_month=UsdInterval(low=-5, likely=20, high=Decimal(40)))
    told = flat(screen(show_terms, e.priced_estimate(break_even=(gain,))))
    assert "At your volume it saves -$5.00 to $40 a month." in told
    loss = e.break_even(gain_usd_per_month=UsdInterval(low=-50, likely=-20, high=Decimal(-12)))
    told = flat(screen(show_estimate, e.priced_estimate(break_even=(loss,))))
    assert "at your volume it costs $12\u201350 more a month" in told


def test_many_methods_are_spread_over_several_tables() -> None:
    names = ("lora", "qlora", "full", "dora", "ia3", "vera", "loha", "lokr", "oft", "boft")
    found = v.estimate(options=tuple(v.option(method=name) for name in names))
    for show in (show_estimate, show_terms, show_matrix):
        out = screen(show, found)
        assert max(map(len, out.splitlines())) <= 80
        for name in ("DoRA", "VeRA", "BOFT"):
            assert name in out or name.lower() in out


def test_the_matrix_has_a_row_per_gpu_smallest_card_first() -> None:
    large = v.option(gpu="h100", headroom_gib=76.0, cost_usd=v.usd_interval("11", "12", "13"))
    bare = v.option(gpu="a40", headroom_gib=45.0, cost_usd=None, offer=None, time_hours=None)
    none = v.option(gpu="t4", method="full", fits=False, headroom_gib=-1.0)
    found = v.estimate(options=(v.option(), large, bare, none), fastest=1)
    out = screen(show_matrix, found)
    assert [line.split()[0] for line in out.splitlines()[4:8]] == ["t4", "l4-24gb", "a40", "h100"]
    assert row(out, "l4-24gb").split()[1:6] == ["23", "✓", "12%", "0.8h", "$1.00*"]
    assert row(out, "h100").split()[1:6] == ["79", "✓", "3%", "0.8h", "$12f"]
    assert row(out, "t4").split() == ["t4", "2", "-", "✗", "159%"]
    assert row(out, "a40").split() == ["a40", "48", "✓", "6%", "-", "-"]


def test_a_matrix_without_a_plan_says_what_would_do() -> None:
    found = v.estimate(
        options=(v.option(fits=False),), recommended=None, nearest="Take a T4.", warnings=("None.",)
    )
    out = screen(show_matrix, found)
    assert out.startswith("! None.")
    assert out.rstrip().endswith("Take a T4.")


def test_a_long_name_is_cut_also_on_an_ascii_stream() -> None:
    found = v.estimate(options=(v.option(gpu="g" * 40),))
    for show in (show_estimate, show_matrix):
        out = screen(show, found, encoding="ascii")
        assert "g" * 16 + "~" in out


@pytest.mark.parametrize(("show", "marks"), [(show_estimate, 0), (show_terms, 0), (show_matrix, 2)])
def test_an_ascii_stream_loses_no_letter(show: Callable[..., None], marks: int) -> None:
    out = screen(show, e.priced_estimate(), encoding="ascii")
    assert out.count("?") == marks, "only the marks of what may fit are question marks"


def test_colour_adds_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    coloured, bare = Terminal(), Terminal()
    show_estimate(make_console(coloured, color=True), e.priced_estimate())
    show_estimate(make_console(bare, color=False), e.priced_estimate())
    assert "\x1b[" in coloured.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue()) == bare.getvalue()
