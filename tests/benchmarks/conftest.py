import csv
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT))


def _load(name):
    spec = importlib.util.spec_from_file_location(
        f"benchmark_{name}", Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def runs():
    return _load("published")


@pytest.fixture
def tables(tmp_path, runs):
    def write(name, rows):
        path = tmp_path / name
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return {
        "rows": write("measured.csv", runs.ROWS),
        "configs": write("configs.csv", list(runs.CONFIGS.values())),
        "oom": write("oom.csv", [runs.FMS_OOM]),
    }


@pytest.fixture
def evidence():
    folder = SHARED / "evidence" / "memory"
    if not folder.is_dir():
        pytest.skip("the evidence table is not beside this checkout (../shared/evidence/memory)")
    return folder


@pytest.fixture
def harness():
    folder = SHARED / "tools" / "peers"
    if not folder.is_dir():
        pytest.skip("the peer harness is not beside this checkout (../shared/tools/peers)")
    return folder
