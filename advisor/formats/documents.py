"""Text documents from a file or a folder, in a stable order, with what was left out named."""

from __future__ import annotations

import os
from pathlib import Path

from advisor.errors import CorpusError
from advisor.schema.dataset import Corpus
from advisor.schema.evaluation import Document

SUFFIXES = (".md", ".markdown", ".txt")
NAMES_SHOWN = 5


def read_documents(path: Path) -> tuple[Document, ...]:
    """The documents below `path`, sorted by name; see `read_corpus`."""
    return read_corpus(path).documents


def read_corpus(path: Path) -> Corpus:
    """Markdown and text files of a folder and its sub-folders, or of one file.

    Raises CorpusError when there are none, one is not UTF-8, or a link leads out of the folder.
    """
    if path.is_file():
        return _single(path)
    if not path.is_dir():
        raise CorpusError(
            f"There is no file or folder {path}.",
            hint="Check the path given with --docs.",
            where=str(path),
        )
    wanted, skipped = _listing(path)
    texts = [(name, _text(path / name)) for name in wanted]
    documents = tuple(Document(name=name, text=text) for name, text in texts if text.strip())
    if not documents:
        raise CorpusError(
            f"The folder {path} holds no text to read.",
            hint=f"Put {', '.join(SUFFIXES)} files into it; other kinds are not read yet.",
            where=str(path),
        )
    empty = [name for name, text in texts if not text.strip()]
    notes = (*_note("not text, hidden or linked", skipped), *_note("empty", empty))
    return Corpus(path=str(path), documents=documents, notes=notes)


def _single(path: Path) -> Corpus:
    if path.suffix.lower() not in SUFFIXES:
        raise CorpusError(
            f"{path.name} is not a kind of document that can be read.",
            hint=f"Accepted: {', '.join(SUFFIXES)}, or a folder of them.",
            where=str(path),
        )
    text = _text(path)
    if not text.strip():
        raise CorpusError(
            f"{path.name} is empty.", hint="Give a document with text in it.", where=str(path)
        )
    return Corpus(path=str(path), documents=(Document(name=path.name, text=text),))


def _listing(root: Path) -> tuple[list[str], list[str]]:
    """Names of the files to read and of the files left out, relative to the root, sorted."""
    wanted: list[str] = []
    skipped: list[str] = []
    for folder, subfolders, names in os.walk(root):
        here = Path(folder)
        for name in (*subfolders, *names):
            _refuse_outward_link(here / name, root)
        closed = {n for n in subfolders if n.startswith(".") or (here / n).is_symlink()}
        skipped += [f"{(here / name).relative_to(root).as_posix()}/" for name in closed]
        subfolders[:] = [name for name in subfolders if name not in closed]
        for name in names:
            relative = (here / name).relative_to(root).as_posix()
            is_text = (here / name).suffix.lower() in SUFFIXES and (here / name).is_file()
            (wanted if is_text and not name.startswith(".") else skipped).append(relative)
    return sorted(wanted), sorted(skipped)


def _refuse_outward_link(path: Path, root: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise CorpusError(
            f"The link {path.name} leads out of the folder, to {path.resolve()}.",
            hint="Copy the file into the folder or remove the link.",
            where=str(path),
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path.name} is not UTF-8 (line {line}).",
            hint="Save it as UTF-8 or take it out of the folder.",
            where=f"{path}:{line}",
        ) from None
    except OSError as error:
        raise CorpusError(
            f"{path.name} cannot be read: {error.strerror or error}.",
            hint="Check its permissions.",
            where=str(path),
        ) from error


def _note(kind: str, names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    shown = ", ".join(names[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return (f"Left out, {kind}: {shown}{more}.",)
