"""A bench out of a workspace: model, metric, cache, purse and judge, and consent to the bill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from advisor import registry
from advisor.artifacts import digest_of, today
from advisor.catalog.token_prices import is_this_machine, token_price
from advisor.contracts import Deciding, Metric, Session
from advisor.errors import ConsentError
from advisor.evaluation import consent
from advisor.evaluation.asking import Asker, Conditions, Setting
from advisor.evaluation.bench import Bench, EvaluationSettings
from advisor.evaluation.cache import opened
from advisor.evaluation.purse import Pot, Purse
from advisor.evaluation.session import LazySession
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Evaluation
from advisor.schema.purse import Bill, TokenPrice
from advisor.schema.run import RunSettings
from advisor.workspace import Workspace, model_path

FREE = TokenPrice(
    prompt_usd_per_million=0,
    completion_usd_per_million=0,
    provenance=Provenance(kind="computed", source="this machine"),
)
RERANK = "rerank"
"""The option of builders and retrievers that names what reranks."""
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
    purse = make_purse(space, backend, model, base_url=space.settings.base_url)
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
        reflector=_reflector(space),
        context_tokens=space.card.max_sequence_length if space.card else None,
        watched_target=target,
        watched_rival=rival if stops else None,
    )


def stops_early(space: Workspace) -> bool:
    """Whether evaluations end once decided: as told, else where answers are paid for."""
    told = space.settings.stop_early
    return is_paid(space) if told is None else told


def is_paid(space: Workspace) -> bool:
    """Whether answers cost money, or may."""
    return _costs(space, space.settings.model)


def _costs(space: Workspace, model: str) -> bool:
    chosen = space.settings
    price = make_purse(space, chosen.backend, model, base_url=chosen.base_url).price
    return price is None or bool(price.prompt_usd_per_million + price.completion_usd_per_million)


def may_search(space: Workspace, name: str) -> bool:
    """Whether a builder may ask the model before it is measured: paid for only where it is named.

    What the advice chose to measure is not a wish to spend on a search.
    """
    named = (*space.settings.builders, *(k.split(".")[0] for k in space.settings.builder_options))
    writer = space.settings.reflection_model
    return name in named or not (is_paid(space) or (writer is not None and _costs(space, writer)))


def make_purse(space: Workspace, backend: str, model: str, *, base_url: str | None = None) -> Purse:
    """What a model's tokens cost, paid out of the run's one pot."""
    prices = space.settings.prices
    return purse_for(
        backend, model, base_url=base_url, prices=Path(prices) if prices else None, pot=space.pot
    )


def purse_for(
    backend: str, model: str, *, base_url: str | None, prices: Path | None, pot: Pot
) -> Purse:
    """What a model's tokens cost at a backend, paid out of a pot; free on this machine."""
    if not registry.backend(backend).info.spends_money:
        return Purse(FREE, pot=pot)
    price = token_price(
        model,
        provider=backend,
        base_url=base_url or "",
        prices_file=prices,
        as_of=today(),
    )
    return Purse(price, pot=pot)


def deciding(space: Workspace) -> dict[str, Setting]:
    """Settings of the backend that change answers."""
    schema, chosen = space.json_schema, space.settings
    found: dict[str, Setting] = {"json_schema": digest_of(schema)} if schema else {}
    return found | deciding_options(chosen.backend, space.backend_options())


def deciding_options(backend: str, options: Mapping[str, str]) -> dict[str, Setting]:
    """Those of a backend's options that change answers; all where it does not say which."""
    plugin = registry.backend(backend)
    told = plugin.deciding(options) if isinstance(plugin, Deciding) else options
    return {f"backend.{key}": value for key, value in told.items()}


def decisive_settings(space: Workspace) -> dict[str, object]:
    """Everything beyond model, data and builders that measured scores depend on."""
    chosen, stops = space.settings, stops_early(space)
    return {
        "also": chosen.also,
        "metric_options": chosen.metric_options,
        "judge": [chosen.judge_model, chosen.judge_backend, chosen.judge_base_url],
        "base_url": chosen.base_url,
        "stop_early": [stops, space.answers.task.target if stops else 0],
        "learning_curve": chosen.learning_curve,
        "builder_options": chosen.builder_options,
        "embedder": [chosen.embedder, chosen.embedder_base_url],
        "retriever": [chosen.retriever, chosen.retriever_options],
        "reflection_model": chosen.reflection_model,
        **deciding(space),
    }


def agreed(bill: Bill, space: Workspace, *, may_spend: bool) -> None:
    """Tell what is to be spent; raise ConsentError where it is more than anybody agreed to."""
    chosen = space.settings
    others = (chosen.reflection_model, chosen.judge_model)
    model = " and ".join([chosen.model, *(other for other in others if other)])
    consent.agreed(bill, model, may_spend=may_spend, say=space.say)


