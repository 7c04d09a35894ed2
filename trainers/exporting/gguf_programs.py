"""llama.cpp's own programs: where its converter and its quantiser are, and runs of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from advisor.errors import MissingProgramError, PlanError

PLACE = "ADVISOR_LLAMA_CPP"
"""Environment variable: the folder of llama.cpp's source."""
OPTION = "llama_cpp"
CONVERTER = "convert_hf_to_gguf.py"
QUANTISER = "llama-quantize"
BUILDS = ("", "build/bin", "bin")
HOURS = 3600 * 12


def converter(options: Mapping[str, str]) -> Path | None:
    """llama.cpp's converter, where its folder is named or it is on the PATH.

    Raises MissingProgramError where a folder is named that does not hold it.
    """
    named = options.get(OPTION) or os.environ.get(PLACE, "")
    if not named:
        found = shutil.which(CONVERTER)
        return Path(found) if found else None
    file = Path(named).expanduser() / CONVERTER
    if file.is_file():
        return file
    raise MissingProgramError(
        f"There is no {CONVERTER} in '{named}'.",
        hint=f"Name the folder of llama.cpp's source by the option {OPTION} or by {PLACE}.",
        where=named,
    )


def quantiser(options: Mapping[str, str], kind: str) -> Path:
    """llama.cpp's quantiser. Raises MissingProgramError where it is not at hand."""
    named = options.get(OPTION) or os.environ.get(PLACE, "")
    places = [Path(named).expanduser() / build / QUANTISER for build in BUILDS] if named else []
    found = next((place for place in places if place.is_file()), None)
    if found is not None:
        return found
    on_path = shutil.which(QUANTISER)
    if on_path:
        return Path(on_path)
    raise MissingProgramError(
        f"Weights in {kind} are made by {QUANTISER}, which is not here.",
        hint=f"Build llama.cpp and put {QUANTISER} on the PATH, or name its folder by the option"
        f" {OPTION} or by {PLACE}; f32, f16, bf16 and q8_0 need no program.",
        where=QUANTISER,
    )


def convert(program: Path, folder: Path, file: Path, precision: str) -> None:
    """Run the converter. Raises PlanError in its own words where it refuses the model."""
    order = [sys.executable, str(program), str(folder), "--outfile", str(file)]
    _run([*order, "--outtype", precision], file, "llama.cpp's converter refuses the model")


def quantise(program: Path, plain: Path, file: Path, kind: str) -> None:
    """Run the quantiser. Raises PlanError in its own words where it fails."""
    order = [str(program), str(plain), str(file), kind.upper()]
    _run(order, file, f"{QUANTISER} could not make {kind}")


def _run(order: Sequence[str], made: Path, failed: str) -> None:
    done = subprocess.run(  # noqa: S603 - the program that the user named
        order, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HOURS, check=False
    )
    if done.returncode == 0 and made.is_file():
        return
    made.unlink(missing_ok=True)
    raise PlanError(
        f"{failed}: {_reason(done.stderr) or _reason(done.stdout) or done.returncode}",
        hint="Run it by hand to see all that it says; a newer llama.cpp knows more models.",
        where=order[0] if not order[0].endswith("python") else order[1],
    )


def _reason(text: str) -> str:
    """The last line that says something, without rules and decoration."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if any(letter.isalpha() for letter in line)]
    return said[-1] if said else ""
