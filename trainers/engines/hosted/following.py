"""A job at a service, from its files to the model it makes; sent once, so never paid twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from advisor.contracts import Tools
from advisor.errors import TrainingError
from advisor.schema.train import DevPoint, LossPoint, Served, TrainEvent, TrainJob, TrainResult
from trainers.engines.hosted.asking import request_of, unsent_notes
from trainers.engines.hosted.record import GONE, Record, read_record, write_record
from trainers.engines.hosted.rows import Upload, uploads_of
from trainers.engines.hosted.settings import PRICE, Address, positive
from trainers.engines.ledger import Ledger

FINISHED = "succeeded"


class Tuning(Protocol):
    """What is asked of a service."""

    def upload(self, file: Upload) -> str: ...  # noqa: D102 - as the service has it
    def create(self, told: dict[str, Any], began: float) -> str: ...  # noqa: D102
    def find(self, told: dict[str, Any], began: float) -> str | None: ...  # noqa: D102
    def job(self, name: str) -> Any: ...  # noqa: D102
    def events(self, name: str, *, until: str = "") -> list[Any]: ...  # noqa: D102
    def cancel(self, name: str) -> str: ...  # noqa: D102
    def wait(self, span: float) -> None: ...  # noqa: D102


class Followed:
    """One job of this run at one service."""

    def __init__(self, job: TrainJob, tools: Tools, ledger: Ledger, address: Address) -> None:
        self._job = job
        self._tools = tools
        self._ledger = ledger
        self._address = address
        known = read_record(ledger, address.host)
        self._record = Record(host=address.host) if known.status in GONE else known

    @property
    def result(self) -> TrainResult | None:
        """The result of this very job, where it was followed to its end before."""
        return self._record.result

    @property
    def name(self) -> str:
        """The service's id of the job; empty where none was made."""
        return self._record.job

    def tune(self, service: Tuning) -> TrainResult:
        """Send what is missing, and follow the job to its end.

        Raises TrainingError where it failed or was cancelled, KeyboardInterrupt, with what becomes
        of the job in words, where the run is to stop: it goes on at the service, and the next call
        takes it up again.
        """
        is_new = not self.name
        try:
            if is_new:
                for note in unsent_notes(self._job.plan):
                    self._tools.emit(TrainEvent(kind="note", message=note))
                self._make(service)
            words = f"Job {self.name} at {self._address.host}."
            kind = "start" if is_new else "resume"
            self._tools.emit(TrainEvent(kind=kind, message=words))
            state = self._until_end(service)
        except KeyboardInterrupt:
            words = self._left()
            said = f"{words[0].upper()}{words[1:]}."
            self._tools.emit(TrainEvent(kind="checkpoint", message=said))
            raise KeyboardInterrupt(words) from None
        return self._ended(service, state)

    def _left(self) -> str:
        """What becomes of the job when nobody follows it."""
        host = self._address.host
        if self.name:
            return (
                f"job {self.name} goes on at {host} and is paid for:"
                " --resume follows it, --option cancel=true ends it"
            )
        if self._record.asked:
            return f"whether a job was made at {host} is not known: --resume looks for it"
        return f"no job was made at {host}"

    def cancel(self, service: Tuning) -> str:
        """End the job at the service; says what became of it. Raises TrainingError without one."""
        if not self.name or self.result is not None:
            raise TrainingError(
                "There is no running job to cancel.",
                hint="Use the same plan, data and output folder as the run that began it.",
                where=self._address.host,
            )
        status = service.cancel(self.name)
        self._keep(status=status)
        return status

    def _keep(self, **changes: Any) -> None:
        self._record = self._record.model_copy(update=changes)
        write_record(self._ledger, self._record)

    def _make(self, service: Tuning) -> None:
        train, dev = uploads_of(self._job)
        ids: list[str | None] = [
            self._sent(service, file) if file else None for file in (train, dev)
        ]
        told = request_of(self._job, self._ledger.digest, ids[0] or "", ids[1])
        found = service.find(told, self._record.began) if self._record.asked else None
        if found is None:
            began = time.time()
            self._keep(asked=True, began=began)
            found = service.create(told, began)
        self._keep(job=found)

    def _sent(self, service: Tuning, file: Upload) -> str:
        known = self._record.files.get(file.name) or service.upload(file)
        self._keep(files=self._record.files | {file.name: known})
        return known

    def _until_end(self, service: Tuning) -> Any:
        while True:
            state = service.job(self.name)
            self._tell_news(service)
            if state.status != self._record.status:
                self._keep(status=state.status)
                self._tools.emit(TrainEvent(kind="note", message=f"The job is {state.status}."))
            if state.status in (FINISHED, *GONE):
                return state
            service.wait(self._address.poll_seconds)

    def _tell_news(self, service: Tuning) -> None:
        news = service.events(self.name, until=self._record.last_event)
        for event in news:
            for told in _events_of(event, self._address.said):
                self._tools.emit(told)
        if news:
            self._keep(last_event=news[-1].id)

    def _ended(self, service: Tuning, state: Any) -> TrainResult:
        host, model = self._address.host, getattr(state, "fine_tuned_model", None)
        if state.status != FINISHED or not model:
            error = getattr(state, "error", None)
            words = self._address.said(str(getattr(error, "message", None) or "it gives no reason"))
            what = "was cancelled" if state.status == "cancelled" else "failed"
            self._keep(status="cancelled" if state.status == "cancelled" else "failed")
            raise TrainingError(
                f"The job {self.name} at {host} {what}: {words.rstrip('.')}.",
                hint="Mend what it says and run again; that begins a new job.",
                where=host,
            )
        result = self._result(service, state, str(model))
        self._keep(result=result)
        return result

    def _told(self) -> dict[str, str]:
        """Where the tuned model is asked, and the name of the variable that holds the key."""
        named = str(self._job.plan.method_options.get("api_key_env") or "")
        told = {"base_url": self._address.base_url}
        return told | ({"api_key_env": named} if named else {})

    def _result(self, service: Tuning, state: Any, model: str) -> TrainResult:
        told = [e for event in service.events(self.name) for e in _events_of(event, str)]
        losses = {e.step: e.loss for e in told if e.kind == "step" and e.loss is not None}
        looks = [e for e in told if e.kind == "evaluation"]
        tokens = getattr(state, "trained_tokens", None)
        price = positive(self._job.plan, PRICE)
        usd = tokens * price / 1_000_000 if price and isinstance(tokens, int) else None
        ended = getattr(state, "finished_at", None) or time.time()
        return TrainResult(
            trainer="hosted",
            method=self._job.plan.method,
            objective=self._job.plan.objective,
            output_dir=str(self._ledger.shared),
            served_by=Served(backend="openai", model=model, settings=self._told()),
            loss=tuple(LossPoint(step=n, loss=v) for n, v in sorted(losses.items())),
            steps=max((e.step for e in told), default=0),
            trainable_parameters=0,
            peak_memory_gib=None,
            memory_tier="process",
            tokens_per_second=None,
            wall_seconds=max(0.0, ended - (getattr(state, "created_at", None) or ended)),
            train_samples=len(self._job.train_samples),
            versions={},
            seed=self._job.plan.seed,
            usd=usd,
            dev_loss_after=looks[-1].dev_loss if looks else None,
            evaluations=tuple(DevPoint(step=e.step, loss=e.dev_loss) for e in looks),
            notes=(
                f"Tuned and served by {self._address.host} as {model}, job {self.name}.",
                f"The service counted {tokens} trained tokens, which it bills."
                if tokens is not None
                else "The service does not say how many tokens it bills.",
                "Nobody outside the service knows which weights were trained, and their memory.",
                *unsent_notes(self._job.plan),
            ),
        )


def _events_of(event: Any, said: Callable[[str], str]) -> list[TrainEvent]:
    """A service's event as ours: a message, a step's loss, a look at the validation file."""
    data = getattr(event, "data", None)
    if getattr(event, "type", "") != "metrics" or not isinstance(data, dict):
        return [TrainEvent(kind="note", message=said(str(event.message)))]
    step, total = _whole(data.get("step")), _whole(data.get("total_steps"))
    found = []
    loss = _number(data.get("train_loss"))
    if loss is not None:
        found.append(TrainEvent(kind="step", step=step, total_steps=total, loss=loss))
    look = _number(data.get("full_valid_loss", data.get("valid_loss")))
    if look is not None:
        found.append(TrainEvent(kind="evaluation", step=step, total_steps=total, dev_loss=look))
    return found


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < float("inf") else None