def retrieval_agreed(space: Workspace, *, may_spend: bool) -> None:
    """Raise ConsentError where vectors or reranking cost money, or may, and nobody agreed to that.

    What they cost is not reckoned: a text is embedded once, ever, and which texts are new is known
    only while embedding. On this machine both are free.
    """
    if may_spend:
        return
    _embedding_agreed(space)
    elsewhere = [place for place in _reranking(space.settings) if not _is_here(place)]
    if elsewhere:
        url, _, model = elsewhere[0].partition("#")
        raise ConsentError(
            f"Reranking by {model or 'a model'} at {_host(url) or 'a service'} costs money, or may;"
            " nobody agreed to that.",
            hint="Add --yes to agree, or rerank on this machine: rerank=FOLDER of a cross-encoder.",
        )


def _reranking(chosen: RunSettings) -> list[str]:
    """Addresses that options name as rerankers."""
    options = (*chosen.builder_options.items(), *chosen.retriever_options.items())
    named = [text.strip() for key, text in options if key.rpartition(".")[2] == RERANK]
    return [text for text in named if "://" in text]


def _is_here(place: str) -> bool:
    return is_this_machine(_host(place))


def _host(url: str) -> str:
    """The host of an address; empty for what is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _embedding_agreed(space: Workspace) -> None:
    info, chosen = space.embedder.info, space.settings
    if not info.spends_money:
        return
    price = token_price(
        chosen.embedder or "",
        provider=info.id,
        base_url=chosen.embedder_base_url or "",
        prices_file=Path(chosen.prices) if chosen.prices else None,
        as_of=today(),
    )
    if price is None or price.prompt_usd_per_million:
        told = "an unknown price"
        if price is not None:
            told = f"{price.prompt_usd_per_million:g} dollars per million tokens"
        raise ConsentError(
            f"Embedding by {chosen.embedder} costs {told}; nobody agreed to that.",
            hint="Add --yes to agree, or leave --embedder-base-url out to embed on this machine.",
        )


def embedding_usage(space: Workspace) -> Counter[str]:
    """What embedding by a service took so far: calls, texts, tokens; nothing on this machine."""
    inner = getattr(space.embedder, "inner", space.embedder)
    usage: Mapping[str, int] = getattr(inner, "usage", {})
    return Counter(usage)


def embedding_told(space: Workspace, before: Counter[str]) -> tuple[str, ...]:
    """What embedding has asked a service since, as a sentence; none where it asked nothing."""
    used = embedding_usage(space) - before
    if not used["calls"]:
        return ()
    tokens = f"{used['tokens']:,} tokens" if used["tokens"] else "tokens it did not count"
    asked = f"Embedding asked the service {used['calls']:,} times for {used['texts']:,} texts"
    return (f"{asked}, {tokens}; kept vectors were not paid for again.",)


def _reflector(space: Workspace) -> Asker | None:
    """Who reads failures and writes prompts where it is not the model under test."""
    chosen, model = space.settings, space.settings.reflection_model
    if model is None:
        return None
    backend = registry.backend(chosen.backend)
    settings = space.backend_settings(base_url=chosen.base_url)
    options = deciding_options(chosen.backend, space.backend_options())
    return Asker(
        LazySession(lambda: backend.open(model_path(model), settings)),
        Conditions(
            backend=chosen.backend,
            model=model,
            max_new_tokens=chosen.max_new_tokens,
            settings=tuple(sorted(options.items())),
            seed=chosen.seed,
        ),
        cache=opened() if chosen.use_cache else None,
        purse=make_purse(space, chosen.backend, model, base_url=chosen.base_url),
        batch_size=chosen.batch_size,
    )


def _judge(space: Workspace, metrics: tuple[Metric, ...]) -> Asker | None:
    """The judge, paid out of the run's pot; None where no metric asks one."""
    chosen = space.settings
    wanted = [metric for metric in metrics if "judge" in metric.info.needs]
    if not wanted or chosen.judge_model is None:
        return None
    model = chosen.judge_model
    backend = registry.backend(chosen.judge_backend)
    settings = space.backend_settings(base_url=chosen.judge_base_url, is_judge=True)
    options = deciding_options(chosen.judge_backend, space.backend_options(is_judge=True))
    return Asker(
        LazySession(lambda: backend.open(model_path(model), settings)),
        Conditions(
            backend=chosen.judge_backend,
            model=model,
            max_new_tokens=JUDGE_TOKENS,
            settings=tuple(sorted(options.items())),
            seed=chosen.seed,
        ),
        cache=opened() if chosen.use_cache else None,
        purse=make_purse(space, chosen.judge_backend, model, base_url=chosen.judge_base_url),
        batch_size=chosen.batch_size,
    )
