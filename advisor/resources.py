"""Where data lies, the project's and the user's: the one module that knows checkout from wheel."""

from __future__ import annotations

import os
import sys
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


def probe_root() -> Path:
    """Folder of the texts that show whether tuning cost a model what it knew."""
    return _PACKAGE / "builtin" / "probe"


def user_cache_root() -> Path:
    """Folder of what can be made or fetched again: `ADVISOR_HOME/cache`, or the user's cache."""
    return _user_folder("XDG_CACHE_HOME", ".cache", "cache")


def user_data_root() -> Path:
    """Folder of what the user gathered: `ADVISOR_HOME/data`, or the user's data folder."""
    return _user_folder("XDG_DATA_HOME", ".local/share", "data")


def _user_folder(variable: str, usual: str, name: str) -> Path:
    """By `ADVISOR_HOME`, then by the platform's convention; nothing is created."""
    home = os.environ.get("ADVISOR_HOME")
    if home:
        return Path(home) / name
    system: str = sys.platform
    if system == "linux":  # platformdirs says the same, and takes longer to load
        chosen = os.environ.get(variable, "")
        base = Path(chosen) if Path(chosen).is_absolute() else _home() / usual
        return base / "advisor"
    from platformdirs import user_cache_path, user_data_path  # noqa: PLC0415 - rarely needed

    path = user_cache_path if name == "cache" else user_data_path
    return path("advisor", appauthor=False)


def _home() -> Path:
    """The user's folder; where a process has none, a place that holds and keeps nothing."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)
