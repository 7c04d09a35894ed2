"""Documents from a file or a folder, in a stable order, with what was left out named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from advisor.contracts import DocumentReader
from advisor.errors import AdvisorError, CorpusError, MissingExtraError
from advisor.formats.kinds import BY_ENDING, CALLED, HEAD, READABLE, Refused, kind_by_content
from advisor.formats.listing import listing
from advisor.formats.plain_text import PLAIN
from advisor.schema.dataset import Corpus
from advisor.schema.evaluation import Document

Readers = Mapping[str, DocumentReader]
NAMES_SHOWN = 5
NAME_CHARACTERS = 80
TROUBLES_SHOWN = 10
REMARKS_SHOWN = 40
OURS = ("document", "folder", "kind")
"""Keys of the metadata that no document sets itself."""


def read_documents(path: Path, readers: Readers | None = None) -> tuple[Document, ...]:
    """The documents below `path`, sorted by name; see `read_corpus`."""
    return read_corpus(path, readers).documents


def read_corpus(path: Path, readers: Readers | None = None) -> Corpus:
    """The documents of a folder and its sub-folders, or of one file.

    `readers` are those of the registry, by ending; without them Markdown and text in UTF-8 are
    read. Every document gets `kind`, `folder` and `title` in its metadata. In a folder, what cannot
    be read is left out and told. Raises CorpusError where nothing can be read.
    """
    reading = _Reading(PLAIN if readers is None else readers)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:
        raise CorpusError(
            f"{_shown(str(path))} cannot be read: {error.strerror or error}.",
            hint="Check the path given with --docs.",
            where=_shown(str(path)),
        ) from None
    if is_file:
        return reading.single(path)
    if is_folder:
        return reading.folder(path)
    raise CorpusError(
        f"There is no file or folder {path}.",
        hint="Check the path given with --docs.",
        where=str(path),
    )


class _Reading:
    """Takes files one after another."""

    def __init__(self, readers: Readers) -> None:
        self.readers = readers
        self.documents: list[Document] = []
        self.notes: list[str] = []
        self.empty: list[str] = []
        self.names: set[str] = set()

    def single(self, path: Path) -> Corpus:
        """One file, whatever it raises."""
        refused = self._take(path, path.name)
        if refused is not None:
            raise _refusal(path, written_name(path.name), refused)
        if not self.documents:
            raise CorpusError(
                f"{_shown(path.name)} is empty.",
                hint="Give a document with text in it.",
                where=str(path),
            )
        return self._corpus(path)

    def folder(self, path: Path) -> Corpus:
        """Every file below; what cannot be read is left out."""
        found = listing(path)
        troubles: list[AdvisorError] = []
        refused: dict[str, list[str]] = {}
        for name in found.files:
            try:
                kind = self._take(path / name, name)
                if kind is not None:
                    refused.setdefault(kind.what, []).append(name)
            except AdvisorError as error:
                troubles.append(error)
        left_out = {**found.left_out, **refused, "empty": self.empty}
        told = [
            *(_listed(why, names) for why, names in left_out.items() if names),
            *(f"Left out: {_brief(error)}" for error in troubles[:TROUBLES_SHOWN]),
        ]
        if len(troubles) > TROUBLES_SHOWN:
            told.append(f"Left out: {len(troubles) - TROUBLES_SHOWN} more that cannot be read.")
        more = len(self.notes) - REMARKS_SHOWN
        remarks = self.notes[:REMARKS_SHOWN]
        self.notes = [*told, *remarks, *([f"{more:,} further remarks."] if more > 0 else [])]
        if not self.documents:
            raise self._nothing(path, troubles)
        return self._corpus(path)

    def _nothing(self, path: Path, troubles: list[AdvisorError]) -> AdvisorError:
        """Why a folder gave no text at all."""
        if troubles and all(isinstance(error, MissingExtraError) for error in troubles):
            return troubles[0]
        why = f" {' '.join(self.notes[:3])}" if self.notes else ""
        return CorpusError(
            f"The folder {path} holds no text to read.{why}",
            hint=f"Put {', '.join(sorted(self.readers))} files into it.",
            where=str(path),
        )

    def _corpus(self, path: Path) -> Corpus:
        return Corpus(path=str(path), documents=tuple(self.documents), notes=tuple(self.notes))

    def _take(self, path: Path, file: str) -> Refused | None:
        """Read a file, or say why its kind is not read; raises what its reader raises."""
        name = written_name(file)
        chosen = self._reader(path, name)
        if isinstance(chosen, Refused):
            return chosen
        reader, note = chosen
        read = reader.read(path, name)
        self.notes += [*note, *read.notes]
        if not read.documents:
            self.empty.append(file)
        self.documents += [self._placed(document, reader, name) for document in read.documents]
        return None

    def _placed(self, document: Document, reader: DocumentReader, file: str) -> Document:
        """The document with what is known of every one; names stay apart."""
        place = PurePosixPath(file)
        folder = place.parent.as_posix()
        metadata = {
            f"own_{key}" if key in OURS else key: value for key, value in document.metadata.items()
        }
        metadata |= {"kind": reader.info.id, "folder": "" if folder == "." else folder}
        metadata.setdefault("title", place.stem)
        name = document.name
        while name in self.names:
            name += "~"
        self.names.add(name)
        return document.model_copy(update={"name": name, "metadata": metadata})

    def _reader(self, path: Path, name: str) -> Refused | tuple[DocumentReader, tuple[str, ...]]:
        """Who reads the file, and a note where its content is not what its name says."""
        ending = path.suffix.lower()
        named = self.readers.get(ending)
        found = kind_by_content(path, _head(path, name))
        if isinstance(found, Refused):
            return found
        if found:
            reader = self.readers.get(READABLE[found])
            if reader is not None and reader is not named:
                told = f"{_shown(name)} is {CALLED[found]} by its content and read as that."
                return reader, (told,)
            named = named or reader
        if named is not None:
            return named, ()
        accepted = ", ".join(sorted(self.readers))
        unknown = Refused(
            "not a kind of document that can be read", f"Accepted: {accepted}, or a folder of them."
        )
        return BY_ENDING.get(ending, unknown)


def _refusal(path: Path, name: str, refused: Refused) -> CorpusError:
    return CorpusError(
        f"{_shown(name)} is {refused.what}.", hint=refused.hint, where=_shown(str(path))
    )


def written_name(file: str) -> str:
    """The name as it can be stored and shown: other signs and bytes as %0A, %E4."""
    return "".join(sign if sign == " " or sign.isprintable() else _escaped(sign) for sign in file)


def _escaped(sign: str) -> str:
    """A byte that is no UTF-8, as Python keeps it, or a sign that is not to be shown."""
    number = ord(sign)
    return f"%{number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else number:02X}"


def _head(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except OSError as error:
        raise CorpusError(
            f"{_shown(name)} cannot be read: {error.strerror or error}.",
            hint="Check its permissions.",
            where=_shown(str(path)),
        ) from None


def _shown(name: str) -> str:
    """A name short enough for a sentence: its end tells more than its beginning."""
    written = written_name(name)
    return written if len(written) <= NAME_CHARACTERS else f"…{written[1 - NAME_CHARACTERS :]}"


def _brief(error: AdvisorError) -> str:
    hint = f" {error.hint}" if error.hint else ""
    return f"{error.message}{hint}"[:300]


def _listed(why: str, names: list[str]) -> str:
    shown = ", ".join(map(_shown, names[:NAMES_SHOWN]))
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"Left out, {why}: {shown}{more}."
