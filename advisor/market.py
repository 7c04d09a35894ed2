"""Fetches what an estimate needs from catalog and plugins, and hands it to the pure stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple
from warnings import warn

from advisor import calibration, registry
from advisor.artifacts import today
from advisor.catalog import query
from advisor.catalog.hosted import hosted_tuning, inference_prices
from advisor.catalog.overlay import overlay
from advisor.catalog.serving import money
from advisor.contracts import Method, PluginInfo, Tracer
from advisor.errors import (
    AdvisorWarning,
    PlanError,
    PriceMissingError,
    StorageError,
    UnknownModelError,
)
from advisor.schema.catalog import Gpu, HostedTuning, InferencePrice, ModelCard, Offer
from advisor.schema.estimate import Estimate, EstimateRequest, Option, Unknown
from advisor.schema.machine import MachineFacts
from advisor.stages.estimate.calibration import machine_name, record_of
from advisor.stages.estimate.candidate import Inquiry
from advisor.stages.estimate.money.outlook import Prospects, outlook
from advisor.stages.estimate.money.rental import Supply
from advisor.stages.estimate.plan.bounds import check_amounts
from advisor.stages.estimate.solve import solve
from advisor.stages.estimate.stage import estimate

if TYPE_CHECKING:  # an estimate is made long before anything is trained
    from advisor.schema.train import TrainResult

USUAL_METHODS = ("lora", "qlora", "full")
"""What is priced too where nothing that was advised can be recommended."""
AT_HOME = (
    "Your answers keep the data on your own machines (must_stay_local, or hosting own_machine): "
    "rented cards, hosted tuning and break-even are left out{named}."
)
CARDS_ARE_YOURS = "; cards that you name are taken for your own, without a rent"
RENTED_ALL_THE_SAME = (
    "--provider {provider} rents cards, which contradicts your answers: the data must stay on your "
    "own machines. Hosted tuning and serving are left out all the same."
)
NOT_HOSTED = "Hosted tuning is left out: by your answers it runs on machines that you control."
TRACER = "trl"
"""The trainer that can look at a step without training."""


@dataclass(frozen=True)
class Market:
    """One request with everything the catalog and the plugins have to say to it."""

    inquiry: Inquiry
    gpus: tuple[Gpu, ...]
    methods: dict[str, Method]


def opened(
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpus: Sequence[str] = (),
    provider: str | None = None,
) -> Market:
    """Fetches cards, prices, methods and constants for a request.

    `request.machine` describes this machine (`local`) and `request.as_of` the day of the prices.
    Where the data may not leave the user's machines, cards are the user's own, by default this
    machine's; only a provider that is named is asked for prices all the same.
    Raises UnknownGpuError, UnknownPluginError, CatalogError (a stack nobody knows),
    PriceMissingError (a provider that has none of the GPUs) and PlanError (impossible amounts).
    """
    check_amounts(request)
    methods = {name: registry.method(name) for name in request.methods}
    if _is_at_home(request, provider):
        gpus = gpus or (query.LOCAL,)
    cards = [_card(name, request.machine) for name in gpus] or list(query.gpus())
    offers = {card.id: _offers_for(request, card.id, provider) for card in cards}
    if provider is not None:
        cards = _sold_by(provider, cards, offers, request.as_of)
    objective = registry.objective(request.objective)
    _know_options(request, [*(m.info for m in methods.values()), objective.info])
    inquiry = Inquiry(
        request,
        model,
        offers,
        query.reference(request.stack or query.DEFAULT_STACK),
        objective,
        money(),
        calibration.records() if query.LOCAL in gpus else (),
    )
    return Market(inquiry, tuple(cards), methods)


def estimated(
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpus: Sequence[str] = (),
    provider: str | None = None,
) -> Estimate:
    """The estimate of a request on named GPUs (`local` is this machine), or on the whole catalog.

    Where no method that was advised can be recommended, the other usual ones are priced too.
    Raises what `opened` raises, and PlanError.
    """
    market = opened(request, model=model, gpus=gpus, provider=provider)
    found = estimate(market.inquiry, gpus=market.gpus, methods=market.methods)
    more = tuple(dict.fromkeys((*request.methods, *USUAL_METHODS)))
    if found.recommended is None and request.methods_in_line and more != request.methods:
        wider = request.model_copy(update={"methods": more})
        market = opened(wider, model=model, gpus=gpus, provider=provider)
        found = estimate(market.inquiry, gpus=market.gpus, methods=market.methods)
        advised = ", ".join(request.methods)
        note = f"Of the advised methods ({advised}) none can be recommended here, so others count."
        found = found.model_copy(update={"warnings": (note, *found.warnings)})
    is_at_home = _is_at_home(request, provider)
    if found.recommended is None and (gpus or is_at_home):
        found = _with_card_of_own(found, market) if is_at_home else _with_larger_card(found, market)
    found = _with_outlook(found, market)
    return found.model_copy(
        update={"warnings": (*_place_warnings(request, gpus, provider), *found.warnings)}
    )


def _is_at_home(request: EstimateRequest, provider: str | None) -> bool:
    """Whether every card is the user's own."""
    return request.place == "own" and provider is None


