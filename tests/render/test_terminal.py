from __future__ import annotations

import io

import pytest
from rich.console import Console

from advisor.render.terminal import (
    bar,
    interval_bar,
    make_console,
    make_panel,
    make_table,
    only_ascii,
    plain,
    show_warnings,
    tick,
)
from tests.fixtures.values import HOSTILE


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(*things: object, color: bool = False) -> str:
    stream = io.StringIO()
    console = make_console(stream, color=color)
    for thing in things:
        console.print(thing)
    return stream.getvalue()


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("90", 90), ("200", 100)])
def test_a_terminal_is_used_up_to_a_hundred_columns(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    assert make_console(Terminal(), color=True).width == width


def test_elsewhere_the_width_is_eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert make_console(io.StringIO(), color=True).width == 80


def test_without_color_a_terminal_gets_no_escape_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm-256color")
    with_color, without = Terminal(), Terminal()
    make_console(with_color, color=True).print(tick(passed=True))
    make_console(without, color=False).print(tick(passed=True))
    assert "\x1b[" in with_color.getvalue()
    assert without.getvalue() == "✓\n"


def test_markup_in_a_string_is_shown_and_not_read() -> None:
    table = make_table("[red]Head", "[/]", title="[bold]title")
    table.add_row("[link=http://x]cell[/link]", ":smile:")
    out = printed(table, "[blink]line", make_panel(plain("[b]body"), title="[i]panel[/i]"))
    for text in (
        "[red]Head",
        "[/]",
        "[bold]title",
        "cell[/link]",
        ":smile:",
        "[blink]",
        "[i]panel",
    ):
        assert text in out


def test_hostile_text_reaches_the_screen_harmless() -> None:
    table = make_table("x")
    table.add_row(plain(HOSTILE))
    out = printed(table, make_panel(plain(HOSTILE), title=HOSTILE))
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\x00" not in out


def test_an_ascii_stream_gets_ascii_and_no_error() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    console = make_console(stream, color=True)
    assert only_ascii(console)
    table = make_table("a", "b")
    table.add_row(plain("日本"), interval_bar(0.1, 0.2, 0.3, 10, 0.9, ascii_only=True))
    console.print(table)
    assert b".-o-.....|" in raw.getvalue()


def test_a_utf8_stream_is_no_ascii_stream() -> None:
    assert not only_ascii(Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("value", "drawn"), [(0.0, "    "), (0.5, "██  "), (1.0, "████"), (2.0, "████"), (None, "    ")]
)
def test_a_bar_fills_its_share_and_keeps_its_width(value: float | None, drawn: str) -> None:
    assert bar(value, 4) == drawn


def test_a_bar_grows_by_eighths() -> None:
    assert bar(1 / 32, 4) == "▏   "


def test_an_interval_bar_marks_value_interval_and_target_where_they_are() -> None:
    assert interval_bar(0.2, 0.45, 0.6, 10, 0.8).plain == "··━━●━━·┃·"


def test_an_unknown_value_leaves_only_the_target() -> None:
    assert interval_bar(None, None, None, 10, 0.5).plain == "·····┃····"


def test_the_ends_of_the_scale_stay_on_it() -> None:
    assert interval_bar(0.9, 1.0, 1.0, 10).plain == "·········●"
    assert interval_bar(0.0, 0.0, 0.05, 10, 1.0).plain == "●········┃"


def test_a_tick_keeps_unknown_apart_from_no() -> None:
    assert [tick(passed).plain for passed in (True, False, None)] == ["✓", "✗", "?"]


def test_every_warning_stands_on_its_own_line() -> None:
    stream = io.StringIO()
    show_warnings(make_console(stream, color=False), ("one", "two\x1b[2J"))
    assert stream.getvalue() == "! one\n! two\n"
