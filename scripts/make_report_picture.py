"""Takes the picture of a report's top that the README shows.

    python scripts/make_report_picture.py RUN_DIR

RUN_DIR is a finished run; its report.html is opened in an installed Chromium, light and as wide as
a desk's window. Writes docs/images/report.png. The folder's own place is shown as runs/NAME.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 900, 860
LARGEST = 150_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def neutral(page: str, run_dir: Path) -> str:
    """The page without the places of this machine."""
    name = f"runs/{run_dir.name}"
    shown = page.replace(str(run_dir), name)
    return re.sub(r"(?:/[\w.-]+)+/training/", f"{name}/training/", shown)


def take(page: Path) -> bytes:
    """The first screen of a page, light, as PNG.

    Raises SystemExit where no Chromium is installed.
    """
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        sys.exit("No Chromium is installed here.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        opened.goto(page.as_uri())
        picture: bytes = opened.screenshot()
        browser.close()
    return picture


def main() -> int:
    """Open, take, keep."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run_dir = Path(sys.argv[1]).resolve()
    page = neutral((run_dir / "report.html").read_text(encoding="utf-8"), run_dir)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "report.html"
        copy.write_text(page, encoding="utf-8")
        picture = take(copy)
    if len(picture) > LARGEST:
        sys.exit(f"The picture has {len(picture):,} bytes; at most {LARGEST:,} are kept.")
    PICTURE.write_bytes(picture)
    print(f"Written: {PICTURE.relative_to(ROOT)}, {len(picture):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
