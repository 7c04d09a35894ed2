from __future__ import annotations

import pytest

from advisor.render.estimate_bars import show_bars, stacked_bar
from advisor.render.memory_groups import (
    GROUPS,
    REST,
    best_by_method,
    card_sizes,
    drawn_options,
    group_of,
    grouped,
)
from tests.fixtures import values as v
from tests.fixtures.screens import screen

MEMORY = v.memory(
    allocated_gib=v.interval(9, 10, 11),
    reserved_gib=None,
    process_gib=v.interval(10, 12, 14),
    terms=(
        v.term("weights", 4.0),
        v.term("adapter", 1.0),
        v.term("gradients", 1.0),
        v.term("activations", 1.0),
        v.term("adapter inputs", 1.0),
        v.term("logits and loss", 2.0),
    ),
)


def test_every_group_has_a_letter_of_its_own() -> None:
    assert len({group.letter for group in GROUPS}) == len(GROUPS)
    assert not {group.letter for group in GROUPS} & set("-.|>")


def test_a_term_nobody_foresaw_goes_by_its_name_or_is_shown_as_other() -> None:
    assert GROUPS[group_of("something new")].title == "other"
    assert GROUPS[group_of("32-bit gradients")].title == "gradients"
    assert GROUPS[group_of("adapter inputs")].title == "activations"
    assert GROUPS[group_of(REST)].letter == "C"


def test_groups_add_up_to_the_whole_process() -> None:
    option = v.option(memory=MEMORY)
    assert sum(grouped(option)) == pytest.approx(12.0)


def test_a_bar_shows_each_term_by_its_letter_then_spread_spare_room_and_the_card() -> None:
    option = v.option(memory=MEMORY, headroom_gib=4.0)
    drawn = stacked_bar(option, 20 / 1.02, 20, 16.0, ascii_only=True).plain
    assert drawn == "WWWWPGAALLCC--..|   "


def test_a_bar_that_is_too_long_is_cut_and_says_so() -> None:
    drawn = stacked_bar(v.option(memory=MEMORY), 10 / 1.02, 10, 5.0, ascii_only=True).plain
    assert drawn == "WWWWP|AAL>"


def test_no_cell_is_lost_to_rounding() -> None:
    for width in range(10, 70):
        drawn = stacked_bar(v.option(memory=MEMORY), 20 / 1.02, width, 30.0, ascii_only=True).plain
        letters = sum(drawn.count(group.letter) for group in GROUPS)
        assert len(drawn) == width
        assert letters == round(12 * width / 20)


def test_one_bar_per_method_on_one_scale_with_the_card_at_one_place() -> None:
    options = (
        v.option(memory=MEMORY, headroom_gib=4.0),
        v.option(headroom_gib=13.3, method="qlora"),
        v.option(headroom_gib=20.0, gpu="other"),
    )
    cards = card_sizes(options)
    out = screen(lambda console: show_bars(console, options, cards=cards)).splitlines()
    bars = [line for line in out if "┃" in line and line.endswith("16")]
    assert len(bars) == 2
    assert bars[0].index("┃") == bars[1].index("┃")
    assert max(map(len, out)) <= 80


def test_the_legend_names_only_what_was_drawn() -> None:
    options = (v.option(memory=MEMORY, headroom_gib=4.0),)
    out = screen(lambda console: show_bars(console, options, cards=card_sizes(options)))
    assert "P adapters" in out
    assert "O optimizer" not in out
    assert "┃ end of the card" in out


def test_a_very_large_card_does_not_shrink_the_bars() -> None:
    options = (v.option(memory=MEMORY, headroom_gib=400.0),)
    out = screen(lambda console: show_bars(console, options, cards=card_sizes(options)))
    assert "┃" not in out
    assert "12.0 of 412" in out
    assert out.count("W") > 10


def test_options_are_few_but_each_method_is_among_them() -> None:
    options = [v.option(gpu=f"g{n}") for n in range(20)] + [v.option(method="full")]
    shown = drawn_options(options, 8)
    assert len(shown) == 8
    assert shown[-1].method == "full"
    assert [o.gpu for o in shown[:-1]] == [f"g{n}" for n in range(7)]
    assert [o.method for o in best_by_method(options)] == ["lora", "full"]


def test_a_card_has_one_size_whatever_stands_on_it() -> None:
    options = (v.option(headroom_gib=20.1), v.option(headroom_gib=19.0, method="full"))
    assert card_sizes(options) == {"l4-24gb": pytest.approx(22.8)}
