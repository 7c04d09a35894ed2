"""Training on another machine: what a launcher is told, and what it has written."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.catalog import Offer


class LaunchTask(Value):
    """A training of a run folder, to be done where the GPUs are.

    Paths are absolute and the same on the other machine, so that the run folder's documents hold
    there too.
    """

    name: str = Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")
    """What the job is called; fit for a host name."""
    command: tuple[str, ...]
    """Words of the command that trains."""
    run_dir: str
    send: tuple[str, ...]
    """Files and folders that the command reads, the run folder among them."""
    gpu: str
    """The catalog's id of the GPU; `cpu` for none."""
    gpu_name: str = ""
    gpus: int = Field(default=1, gt=0)
    """Over all machines."""
    nodes: int = Field(default=1, gt=0)
    hours: float | None = Field(default=None, gt=0)
    """How long it may take at the most, where the estimate knows."""
    offer: Offer | None = None
    """The cheapest machine of the estimate."""
    offers: tuple[Offer, ...] = ()
    """All machines on offer for this GPU, for a launcher that rents."""
    usd_per_hour: float | None = Field(default=None, ge=0)
    """What an hour of all GPUs counts for in the bill and against the budget."""
    is_own_price: bool = False
    """Whether the user said that price, so that no launcher puts its own in its place."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Main memory that each machine should have."""
    image: str = ""
    """Container image, where the launcher starts one."""
    setup: tuple[str, ...] = ()
    """Shell commands that install advisor there."""
    variables: tuple[str, ...] = ()
    """Names of environment variables to hand on; values stand in no file."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Environment variables that are no secret, with their values."""

    @property
    def gpus_per_node(self) -> int:
        """GPUs of each machine."""
        return self.gpus // self.nodes


class Launched(Value):
    """What a launcher wrote, and how the job starts and comes back."""

    launcher: str
    files: tuple[str, ...]
    """Written into the run folder, the job first."""
    tool: str
    """The program that submits it."""
    submit: tuple[tuple[str, ...], ...]
    """Commands that start the job, as words, in order."""
    fetch: tuple[tuple[str, ...], ...] = ()
    """Commands that bring the run folder back; none where it is shared."""
    waits: bool = False
    """Whether `submit` ends with the job, so that `fetch` follows at once."""
    look: tuple[str, ...] = ()
    """Command that tells whether a job of this run is queued or running."""
    going_code: int | None = None
    """Exit code of `look` while it is; None: it then prints something."""
    offer: Offer | None = None
    """The machine that will be rented, where that is known."""
    usd_per_hour: float | None = None
    """What the job is told that an hour of all GPUs costs, where the launcher chose the machine."""
    notes: tuple[str, ...] = ()
    is_submitted: bool = False
    said: str = ""
    """What the tool answered."""
    is_fetched: bool = False
    """Whether the job has ended and the run folder is back."""
