"""What is shipped: exports of a tuned model, and the proof that they are what was evaluated."""

from __future__ import annotations

from math import ceil, exp, lgamma, log, log1p
from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value
from advisor.schema.plan import Plan
from advisor.schema.train import Served, TrainJob

CONFIDENCE = 0.95
"""Of what is said of answers that were not asked for; one-sided."""


class ExportJob(Value):
    """A tuned model to be written in another form."""

    model: str
    """Folder of what was tuned: an adapter, weights a method kept, or a whole model."""
    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9_.]{0,62}[a-z0-9])?$")
    """What it is served as."""
    output_dir: str
    """Empty folder of the caller's, which moves it to its place when all of it is written."""
    instruction: str = ""
    """The system turn of the task, where it belongs to what is served."""
    max_new_tokens: int = Field(default=64, gt=0)
    options: dict[str, str] = Field(default_factory=dict)
    """What only the exporter knows: `dtype=bfloat16`, `quantisation=q8_0`."""
    train_job: TrainJob | None = None
    """For exporters that write a training down for another engine; None for those of weights."""
    plan: Plan | None = None


class Snippet(Value):
    """Commands or code that serve what was exported."""

    title: str
    language: Literal["bash", "python", "text"] = "bash"
    text: str
    was_run: bool | None = None
    """True where it was run here as it stands; None where it cannot be run here."""
    note: str = ""


class Exported(Value):
    """What an exporter wrote."""

    exporter: str
    output_dir: str
    files: tuple[str, ...]
    """Names inside `output_dir`."""
    served_by: Served | None = None
    """How it is opened on this machine to be compared; None where nothing here can open it."""
    precision: str = ""
    """What its weights are in: `bfloat16`, `q8_0`."""
    is_lossy: bool = False
    """Whether its weights were rounded to fewer bits than those that were evaluated."""
    snippets: tuple[Snippet, ...] = ()
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What could not be checked here, each as a plain sentence."""


def most_differing(others: int, n: int) -> float:
    """Upper bound at 95 % on a share of which `others` of `n` were seen: the exact binomial one.

    Clopper and Pearson, 1934 (doi:10.1093/biomet/26.4.404); 1 - 0.05^(1/n) where none was seen.
    """
    if others >= n:
        return 1.0
    low, high = others / n, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        chance = sum(_chance(k, n, middle) for k in range(others + 1))
        low, high = (middle, high) if chance > 1 - CONFIDENCE else (low, middle)
    return high


def _chance(k: int, n: int, share: float) -> float:
    """Of exactly k of n, each with the same chance between 0 and 1."""
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(ways + k * log(share) + (n - k) * log1p(-share))


class Agreement(Value):
    """What was evaluated and what was exported, asked the same."""

    reference: str
    """What was evaluated: backend and place."""
    exported: str
    n: int
    equal: int
    """Answers that are the same, letter by letter."""
    asked_agreement: float
    """Least share of equal answers that passes."""
    metric: str = ""
    reference_score: float | None = None
    exported_score: float | None = None
    worse_by: float | None = None
    interval: ConfidenceInterval | None = None
    """Of `worse_by`, paired over the samples."""
    asked_worse_by: float = 0.0
    """Most that the exported score may lie below."""
    same_prompts: bool | None = None
    """Whether both read the same tokens, chat template included; None where one does not tell."""
    same_ends: bool | None = None
    """Whether both stop at the same tokens; None where one does not tell."""
    differing: tuple[str, ...] = ()
    """Ids of the first samples whose answers differ."""
    problems: tuple[str, ...] = ()
    """Why it is not the evaluated thing, each as a sentence."""
    verdict: Literal["same", "within_tolerance", "different", "unchecked"]
    """`unchecked` where nothing here could open it, or nothing was answered."""

    @property
    def share(self) -> float | None:
        """Share of equal answers."""
        return self.equal / self.n if self.n else None

    @property
    def most_differing(self) -> float:
        """At most this share of all answers differs, by those asked, at 95 % confidence."""
        return most_differing(self.n - self.equal, self.n)

    @property
    def is_shown(self) -> bool:
        """Whether enough were asked to show that all answers agree as far as is asked for."""
        return self.n > 0 and self.most_differing <= 1 - self.asked_agreement + 1e-12

    @property
    def least_asked(self) -> int | None:
        """Fewest answers that show it where none of them differs; None where no number does.

        About 3 / (1 - what is asked): 299 for 99 %, 29 for 90 %.
        """
        if not 0 < self.asked_agreement < 1:
            return None
        return ceil(log(1 - CONFIDENCE) / log(self.asked_agreement))


class ExportRecord(Value):
    """An export with its proof, as it is kept beside the files (`export.json`)."""

    exported: Exported
    agreement: Agreement | None = None
    """None for exports that hold no weights (recipes for other engines)."""
    agreements: dict[str, Agreement] = Field(default_factory=dict)
    """Task -> what was asked on its samples, where there are several; `agreement` sums them up."""
    verification: str = ""
    """Verdict of the run that it comes from; empty where there is none."""
    warnings: tuple[str, ...] = ()
    anyway: str = ""
    """Why it ships although it was not kept, in the user's words; empty where it was kept."""
    is_checked: bool = True
    """False where the user asked for no check (`--no-check`)."""
    trained_as: str = ""
    """Digest of the training document it was made from."""
    weights_digest: str = ""
    """Of the tuned weights it was made from."""
    options: dict[str, str] = Field(default_factory=dict)
    """What the exporter was told."""
    job_digest: str = ""
    """Of all that the exporter was told, places aside: name, instruction and options."""
