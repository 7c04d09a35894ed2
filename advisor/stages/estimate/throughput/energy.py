"""Energy and carbon dioxide of a plan, by CodeCarbon's conventions."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.schema.base import Figure, Interval
from advisor.schema.catalog import Gpu
from advisor.schema.throughput import Power
from advisor.stages.estimate.throughput.hours import Timing

WATT_PER_KILOWATT = 1000.0
GRAM_PER_KILOGRAM = 1000.0
WORLD = "world"


@dataclass(frozen=True)
class Energy:
    """What a plan draws and emits, and what was assumed for that."""

    kwh: Interval
    co2_kg: Interval
    notes: tuple[str, ...]


def energy(
    timing: Timing | None, gpu: Gpu, gpus: int, power: Power, region: str = ""
) -> Energy | None:
    """Hours x GPUs x (power x load + share of the machine) x PUE, times the grid's intensity.

    GPUs draw while training, their machine during the whole job. None where time or the card's
    power is unknown.
    """
    if timing is None or gpu.power_watt is None:
        return None
    is_own = gpu.provenance.kind == "measured"
    host = power.desktop_host_watt if is_own else power.server_host_watt
    overhead = power.home_overhead if is_own else power.cloud_overhead
    kwh = tuple(
        gpus * (steps * gpu.power_watt * load + job * around) * effectiveness / WATT_PER_KILOWATT
        for steps, job, load, around, effectiveness in zip(
            _points(timing.steps_hours),
            _points(timing.job_hours),
            _points(power.load.interval),
            _points(host.interval),
            _points(overhead.interval),
            strict=True,
        )
    )
    place, grid = grid_of(power, region)
    co2 = tuple(
        each * gram / GRAM_PER_KILOGRAM
        for each, gram in zip(kwh, _points(grid.interval), strict=True)
    )
    return Energy(
        kwh=Interval(low=kwh[0], likely=kwh[1], high=kwh[2]),
        co2_kg=Interval(low=co2[0], likely=co2[1], high=co2[2]),
        notes=(_note(gpu, power, host, overhead, f"{grid.interval.likely:g} g ({place})"),),
    )


def _note(gpu: Gpu, power: Power, host: Figure, overhead: Figure, grid: str) -> str:
    return (
        f"Energy: {gpu.power_watt:g} W x load {power.load.interval.likely:g} and "
        f"{host.interval.likely:g} W of the machine per GPU, PUE {overhead.interval.likely:g}; "
        f"CO2 per kWh: {grid}."
    )


def grid_of(power: Power, region: str) -> tuple[str, Figure]:
    """The region's carbon intensity, or the world's where the region is not known."""
    found = power.grid_gram_per_kwh.get(region.lower())
    if found is not None:
        return region, found
    return "world average, region not known", power.grid_gram_per_kwh[WORLD]


def _points(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.likely, interval.high
