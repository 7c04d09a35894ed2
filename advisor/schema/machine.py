"""The machine that work would run on."""

from pydantic import Field

from advisor.schema.base import Value


class MachineFacts(Value):
    """The machine this runs on."""

    cpu_cores: int | None = Field(default=None, ge=1)
    memory_gib: float | None = Field(default=None, gt=0)
    gpu: str | None = None
    """Name of the first CUDA device, or None when there is none or it is unknown."""
    gpus: int | None = Field(default=None, ge=0)
    gpu_memory_gib: float | None = Field(default=None, ge=0)
    disk_free_gb: float | None = Field(default=None, ge=0)
