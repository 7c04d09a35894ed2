"""Scripts are no package: tests load them from their files."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def load(root: Path) -> Callable[[str], ModuleType]:
    def from_file(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(name).stem, root / name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return from_file
