"""How advisor comes onto a machine that does not see this one's files."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from advisor import __version__
from advisor.errors import TrainingError

INSTALL = "ADVISOR_INSTALL"
"""Environment variable: what pip installs on the other machine, instead of this installation."""
PACKAGE = "finetune-advisor"
EXTRAS = "data,docs,eval,metrics,rag,train,qlora"
HINT = (
    f"Set {INSTALL} to a wheel, a folder with the source, or an address that pip can reach there."
)


class Installation(NamedTuple):
    """A shell command that installs, and what must be sent for it."""

    command: str
    send: tuple[str, ...] = ()


def installation(folder: Path) -> Installation:
    """How this very version is installed there; a wheel that must be built is put into the folder.

    Raises TrainingError where what was installed here is gone, or no wheel can be made of it.
    """
    named = os.environ.get(INSTALL, "")
    if named and Path(named).exists():
        return _of_path(Path(named).resolve())
    if named:
        return Installation(_pip(named))
    address, commit = _origin()
    if not address:
        return Installation(_pip(f"{PACKAGE}[{EXTRAS}]=={__version__}"))
    parts = urlsplit(address)
    if parts.scheme != "file":
        at = f"git+{address}@{commit}" if commit else address
        return Installation(_pip(f"{PACKAGE}[{EXTRAS}] @ {at}"))
    source = Path(unquote(parts.path))
    if not source.exists():
        raise TrainingError(
            f"advisor was installed from {source}, which is gone, so it cannot be sent.",
            hint=HINT,
            where=str(source),
        )
    return _of_path(wheel_of(source, folder) if source.is_dir() else source, inside=folder)


def wheel_of(source: Path, folder: Path) -> Path:
    """A wheel of the source tree, built into the folder.

    Raises TrainingError in pip's words when it cannot be built.
    """
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    try:
        metadata.version("hatchling")
        words.append("--no-build-isolation")  # what builds is here: no index is asked
    except metadata.PackageNotFoundError:
        pass
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [*words, "--wheel-dir", str(folder), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    made = sorted(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if done.returncode or not made:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise TrainingError(
            f"No wheel of {source} could be built to be sent: {lines[-1] if lines else 'no word'}",
            hint=HINT,
            where=str(source),
        )
    return made[-1]


def _of_path(path: Path, inside: Path | None = None) -> Installation:
    send = () if inside is not None and path.is_relative_to(inside) else (str(path),)
    return Installation(_pip(f"{path}[{EXTRAS}]"), send)


def _pip(what: str) -> str:
    return f"python3 -m pip install --quiet {shlex.quote(what)}"


def _origin() -> tuple[str, str]:
    """Address and commit that pip noted on installing; empty where it came from an index."""
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return Path(__file__).parents[2].as_uri(), ""
    told = json.loads(text) if text else {}
    vcs = told.get("vcs_info") or {}
    return str(told.get("url") or ""), str(vcs.get("commit_id") or "")