def _place_warnings(
    request: EstimateRequest, gpus: Sequence[str], provider: str | None
) -> tuple[str, ...]:
    """What was left out because of where the data may go, and what goes there all the same."""
    if request.place == "own":
        if provider is not None:
            return (RENTED_ALL_THE_SAME.format(provider=provider),)
        named = CARDS_ARE_YOURS if set(gpus) - {query.LOCAL} else ""
        return (AT_HOME.format(named=named),)
    return (NOT_HOSTED,) if request.place == "rented" else ()


def with_solution(
    found: Estimate,
    quantity: Unknown,
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpus: Sequence[str],
) -> Estimate:
    """The estimate with the largest `quantity` that fits, for every method and GPU.

    Raises what `opened` raises, and PlanError.
    """
    market = opened(request, model=model, gpus=gpus)
    solved = tuple(
        solve(quantity, market.inquiry, gpu=gpu, method=method, models=query.models())
        for method in market.methods.values()
        for gpu in market.gpus
    )
    return found.model_copy(update={"solved": solved})


def with_trace(
    found: Estimate, *, model: ModelCard, kind: Literal["simulate", "probe"]
) -> Estimate:
    """The estimate with its recommended (or first) plan traced or probed by its trainer.

    Raises PlanError where no trainer can look at the plan, MissingExtraError and TrainingError.
    """
    option = found.options[found.recommended or 0]
    tracer = registry.trainer(TRACER)
    if not isinstance(tracer, Tracer):
        raise PlanError(
            f"The trainer '{TRACER}' cannot look at a step.", hint="Leave the flag out."
        )
    look = tracer.trace if kind == "simulate" else tracer.probe
    return found.model_copy(update={"trace": look(option.plan, query.with_configuration(model))})


def remember(option: Option, result: TrainResult, machine: MachineFacts) -> None:
    """Keeps what a finished run on this machine took, for later estimates; a full disk is told."""
    found = record_of(
        option,
        result,
        model=option.plan.model,
        machine=machine_name(query.local_gpu(machine)),
        date=today(),
    )
    if found is None:
        return
    try:
        calibration.add(calibration.identified(found))
    except StorageError as error:
        warn(AdvisorWarning(str(error)), stacklevel=2)


def _know_options(request: EstimateRequest, asked: Sequence[PluginInfo]) -> None:
    """Raises PlanError for an option that neither a method nor the objective understands."""
    known = sorted({option for info in asked for option in info.options})
    unknown = sorted(set(request.method_options) - set(known))
    if unknown:
        raise PlanError(
            f"Nobody here understands the option '{unknown[0]}'.",
            hint=f"Known to {', '.join(i.id for i in asked)}: {', '.join(known) or 'none'}.",
        )


def _card(name: str, machine: MachineFacts) -> Gpu:
    return query.local_gpu(machine) if name == query.LOCAL else _of_catalog(name)


@cache
def _of_catalog(name: str) -> Gpu:
    """The same object whenever it is asked for."""
    return query.find_gpu(name)


def _offers(gpu: str, as_of: str, provider: str | None) -> tuple[Offer, ...]:
    """Offers of a GPU; none is an answer here, told as an option without cost."""
    try:
        return query.offers(gpu, as_of, None if gpu == query.LOCAL else provider)
    except PriceMissingError:
        return ()


def _offers_for(request: EstimateRequest, gpu: str, provider: str | None) -> tuple[Offer, ...]:
    if _is_at_home(request, provider):
        return (query.own_offer(request.as_of).model_copy(update={"gpu": gpu}),)
    return _offers(gpu, request.as_of, provider)


