"""Back room: the texts of a PDF's pages."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import CorpusError
from rag_baseline.readers.source import as_title, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PAGES = 20_000
MOST_CHARACTERS = 100_000_000
LONGEST_CONTENT = 1 << 22
"""Bytes of drawing commands: 2 MiB take the library 4 seconds, more take it ever longer."""
HEAD = 1024


@dataclass(frozen=True, slots=True)
class Pages:
    """What a PDF holds, page by page."""

    texts: tuple[str, ...]
    has_picture: tuple[bool, ...]
    title: str = ""
    notes: tuple[str, ...] = ()


def pages_of(path: Path, name: str) -> Pages:
    """Texts of all pages; raises CorpusError where there are none to have, ImportError."""
    from pypdf import PdfReader  # noqa: PLC0415 - heavy

    with _quiet():
        try:
            _refuse_other(path, name)
            with PdfReader(path) as reader:
                _unlock(reader, path, name)
                return _read(reader)
        except CorpusError:
            raise
        except OSError as error:
            raise CorpusError(
                f"{name} cannot be read: {error.strerror or error}.",
                hint="Check its permissions.",
                where=str(path),
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever a broken file makes the library raise
            cause = as_title(str(error))[:120].rstrip(".") or type(error).__name__
            raise CorpusError(
                f"{name} is broken and cannot be read as a PDF: {cause}.",
                hint="Print it to a new PDF, or take it out.",
                where=str(path),
            ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """The library's remarks on faults it mends are of no use to whoever reads the text."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _refuse_other(path: Path, name: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if b"%PDF" not in head:
        raise CorpusError(
            f"{name} is empty." if not head else f"{name} is no PDF, whatever its name says.",
            hint="Name it after what it is, or take it out.",
            where=str(path),
        )


def _unlock(reader: Any, path: Path, name: str) -> None:
    """Open what needs no password to be read; raises CorpusError for the rest."""
    from pypdf.errors import DependencyError  # noqa: PLC0415 - heavy

    if not reader.is_encrypted:
        return
    try:
        is_open = bool(reader.decrypt(""))
    except DependencyError:
        is_open = False
    if not is_open:
        raise CorpusError(
            f"{name} is encrypted.",
            hint="Save a copy without a password and give that.",
            where=str(path),
        )


def _read(reader: Any) -> Pages:
    texts: list[str] = []
    pictures: list[bool] = []
    failed: list[int] = []
    total = 0
    notes: list[str] = []
    for number, page in enumerate(reader.pages, start=1):
        if number > MOST_PAGES or total > MOST_CHARACTERS:
            notes.append(f"only the first {number - 1} pages were read.")
            break
        try:
            text = _text(page)
        except Exception:  # noqa: BLE001 - one broken page does not take the others with it
            text = ""
            failed.append(number)
        total += len(text)
        texts.append(text)
        pictures.append(not text.strip() and _has_picture(page))
    if failed and len(failed) == len(texts):
        raise ValueError("none of its pages can be read")
    if failed:
        shown = ", ".join(map(str, failed[:10]))
        notes.append(f"{counted(len(failed), 'broken page')} left out: {shown}.")
    return Pages(tuple(texts), tuple(pictures), _title(reader), tuple(notes))


def _text(page: Any) -> str:
    """The page's text; raises ValueError where its drawing is too long to be followed."""
    content = page.get_contents()
    if content is None:
        return ""
    if len(content.get_data()) > LONGEST_CONTENT:
        raise ValueError("too many drawing commands")
    return page.extract_text() or ""


def _has_picture(page: Any) -> bool:
    try:
        drawn = page["/Resources"].get_object()["/XObject"].get_object()
        return any(part.get_object().get("/Subtype") == "/Image" for part in drawn.values())
    except Exception:  # noqa: BLE001 - a page without pictures, or one that cannot say
        return False


def _title(reader: Any) -> str:
    try:
        return str(reader.metadata.title or "")
    except Exception:  # noqa: BLE001 - no title, or one that cannot be read
        return ""
