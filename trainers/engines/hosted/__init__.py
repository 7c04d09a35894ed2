"""Tuning at an OpenAI-compatible service: upload, job, follow, cancel.

Built for the protocol, which several services and servers speak. OpenAI's own service closes: to
new organisations since 2026-05-07, to inactive ones since 2026-07-02, to everyone on 2027-01-06.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from advisor.contracts import Bill, Tools, TrainerInfo
from advisor.errors import MissingExtraError, TrainingError
from advisor.schema.train import TrainEvent, TrainJob, TrainResult
from trainers.engines.hosted.asking import epochs_of, model_of, refuse_unsent, request_of
from trainers.engines.hosted.following import Followed
from trainers.engines.hosted.rows import uploads_of
from trainers.engines.hosted.settings import OPTIONS, PRICE, Address, address_of, positive
from trainers.engines.identity import unwatched
from trainers.engines.ledger import Ledger
from trainers.engines.lock import alone_in

if TYPE_CHECKING:
    from advisor.schema.plan import Plan
    from trainers.engines.hosted._service import Service

MANNERS = ("base_url", "api_key_env", "poll_seconds", "timeout_seconds", "cancel", PRICE)
"""Options that say how the service is spoken to, not what it trains."""


class HostedTrainer:
    """Pays a service to tune one of its models."""

    info = TrainerInfo(
        id="hosted",
        label="a tuning service (OpenAI's protocol)",
        extra="api",
        pairs=tuple((o, m) for o in ("sft", "dpo") for m in ("full", "lora")),
        spends_money=True,
        trains_here=False,
        options=OPTIONS,
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Send the samples once, have a job made once, and follow it to its end.

        An unfinished job of the same contents is followed whether or not `job.resume` is set, since
        a second one would be paid for. Raises PlanError, DatasetError, MissingExtraError,
        BackendAuthError, BackendQuotaError, BackendTimeoutError, StorageError, TrainingError with
        the service's sentence, and KeyboardInterrupt when `tools.should_stop()` asked for it: the
        job then goes on at the service. With the option `cancel` it is ended instead.
        """
        ledger, address = _opened(job)
        uploads_of(job)
        request_of(job, ledger.digest, "", None)
        wants_end = _wants_end(job.plan)
        if not wants_end:
            refuse_unsent(job.plan)
        with alone_in(ledger.shared):
            followed = Followed(job, tools, ledger, address)
            result = None if wants_end else followed.result
            if result is None:
                result = _asked(followed, address, tools, wants_end=wants_end)
        tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=result.steps))
        return result

    def bill(self, plan: Plan) -> Bill | None:
        """Whom a job of this plan pays for what; None where it only ends a running one.

        Raises PlanError and BackendAuthError for options that cannot be used.
        """
        if _wants_end(plan):
            return None
        host, price = address_of(plan).host, positive(plan, PRICE)
        return Bill(host, model_of(plan), epochs_of(plan), price)

    def cancel(self, job: TrainJob, tools: Tools) -> str:
        """End this very job at the service; its state afterwards, in the service's word.

        Raises TrainingError where no job of it is running, and as `train` does.
        """
        ledger, address = _opened(job)
        with alone_in(ledger.shared):
            service = _reach(address, tools)
            try:
                return Followed(job, tools, ledger, address).cancel(service)
            finally:
                service.close()


def _wants_end(plan: Plan) -> bool:
    return bool(plan.method_options.get("cancel"))


def _opened(job: TrainJob) -> tuple[Ledger, Address]:
    if find_spec("openai") is None:
        raise MissingExtraError("Tuning at a service", "api")
    told = {k: v for k, v in job.plan.method_options.items() if k not in MANNERS}
    plan = job.plan.model_copy(update={"method_options": told})
    sent = unwatched(job.model_copy(update={"plan": plan}))
    return Ledger(sent, "hosted"), address_of(job.plan)


def _reach(address: Address, tools: Tools) -> Service:
    from trainers.engines.hosted._service import Service  # noqa: PLC0415 - delays openai

    return Service(address, tools.should_stop)


def _asked(followed: Followed, address: Address, tools: Tools, *, wants_end: bool) -> TrainResult:
    service = _reach(address, tools)
    try:
        if not wants_end:
            return followed.tune(service)
        status = followed.cancel(service)
    finally:
        service.close()
    raise TrainingError(
        f"The job {followed.name} at {address.host} was cancelled, as asked; it is {status}.",
        hint="Run again without the option cancel to begin a new one.",
        where=address.host,
    )