def _sold_by(
    provider: str, cards: Sequence[Gpu], offers: dict[str, tuple[Offer, ...]], as_of: str
) -> list[Gpu]:
    """The GPUs that the provider rents.

    Raises PriceMissingError when it rents none of them.
    """
    query.check_provider(provider)
    sold = [card for card in cards if offers[card.id]]
    if not sold:
        raise PriceMissingError(
            f"{provider} has no price for {', '.join(card.id for card in cards)} on {as_of}.",
            hint="Choose another GPU, or leave --provider out.",
        )
    return sold


def _with_larger_card(found: Estimate, market: Market) -> Estimate:
    """Adds which card of the catalog would do, when those asked for do not."""
    wider = opened(market.inquiry.request, model=market.inquiry.model)
    on_catalog = estimate(wider.inquiry, gpus=wider.gpus, methods=wider.methods)
    if on_catalog.recommended is None:
        return found
    best = on_catalog.options[on_catalog.recommended]
    price = f", about ${best.cost_usd.likely:.2f}" if best.cost_usd else ""
    more = f" Without other changes: {best.method} on {best.gpus} x {best.gpu}{price}."
    return found.model_copy(update={"nearest": found.nearest + more})


def _with_card_of_own(found: Estimate, market: Market) -> Estimate:
    """Adds how large a card of the user's own would do; nothing is offered for rent."""
    inquiry = market.inquiry
    names = [card.id for card in query.gpus() if not card.is_cpu]
    wider = opened(inquiry.request, model=inquiry.model, gpus=names)
    on_catalog = estimate(wider.inquiry, gpus=wider.gpus, methods=wider.methods)
    sizes = {card.id: card.memory_gib for card in wider.gpus}
    fitting = [option for option in on_catalog.options if option.fits is True]
    if on_catalog.recommended is None or not fitting:
        return found
    least = min(fitting, key=lambda option: sizes[option.gpu])
    more = f" A card of your own such as {least.gpu} would do, with {least.method}."
    return found.model_copy(update={"nearest": found.nearest + more})


def _with_outlook(found: Estimate, market: Market) -> Estimate:
    """Adds what comes beyond training: hosted tuning, serving, the whole bill and break-even."""
    request, model = market.inquiry.request, market.inquiry.model
    chosen = found.recommended_option
    gpu = next((g for g in market.gpus if chosen is not None and g.id == chosen.gpu), None)
    beyond = outlook(_prospects(request, model), chosen, gpu)
    options = [option.model_copy(update={"serving": beyond.tuned}) for option in found.options]
    if found.recommended is not None:
        billed = {"spending": beyond.spending}
        options[found.recommended] = options[found.recommended].model_copy(update=billed)
    return found.model_copy(
        update={
            "options": tuple(options),
            "hosted": beyond.hosted,
            "serving": beyond.serving,
            "break_even": beyond.break_even,
            "notes": beyond.notes,
        }
    )


class _Lists(NamedTuple):
    """What can be rented for serving and called by token on a day."""

    fetched: object
    """The fetched prices that were known then; other ones make other lists."""
    supply: Supply
    hosted: tuple[HostedTuning, ...]
    inference: tuple[InferencePrice, ...]


_lists_by_day: dict[str, _Lists] = {}


def _lists(as_of: str) -> _Lists:
    """Serving hardware is bought apart from training hardware, so the whole catalog is offered."""
    known = _lists_by_day.get(as_of)
    if known is not None and known.fetched is overlay():
        return known
    cards = query.gpus()
    offers = {card.id: _offers(card.id, as_of, None) for card in cards}
    supply = Supply(cards, offers, money())
    found = _Lists(overlay(), supply, hosted_tuning(as_of), inference_prices(as_of))
    _lists_by_day.clear()
    _lists_by_day[as_of] = found
    return found


def _prospects(request: EstimateRequest, model: ModelCard) -> Prospects:
    """What the money beyond training is computed from.

    Raises UnknownModelError for a large model that neither catalog nor price lists know.
    """
    lists = _lists(request.as_of)
    named = request.workload.large_model
    return Prospects(
        request,
        model,
        lists.supply,
        hosted=lists.hosted,
        inference=lists.inference,
        large=_large(named, lists.inference) if named else None,
    )


def _large(name: str, inference: Sequence[InferencePrice]) -> ModelCard | None:
    """The catalog's model of that name; None for one that only a provider serves.

    Raises UnknownModelError for a name that nobody knows.
    """
    try:
        return query.find_model(name)
    except UnknownModelError as error:
        if any(price.model == name and not price.is_tuned for price in inference):
            return None
        raise UnknownModelError(
            f"--large-model: {error}",
            hint=f"Name a model of the catalog or of a provider, such as {money().large_model}.",
        ) from error
