"""What this machine has, measured without loading any machine-learning library."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from advisor.schema.machine import MachineFacts
from advisor.units import gb_from_bytes, gib_from_bytes

MIB_PER_GIB = 1024
QUERY_SECONDS = 10.0
CGROUP = Path("/sys/fs/cgroup")
CGROUP_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Version 2 and version 1 of the kernel's control groups."""
NVIDIA_DRIVER = Path("/proc/driver/nvidia")


def measure_machine(folder: Path | None = None) -> MachineFacts:
    """Cores, memory, GPU and the free disk space at `folder` (default: the working folder).

    What cannot be measured is None; `gpus` is 0 only when there is no NVIDIA driver at all.
    """
    total = memory_bytes()
    gpu, gpus, gpu_memory_gib = _gpu()
    return MachineFacts(
        cpu_cores=_cores(),
        memory_gib=gib_from_bytes(total) if total else None,
        gpu=gpu,
        gpus=gpus,
        gpu_memory_gib=gpu_memory_gib,
        disk_free_gb=_disk_free_gb(folder or Path.cwd()),
    )


def _cores() -> int | None:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def memory_bytes(*, cgroup: Path = CGROUP) -> int | None:
    """Physical memory, or the container's limit where that is lower."""
    sizes = [size for size in (_physical_bytes(), *map(_limit, _limit_files(cgroup))) if size]
    return min(sizes, default=None)


def _physical_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _limit_files(cgroup: Path) -> list[Path]:
    """Files that may hold a memory limit of this process's own group or of the root group."""
    own = []
    try:
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers == "":
                own.append(cgroup / group.lstrip("/") / "memory.max")
    except (OSError, ValueError):
        own = []
    return [*own, *(cgroup / name for name in CGROUP_LIMITS)]


def _limit(file: Path) -> int | None:
    """The limit in a control group's file; None when there is none."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() else None


def _disk_free_gb(folder: Path) -> float | None:
    try:
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        return gb_from_bytes(shutil.disk_usage(existing).free)
    except (OSError, StopIteration):
        return None


def _gpu() -> tuple[str | None, int | None, float | None]:
    """Name of the first CUDA device, how many there are, and the first one's memory in GiB."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None, None if NVIDIA_DRIVER.exists() else 0, None
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(  # noqa: S603 -- a fixed command, nothing of the user's in it
            command, capture_output=True, text=True, timeout=QUERY_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None, None, None
    return parse_gpus(answer)


def parse_gpus(answer: str) -> tuple[str | None, int | None, float | None]:
    """Name, count and GiB out of nvidia-smi's lines `name, MiB`; unknown memory is None."""
    lines = [line for line in answer.splitlines() if "," in line]
    if not lines:
        return None, 0, None
    name, _, memory = lines[0].rpartition(",")
    size = memory.strip()
    return name.strip(), len(lines), int(size) / MIB_PER_GIB if size.isdigit() else None
