"""A bench out of a workspace: model, metric, cache, purse and judge, and consent to the bill."""

from __future__ import annotations

from pathlib import Path

from advisor import registry
from advisor.artifacts import digest_of, today
from advisor.catalog.token_prices import token_price
from advisor.contracts import Metric, Session
from advisor.errors import ConsentError
from advisor.evaluation.asking import Asker, Conditions, Setting
from advisor.evaluation.bench import Bench, EvaluationSettings
from advisor.evaluation.cache import opened
from advisor.evaluation.purse import Purse
from advisor.evaluation.session import LazySession
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Evaluation
from advisor.schema.purse import Bill, TokenPrice
from advisor.workspace import Workspace

FREE = TokenPrice(
    prompt_usd_per_million=0,
    completion_usd_per_million=0,
    provenance=Provenance(kind="computed", source="this machine"),
)
JUDGE_TOKENS = 256
"""Longest verdict of a judge, reasons included."""


def make_bench(
    space: Workspace,
    session: Session,
    *,
    backend: str,
    model: str,
    is_whole: bool = False,
    rival: Evaluation | None = None,
) -> Bench:
    """Where the run's systems are measured.

    `is_whole` asks all samples, decided or not. With a `rival`, what may end an evaluation early is
    whether it is better than that, else whether it meets the target.
    """
    chosen = space.settings
    purse = make_purse(space, backend, model)
    cache = opened() if chosen.use_cache else None
    settings = EvaluationSettings(
        dataset_digest=space.dataset.digest if space.dataset else digest_of(None),
        backend=backend,
        model=model,
        seed=chosen.seed,
        max_new_tokens=chosen.max_new_tokens,
        batch_size=chosen.batch_size,
        notes={"instruction": digest_of(space.instruction)},
        decides=deciding(space),
    )
    stops = not is_whole and stops_early(space)
    target = space.answers.task.target if stops and rival is None else None
    return Bench(
        session=session,
        metric=space.metric,
        settings=settings,
        progress=space.progress,
        cache=cache,
        purse=purse,
        also=space.also,
        judge=_judge(space, (space.metric, *space.also)),
        watched_target=target,
        watched_rival=rival if stops else None,
    )


def stops_early(space: Workspace) -> bool:
    """Whether evaluations end once decided: as told, else where answers are paid for."""
    told = space.settings.stop_early
    return registry.backend(space.settings.backend).info.spends_money if told is None else told


def make_purse(space: Workspace, backend: str, model: str) -> Purse:
    """The run's purse: what the model's tokens cost, and the most that may be spent."""
    if not registry.backend(backend).info.spends_money:
        return Purse(FREE)
    prices = space.settings.prices
    price = token_price(
        model,
        provider=backend,
        base_url=space.settings.base_url or "",
        prices_file=Path(prices) if prices else None,
        as_of=today(),
    )
    return Purse(price, space.settings.budget_usd)


def deciding(space: Workspace) -> dict[str, Setting]:
    """Settings of the backend that change answers."""
    schema, options = space.json_schema, space.settings.backend_options
    found: dict[str, Setting] = {"json_schema": digest_of(schema)} if schema else {}
    return found | {f"backend.{key}": value for key, value in options.items()}


def decisive_settings(space: Workspace) -> dict[str, object]:
    """Everything beyond model, data and builders that measured scores depend on."""
    chosen = space.settings
    return {
        "also": chosen.also,
        "metric_options": chosen.metric_options,
        "judge": [chosen.judge_model, chosen.judge_backend, chosen.judge_base_url],
        "base_url": chosen.base_url,
        "stop_early": [stops_early(space), space.answers.task.target if stops_early(space) else 0],
        "learning_curve": chosen.learning_curve,
        **deciding(space),
    }


def agreed(bill: Bill, space: Workspace, *, may_spend: bool) -> None:
    """Tell what is to be spent; raise ConsentError where it is more than anybody agreed to."""
    if not bill.calls_planned or not _costs(space):
        return
    space.say(_before(bill, space.settings.model))
    if may_spend:
        return
    model, calls = space.settings.model, f"{bill.calls_planned} calls"
    if bill.expected_usd is None:
        raise ConsentError(
            f"The price of {model} is unknown, so {calls} to it may cost anything.",
            hint="Give its price with --prices FILE, or add --yes to agree to an unknown price.",
        )
    expected, cap = bill.expected_usd, bill.cap_usd
    if expected.high <= 0 or (cap is not None and expected.likely <= cap):
        return
    words = f"{calls} to {model} will cost about {_dollars(expected.likely)}"
    room = f" (at most {_dollars(expected.high)})"
    if cap is None:
        raise ConsentError(
            f"{words}{room}; nobody agreed to that.",
            hint="Set a cap with --budget-usd, or add --yes.",
        )
    raise ConsentError(
        f"{words}{room}, more than --budget-usd {cap:g}.",
        hint="Raise --budget-usd, lower --limit, or add --yes to spend up to the cap and stop.",
    )


def _before(bill: Bill, model: str) -> str:
    """What is to be spent, and what the samples can show for it."""
    expected, money = bill.expected_usd, "at an unknown price"
    if expected is not None:
        money = f"about {_dollars(expected.likely)}, at most {_dollars(expected.high)}"
    told = f"{bill.calls_planned} calls to {model}: {money}"
    if bill.detectable is None:
        return f"{told}."
    return f"{told}; the test samples show a gain from {100 * bill.detectable:.0f} points on."


def _dollars(usd: float) -> str:
    return f"{usd:.2f} dollars" if usd >= 1 else f"{usd:.4f} dollars"


def _costs(space: Workspace) -> bool:
    judged = space.settings.judge_model is not None
    backends = (space.settings.backend, *((space.settings.judge_backend,) if judged else ()))
    return any(registry.backend(name).info.spends_money for name in backends)


def _judge(space: Workspace, metrics: tuple[Metric, ...]) -> Asker | None:
    """The judge behind the same purse cap; None where no metric asks one."""
    chosen = space.settings
    wanted = [metric for metric in metrics if "judge" in metric.info.needs]
    if not wanted or chosen.judge_model is None:
        return None
    model = chosen.judge_model
    backend = registry.backend(chosen.judge_backend)
    settings = space.backend_settings(base_url=chosen.judge_base_url)
    return Asker(
        LazySession(lambda: backend.open(model, settings)),
        Conditions(backend=chosen.judge_backend, model=model, max_new_tokens=JUDGE_TOKENS),
        cache=opened() if chosen.use_cache else None,
        purse=make_purse(space, chosen.judge_backend, model),
        batch_size=chosen.batch_size,
    )
