"""What plugins say of themselves: cheap to ask, and all that a list of them needs."""

from pydantic import Field

from advisor.schema.base import Value


class PluginInfo(Value):
    """What a plugin says of itself."""

    id: str
    label: str
    """A few words for a table or a menu."""
    extra: str = ""
    """The pip extra it needs to run; empty for none."""
    cost_rank: int = 0
    """Ties between approaches go to the lower rank."""
    approach: str = ""
    """The approach that a system of its kind stands for (prompt builders and predictors)."""
    needs: tuple[str, ...] = ()
    """What it cannot do without: `documents`, `shots`, `labels`, `passages`, `judge`,
    `citations` (an answer with its marks [1]), or the name of an option. Objectives: `marks` of
    good and bad answers. Launchers: `shared_files`, machines that see this one's files."""
    spends_money: bool = False
    """Using it costs money, so nobody uses it without --yes."""
    options: tuple[str, ...] = ()
    """Names of the plan's options that it understands (methods and objectives)."""
    defaults: dict[str, int | float | str | bool] = Field(default_factory=dict)
    """Fields of a plan that it sets unless told otherwise (objectives)."""


class MethodInfo(PluginInfo):
    """What a tuning method says of itself."""

    needs_rank: bool = False
    base_bits: int | None = None
    """Bits of the quantised base, or None where the base keeps its precision."""
    recipe: str = ""
    """Whose recipe it takes without one of its own; empty: `lora` with a rank, else `full`."""


class TrainerInfo(PluginInfo):
    """What a trainer says of itself."""

    pairs: tuple[tuple[str, str], ...] = ()
    """(objective, method) pairs it takes; method `*` is every one that can be applied."""
    trains_here: bool = True
    """Whether it trains on this machine, so that the plan must be for it."""


class MetricInfo(PluginInfo):
    """What a metric says of itself; scores run from 0 to 1."""

    higher_is_better: bool = True
    binary: bool = False
    """Every score is 0 or 1, so exact binomial statistics apply."""
    unit: str = ""
    """Empty for a share from 0 to 1; others (`ms`, `usd`) can only stand beside a main metric."""
