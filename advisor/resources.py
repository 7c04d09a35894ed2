"""Where the project's data lies: the one module that knows checkout from wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def rules_root() -> Path:
    """Folder of rules, catalog and sources: `advisor/_rules` in a wheel, `rules/` in a checkout."""
    packaged = _PACKAGE / "_rules"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "rules"


def embedded_model_root() -> Path:
    """Folder of the embedded model, loadable by transformers."""
    return _PACKAGE / "builtin" / "models" / "tiny"


def bundled_tasks_root() -> Path:
    """Folder with one sub-folder per bundled task."""
    return _PACKAGE / "builtin" / "tasks"
