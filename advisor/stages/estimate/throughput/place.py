"""Which class of software and of GPU a plan meets, and what was published for the two together."""

from __future__ import annotations

from typing import NamedTuple

from advisor.schema.catalog import Gpu
from advisor.schema.throughput import Cell, Evidence, GpuClass, StackSpeed, Throughput

_KEPT_PLACES = 512


class Place(NamedTuple):
    """The classes that hold for a stack on a GPU."""

    stack: StackSpeed
    gpu_class: GpuClass
    cell: Cell | None
    """What was published for the two classes together; None: nothing."""
    evidence: Evidence
    """The cell's; without one, `one` where both classes were measured with others."""


_places: dict[tuple[str, str, str], tuple[Throughput, Place]] = {}


def place_of(throughput: Throughput, stack: str, gpu: Gpu) -> Place:
    """The place of a stack on a GPU, remembered for the last ones asked for."""
    key = (stack, gpu.twin or gpu.id, gpu.architecture)
    known = _places.get(key)
    if known is not None and known[0] is throughput:
        return known[1]
    if len(_places) >= _KEPT_PLACES:
        _places.clear()
    place = _place(throughput, stack, gpu)
    _places[key] = (throughput, place)
    return place


def _place(throughput: Throughput, stack: str, gpu: Gpu) -> Place:
    software, hardware = stack_class(throughput, stack), gpu_class(throughput, gpu)
    of_software = [entry for entry in throughput.cells if entry.stack_class == software.id]
    of_hardware = [entry for entry in throughput.cells if entry.gpu_class == hardware.id]
    both = next((entry for entry in of_software if entry.gpu_class == hardware.id), None)
    level: Evidence = "one" if of_software and of_hardware else "none"
    return Place(software, hardware, both, both.evidence if both else level)


def stack_class(throughput: Throughput, stack: str) -> StackSpeed:
    """The class that a stack belongs to; the first one, `stock`, where none names it."""
    for entry in throughput.stacks:
        if stack == entry.id or stack in entry.stacks:
            return entry
    return throughput.stacks[0]


def gpu_class(throughput: Throughput, gpu: Gpu) -> GpuClass:
    """The class that names the card's id, else its architecture, else the last one."""
    name = gpu.twin or gpu.id
    for entry in throughput.classes:
        if entry.gpus and name.startswith(entry.gpus):
            return entry
    architecture = gpu.architecture.lower()
    for entry in throughput.classes:
        if architecture and entry.architectures and architecture.startswith(entry.architectures):
            return entry
    return throughput.classes[-1]
