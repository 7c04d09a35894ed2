"""Back room: a Word document as HTML, nothing of it opened beyond its own text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag_baseline.readers._archive import broken


def html_of(path: Path, name: str) -> tuple[str, int]:
    """HTML, and how many pictures were left out.

    Raises CorpusError for a broken file, ImportError without the library. The document's own map
    of styles is not used, and nothing outside of it is opened.
    """
    import mammoth  # noqa: PLC0415 - heavy

    pictures: list[str] = []

    def leave_out(image: Any) -> list[Any]:
        pictures.append(str(image.content_type))
        return []

    try:
        with path.open("rb") as stream:
            found = mammoth.convert_to_html(
                stream,
                convert_image=leave_out,
                include_embedded_style_map=False,
                external_file_access=False,
            )
    except Exception as error:  # noqa: BLE001 - whatever a broken file makes the library raise
        raise broken(path, name, error) from None
    return str(found.value), len(pictures)
