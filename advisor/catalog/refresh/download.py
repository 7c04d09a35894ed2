"""Downloads with a time limit, a size limit and a memory of what was fetched before.

The standard library does: a client of one's own for three files would be one more dependency of the
core, and the package `gpuhunt` brings the software kits of eight clouds to read one CSV file.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from advisor import __version__
from advisor.errors import CatalogError
from advisor.resources import user_cache_root

LIMIT_BYTES = 200_000_000
_PIECE = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """A download's content."""

    content: bytes
    is_unchanged: bool
    """The server says it is what was fetched before."""


class DownloadError(CatalogError):
    """A file could not be fetched."""

    is_unreachable = False
    """Nobody answered at all: other files of the same server need not be tried."""


def fetch(url: str, timeout_seconds: float) -> Fetched:
    """The content behind an address, from the cache where the server says that it is unchanged.

    Raises DownloadError, whose message is one sentence, for anything that goes wrong on the way.
    """
    place = user_cache_root() / "downloads" / hashlib.sha256(url.encode()).hexdigest()[:24]
    tag = _kept_tag(place)
    headers = {"User-Agent": f"finetune-advisor/{__version__}"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked just below
    if request.type not in {"http", "https"}:
        raise _failed(url, f"'{request.type}' is no address of the web")
    if tag:
        request.add_header("If-None-Match", tag)
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:  # noqa: S310
            content = _content(url, answer)
            _keep(place, content, answer.headers.get("ETag", ""))
            return Fetched(content, is_unchanged=False)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.NOT_MODIFIED and tag:
            return Fetched(place.read_bytes(), is_unchanged=True)
        raise _failed(url, f"the server answers {error.code}") from error
    except TimeoutError as error:
        raise _failed(
            url, f"no answer within {timeout_seconds:g} seconds", is_unreachable=True
        ) from error
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        reason = getattr(error.reason, "strerror", None) or error.reason
        why = f"no answer within {timeout_seconds:g} seconds" if late else str(reason)
        raise _failed(url, why, is_unreachable=True) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(url, str(error) or type(error).__name__) from error


def _content(url: str, answer: http.client.HTTPResponse) -> bytes:
    """Everything that was promised, or an error: half a file is none."""
    promised = answer.headers.get("Content-Length")
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > LIMIT_BYTES:
            raise _failed(url, f"it is larger than {LIMIT_BYTES // 1_000_000} MB")
    if promised is not None and promised.isdigit() and size != int(promised):
        raise _failed(url, f"it broke off after {size} of {promised} bytes")
    return b"".join(pieces)


def _failed(url: str, why: str, *, is_unreachable: bool = False) -> DownloadError:
    error = DownloadError(
        f"{url} could not be fetched: {why}.", hint="Check the connection and try again.", where=url
    )
    error.is_unreachable = is_unreachable
    return error


def _kept_tag(place: Path) -> str:
    """The server's mark of what is in the cache; nothing where the cache does not hold it whole."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(place.with_suffix(".json").read_bytes())
        digest = hashlib.sha256(place.read_bytes()).hexdigest()
        if told["sha256"] == digest:
            return str(told["etag"])
    return ""


def _keep(place: Path, content: bytes, etag: str) -> None:
    """Keep a download; a cache that cannot be written is done without."""
    if not etag:
        return
    told = {"etag": etag, "sha256": hashlib.sha256(content).hexdigest()}
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        for path, data in ((place, content), (place.with_suffix(".json"), _bytes(told))):
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            try:
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def _bytes(value: dict[str, str]) -> bytes:
    return json.dumps(value).encode()
