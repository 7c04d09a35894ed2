"""Makes `.venv` with the pinned set of packages: torch first, then the project with its extras.

Standard library only, since it runs before anything is installed. A second call compares one digest
and returns at once. Environment variables:

ADVISOR_TORCH    cpu or cuda; unset: cuda when `nvidia-smi` answers, else cpu
TORCH_PIP_ARGS   extra words for the pip call that installs torch, such as --index-url ADDRESS
ADVISOR_VENV     folder of the environment (default .venv)
"""

from __future__ import annotations

import hashlib
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
INPUTS = (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__).resolve())
OWN_PACKAGES = ("advisor", "trainers", "rag_baseline")
EXTRAS = "all,dev"
BUILD_TOOLS = ("hatchling", "editables")
FLAVOURS = ("cpu", "cuda")


class SetupError(Exception):
    """Set-up cannot go on; the text says why and what to do."""


def pinned(name: str) -> str:
    """The requirement `name==version` as constraints.txt has it."""
    found = re.search(rf"^{re.escape(name)}==\S+", CONSTRAINTS.read_text(), re.MULTILINE)
    if found is None:
        raise SetupError(f"constraints.txt does not pin {name}.")
    return found.group()


def wanted_flavour() -> str | None:
    """What ADVISOR_TORCH asks for; None when it is unset."""
    flavour = os.environ.get("ADVISOR_TORCH", "").strip().lower()
    if flavour and flavour not in FLAVOURS:
        raise SetupError(f"ADVISOR_TORCH is '{flavour}'; it may be cpu or cuda.")
    return flavour or None


def detected_flavour() -> str:
    """`cuda` when an NVIDIA driver answers, else `cpu`."""
    if shutil.which("nvidia-smi") is None:
        return "cpu"
    answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False)
    return "cuda" if answer.returncode == 0 and answer.stdout.strip() else "cpu"


def digest() -> str:
    """Changes whenever the environment must be brought up to date."""
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in INPUTS]
    return hashlib.sha256(" ".join([*sums, str(ROOT)]).encode()).hexdigest()


class Environment:
    """One virtual environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        windows = os.name == "nt"
        self.python = folder / ("Scripts/python.exe" if windows else "bin/python")
        self.stamp = folder / ".advisor-ready"
        self.log = folder / "setup.log"

    def is_ready(self, flavour: str | None) -> bool:
        """Whether the last set-up finished with the same inputs and the flavour asked for."""
        if not (self.stamp.is_file() and self.python.exists()):
            return False
        stamped, _, stamped_flavour = self.stamp.read_text().strip().partition(" ")
        return stamped == digest() and flavour in (None, stamped_flavour)

    def create(self) -> None:
        """Make the environment when it is absent or its interpreter has gone."""
        if not self.python.exists():
            venv.EnvBuilder(with_pip=True, clear=True).create(self.folder)

    def pip(self, label: str, *words: str) -> None:
        """Run `pip install`, showing elapsed seconds on a terminal and pip's words on failure."""
        command = [str(self.python), "-m", "pip", "install", "--quiet", "--no-input"]
        settings = os.environ | {
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }
        started = time.monotonic()
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*command, *words], cwd=ROOT, env=settings, stdout=log, stderr=subprocess.STDOUT
            )
            wait_aloud(process, label, started)
        if process.returncode:
            print(f"{label}: pip failed", flush=True)
            print(self.log.read_text(errors="replace").rstrip(), file=sys.stderr)
            raise SetupError(f"pip could not install: {' '.join(words)}")
        print(f"{label}: {time.monotonic() - started:.0f} s", flush=True)

    def compile_own(self) -> None:
        """Byte code of the project's own modules, also where Python may not write it later.

        Compiling them anew costs half of a command's start.
        """
        command = [str(self.python), "-m", "compileall", "-q", *OWN_PACKAGES]
        subprocess.run(command, cwd=ROOT, check=False)

    def torch_build(self) -> tuple[str, str | None] | None:
        """(version, CUDA version or None) of the installed torch, read without importing it."""
        for file in self.folder.glob("**/site-packages/torch/version.py"):
            facts = runpy.run_path(str(file))
            return facts["__version__"], facts.get("cuda")
        return None


