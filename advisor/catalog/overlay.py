"""The user's own price series, gathered by `advisor catalog refresh` beside the catalog's."""

from __future__ import annotations

import contextlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from advisor.errors import CatalogError, StorageError
from advisor.resources import user_data_root

Plain = dict[str, Any]
FORMAT = 1
PARTS = ("offers", "inference")


def overlay_file() -> Path:
    """Where the series are kept."""
    return user_data_root() / "prices.json"


@cache
def overlay() -> dict[str, list[Plain]]:
    """Series by part (`offers`, `inference`); empty when nothing was fetched yet.

    Raises CatalogError when the file is broken: prices somebody gathered are not passed over.
    """
    place = overlay_file()
    try:
        content = json.loads(place.read_bytes())
        if content["format"] == FORMAT:
            return {part: list(content[part]) for part in PARTS}
    except (FileNotFoundError, NotADirectoryError):
        return {part: [] for part in PARTS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(place) from error
    raise _broken(place)


def _broken(place: Path) -> CatalogError:
    return CatalogError(
        "The prices you fetched cannot be read.",
        hint="Remove them with `advisor catalog refresh --forget`, then fetch them again.",
        where=str(place),
    )


def write_overlay(series: dict[str, list[Plain]]) -> Path:
    """Replace the file whole.

    Raises StorageError when it cannot be written; what was there stays.
    """
    place = overlay_file()
    temporary = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
    text = json.dumps({"format": FORMAT} | series, ensure_ascii=False, separators=(",", ":"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(place)
    except OSError as error:
        raise StorageError(
            f"The prices cannot be kept: {error.strerror or error}.",
            hint="Make the folder writable, or choose another with ADVISOR_HOME.",
            where=str(place.parent),
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    overlay.cache_clear()
    return place


def forget() -> Path | None:
    """Remove the series; None when there were none.

    Raises StorageError when the file cannot be removed.
    """
    place = overlay_file()
    try:
        place.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(
            f"The prices cannot be removed: {error.strerror or error}.",
            hint="Remove the file yourself.",
            where=str(place),
        ) from error
    overlay.cache_clear()
    return place
