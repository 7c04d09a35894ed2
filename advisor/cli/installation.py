"""What is installed, read from package metadata: no library is imported to find out."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from advisor.resources import embedded_model_root
from advisor.schema.installation import EmbeddedModel, Extra, Package

DISTRIBUTION = "finetune-advisor"
NOT_A_CHOICE = ("", "all", "dev")
"""Core, the extra that gathers the others, and the developers' own."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


def packages() -> list[Package]:
    """Every distribution the project can use, with its version; core first, then by extra."""
    found = []
    for requirement in requires(DISTRIBUTION) or []:
        name = _NAME.match(requirement)
        extra = _EXTRA.search(requirement)
        if name is None or (extra and extra.group(1) in NOT_A_CHOICE):
            continue
        found.append(
            Package(
                name=name.group(),
                version=_version(name.group()),
                extra=extra.group(1) if extra else "",
            )
        )
    return sorted(found, key=lambda package: (package.extra, package.name.lower()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def extras(known: list[Package]) -> list[Extra]:
    """Each extra a user may want: whether it is complete, and the line that installs it."""
    names = sorted({package.extra for package in known} - set(NOT_A_CHOICE))
    return [_extra(name, [p for p in known if p.extra == name]) for name in names]


def _extra(name: str, members: list[Package]) -> Extra:
    missing = tuple(package.name for package in members if package.version is None)
    return Extra(
        name=name,
        installed=not missing,
        missing=missing,
        install=f"pip install '{DISTRIBUTION}[{name}]'",
    )


def torch_build() -> str | None:
    """`CPU`, or `CUDA` with its version, from torch's version file; None without torch."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).with_name("version.py")
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    cuda = re.search(r"""^cuda\b[^=]*=\s*["']([\d.]+)["']""", text, re.MULTILINE)
    return f"CUDA {cuda.group(1)}" if cuda else "CPU"


def embedded_model() -> EmbeddedModel:
    """Whether the model that ships with the package is there."""
    folder = embedded_model_root()
    weights = folder / "model.safetensors"
    present = weights.is_file() and (folder / "config.json").is_file()
    size = weights.stat().st_size / 1e6 if present else None
    return EmbeddedModel(present=present, folder=str(folder), weights_mb=size)