def wait_aloud(process: subprocess.Popen[bytes], label: str, started: float) -> None:
    """Wait for a process; on a terminal a counting line shows that it is alive."""
    live = sys.stdout.isatty()
    if not live:
        print(f"{label} ...", flush=True)
    while process.poll() is None:
        if live:
            print(f"\r{label} ... {time.monotonic() - started:.0f} s ", end="", flush=True)
        time.sleep(0.25)
    if live:
        print("\r\033[K", end="")


def install_torch(environment: Environment, flavour: str) -> tuple[str, str | None]:
    """Install the pinned torch and say which build it is."""
    requirement = pinned("torch")
    version = requirement.partition("==")[2]
    present = environment.torch_build()
    label = f"[2/3] torch {version} ({flavour.upper()} asked for)"
    extra = shlex.split(os.environ.get("TORCH_PIP_ARGS", ""))
    right_version = present is not None and present[0].partition("+")[0] == version
    right_build = present is not None and (present[1] is not None) == (flavour == "cuda")
    if right_version and right_build:
        print(f"{label}: already there", flush=True)
    else:
        if flavour == "cpu" and not extra:
            tell_before()
        replace = ["--force-reinstall", "--no-deps"] if right_version and extra else []
        if replace:
            environment.pip(label, *replace, *extra, requirement)
        environment.pip(label, "-c", str(CONSTRAINTS), *extra, requirement)
    build = environment.torch_build()
    if build is None:
        raise SetupError("torch was installed but its version file cannot be found.")
    tell_build(build, flavour)
    return build


def tell_before() -> None:
    """On Linux, where the plain wheel is the CUDA build, say what that costs before it is taken."""
    if not sys.platform.startswith("linux"):
        return
    print("      On Linux the plain torch wheel is the CUDA build: several gigabytes with its")
    print("      libraries, where the CPU wheel takes about 200 MB. It runs on the CPU too, and")
    print("      comes unless pip is set up otherwise. For the CPU wheel stop now (Ctrl-C), run")
    print("      make setup ADVISOR_TORCH=cpu TORCH_PIP_ARGS='--index-url ADDRESS'")
    print("      with the address that PyTorch's installation page gives for CPU.", flush=True)


def tell_build(build: tuple[str, str | None], flavour: str) -> None:
    """Say plainly which build came, and what to do when it is not the one asked for."""
    version, cuda = build
    kind = f"CUDA {cuda} build" if cuda else "CPU build"
    print(f"      installed: torch {version}, {kind}", flush=True)
    if cuda and flavour == "cpu":
        print("      It runs on the CPU too, but takes more disk. For the small CPU wheels, set")
        print("      TORCH_PIP_ARGS='--index-url ADDRESS' with the address PyTorch gives for CPU.")
    if not cuda and flavour == "cuda":
        print("      It cannot use the GPU. Set TORCH_PIP_ARGS='--index-url ADDRESS' with the")
        print("      address PyTorch gives for your CUDA version, and run this again.")


def install_project(environment: Environment, torch: tuple[str, str | None]) -> None:
    """Install the project with its extras; fail when that replaced torch."""
    label = f"[3/3] finetune-advisor with extras {EXTRAS}"
    pins = ("-c", str(CONSTRAINTS))
    environment.pip("      build tools", *pins, *BUILD_TOOLS)
    # Without isolation the build uses the pinned tools just installed instead of fetching others.
    environment.pip(label, *pins, "--no-build-isolation", "-e", f".[{EXTRAS}]")
    after = environment.torch_build()
    if after != torch:
        raise SetupError(f"torch was {torch[0]} and is now {after and after[0]}: a pin is missing.")
    environment.compile_own()


def main() -> int:
    """Bring the environment up to date; 0 when it is ready."""
    environment = Environment(ROOT / os.environ.get("ADVISOR_VENV", ".venv"))
    try:
        asked = wanted_flavour()
        if environment.is_ready(asked):
            return 0
        flavour = asked or detected_flavour()
        started = time.monotonic()
        print(f"Setting up {environment.folder.name} (once; nothing outside this folder changes)")
        environment.stamp.unlink(missing_ok=True)
        environment.create()
        print(f"[1/3] environment: Python {sys.version.split()[0]}", flush=True)
        torch = install_torch(environment, flavour)
        install_project(environment, torch)
        environment.stamp.write_text(f"{digest()} {flavour}\n")
    except SetupError as error:
        print(f"Set-up stopped: {error}", file=sys.stderr)
        return 1
    print(f"Ready in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
