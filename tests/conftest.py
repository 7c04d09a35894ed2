"""Options, environment and skips for the whole suite."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ML_LIBRARIES = ("faiss", "peft", "sentence_transformers", "torch", "transformers", "trl")

# Libraries read these once, at import, so they are set before any test module is loaded.
OFFLINE = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}
os.environ.update(OFFLINE)
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="also run tests marked slow")
    parser.addoption("--rungpu", action="store_true", help="also run tests marked gpu")


def missing_libraries() -> list[str]:
    """The ML libraries that are not installed; nothing is imported to find out."""
    return [name for name in ML_LIBRARIES if importlib.util.find_spec(name) is None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {}
    if not config.getoption("--runslow"):
        reasons["slow"] = "slow: run with --runslow (make test-full)"
    if not config.getoption("--rungpu"):
        reasons["gpu"] = "gpu: run with --rungpu on a machine with a CUDA device"
    missing = missing_libraries()
    if missing:
        reasons["ml"] = f"ml: not installed: {', '.join(missing)} (pip install '.[all]')"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
    if config.getoption("--rungpu") and not any(i.get_closest_marker("gpu") for i in items):
        # A GPU run that finds nothing to run must not look like a pass.
        raise pytest.UsageError("--rungpu was given, but no collected test is marked gpu")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test: offline, no colour, 80 columns, an ADVISOR_HOME of its own, no plugin limit."""
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ADVISOR_HOME", str(tmp_path / "advisor-home"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("ADVISOR_PLUGINS", "FORCE_COLOR", "PYTHONWARNINGS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Evidence kept outside the repository (`ADVISOR_SHARED`, or `shared` beside the checkout)."""
    folder = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared evidence folder is not here (set ADVISOR_SHARED)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The connection string of a real PostgreSQL with pgvector, started once."""
    from tests.fixtures.postgres import CannotStartError, server

    with contextlib.ExitStack() as stack:
        try:
            dsn = stack.enter_context(server())
        except CannotStartError as error:
            pytest.skip(str(error))
        yield dsn
