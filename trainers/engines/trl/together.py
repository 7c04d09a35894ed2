"""Starts the processes that train together, answers what they ask, and leaves none behind.

One process trains on each GPU (without GPUs: `gpus` processes on the CPU). A step takes
`micro_batch_size` x `gradient_accumulation_steps` x `gpus` samples, as the estimate counts them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from advisor import errors
from advisor.contracts import Tools
from advisor.errors import AdvisorError, PlanError, TrainingError
from advisor.schema.evaluation import Completion, Prompt, Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainEvent, TrainJob, TrainResult
from trainers.engines.ledger import Ledger, write_whole
from trainers.engines.lock import alone_in
from trainers.engines.trl.channel import ADDRESS, TOKEN, Line, Message, listen
from trainers.engines.trl.sharing import check_deepspeed, check_plan, write_configurations
from trainers.engines.trl.worker import Assignment

JOB_FILE, LOG_FILE = "processes-{}.json", "processes-{}.log"
"""Of each machine, since all may share the folder."""
WORKER = "trainers.engines.trl.worker"
ENDPOINT, NODE = "ADVISOR_RDZV_ENDPOINT", "ADVISOR_NODE_RANK"
"""Where machines meet (host:port of the first one), and which of them this is."""
LOOK_SECONDS = 0.2
LAST_WORDS_SECONDS = 3.0
"""When one process dies the others fail soon after; so long they may say how."""
GRACE_SECONDS = 20.0
STATUS = re.compile(r"rank\s*:\s*(\d+).*?exitcode\s*:\s*(-?\d+)", re.DOTALL)


def node_rank(plan: Plan) -> int:
    """Which of the plan's machines this is.

    Raises PlanError when there are several and the environment does not say which.
    """
    if plan.nodes == 1:
        return 0
    said = os.environ.get(NODE, "")
    if not said.isdecimal() or int(said) >= plan.nodes or not os.environ.get(ENDPOINT):
        raise PlanError(
            f"The plan is for {plan.nodes} machines; which one this is was not said.",
            hint=f"Set {ENDPOINT}=host:port of the first machine, the same everywhere, and"
            f" {NODE}=0 to {plan.nodes - 1}; --launcher writes jobs that do.",
        )
    return int(said)


def together(job: TrainJob, tools: Tools, ledger: Ledger) -> TrainResult:
    """Train by the plan in several processes; raises what training in one process raises.

    A process that dies is told by its number. An end that is asked for, by `tools.should_stop()` or
    by SIGINT or SIGTERM, is taken at the same step by all, with a checkpoint. Of several machines
    only the first holds the folder; all must see it at the same place.
    """
    check_plan(job.plan)
    leads = node_rank(job.plan) == 0
    with alone_in(ledger.shared) if leads else contextlib.nullcontext():
        return (leads and ledger.finished()) or _together(job, tools, ledger)


def _together(job: TrainJob, tools: Tools, ledger: Ledger) -> TrainResult:
    write_configurations(job.plan, ledger.folder)
    check_deepspeed(job.plan, ledger.folder)
    node = node_rank(job.plan)
    file = ledger.folder / JOB_FILE.format(node)
    scoring = tools.scoring
    assignment = Assignment(
        job=job,
        seed=tools.seed,
        instruction=tools.instruction,
        cache_dir=str(tools.cache_dir),
        metric=scoring.metric if scoring else None,
        higher_is_better=scoring.higher_is_better if scoring else True,
    )
    log = ledger.folder / LOG_FILE.format(node)
    try:
        write_whole(file, assignment.model_dump_json())
        with listen() as server, _Processes(job.plan, file, log, server) as processes:
            result = _Conversation(job, tools, processes, server).result()
    finally:
        file.unlink(missing_ok=True)  # it holds the samples
    log.unlink(missing_ok=True)
    return result


class _Processes:
    """torchrun and the processes it started; none is left when the block ends."""

    def __init__(self, plan: Plan, file: Path, log: Path, server: socket.socket) -> None:
        self.log = log
        self.token = secrets.token_hex(16)
        self.here = plan.gpus // plan.nodes
        self._command = launch_command(plan, node_rank(plan), [str(file)])
        self._environment = _environment(self.here, self.token, server.getsockname()[1])

    def __enter__(self) -> Self:
        with self.log.open("wb") as stream:
            self._torchrun = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C reaches the command, which tells the others
            )
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._torchrun.wait(LAST_WORDS_SECONDS)
        for send in (self._torchrun.terminate, self._torchrun.kill):
            if self._torchrun.poll() is None:
                send()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._torchrun.wait(GRACE_SECONDS)

    @property
    def have_ended(self) -> bool:
        """Whether torchrun, and so every process, is gone."""
        return self._torchrun.poll() is not None

    def fate(self, rank: int | None) -> str:
        """How a process ended, as torchrun wrote it down, in words."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        codes = {int(number): int(code) for number, code in STATUS.findall(text)}
        code = codes.get(rank) if rank is not None else next(iter(codes.values()), None)
        if code is None:
            return "without a word"
        if code < 0:
            name = signal.Signals(-code).name
            return f"by {name}" + (" (often: no memory left)" if name == "SIGKILL" else "")
        return f"with exit code {code}"


def launch_command(plan: Plan, node: int, arguments: Sequence[str]) -> list[str]:
    """The command line of torchrun for this machine's processes."""
    meeting = ["--standalone"]
    if plan.nodes > 1:
        host, _, port = os.environ[ENDPOINT].rpartition(":")
        meeting = [f"--nnodes={plan.nodes}", f"--node-rank={node}"]
        meeting += [f"--master-addr={host}", f"--master-port={port}"]
    each = f"--nproc-per-node={plan.gpus // plan.nodes}"
    run = [sys.executable, "-m", "torch.distributed.run", each, *meeting, "--max-restarts=0"]
    return [*run, "-m", WORKER, *arguments]


def _environment(here: int, token: str, port: int) -> dict[str, str]:
    """This process's, with the line to it, and the cores shared out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    own = {"OMP_NUM_THREADS": str(max(1, (cores or 1) // here))}
    return own | os.environ | {ADDRESS: str(port), TOKEN: token}


class _Conversation:
    """Answers the processes until they have ended."""

    def __init__(
        self, job: TrainJob, tools: Tools, processes: _Processes, server: socket.socket
    ) -> None:
        self._job, self._tools = job, tools
        self._processes, self._server = processes, server
        self._lines: dict[Line, int | None] = {}
        self._results: dict[int, TrainResult] = {}
        self._errors: dict[int, AdvisorError] = {}
        self._interrupted: set[int] = set()
        self._lost: list[int] = []
        self._asked_to_stop = False

    def result(self) -> TrainResult:
        """What the first process measured; raises what went wrong instead."""
        with selectors.DefaultSelector() as selector, self._signals():
            selector.register(self._server, selectors.EVENT_READ)
            deadline = None
            while not self._is_over(deadline):
                for key, _ in selector.select(LOOK_SECONDS):
                    self._attend(key.fileobj, selector)
                if deadline is None and (self._lost or self._errors):
                    deadline = time.monotonic() + LAST_WORDS_SECONDS
            for line in self._lines:
                line.close()
        return self._outcome()

    def _is_over(self, deadline: float | None) -> bool:
        ended = len(self._results) + len(self._errors) + len(self._interrupted) + len(self._lost)
        late = deadline is not None and time.monotonic() > deadline
        return ended >= self._processes.here or late or self._processes.have_ended

    def _attend(self, source: Any, selector: selectors.BaseSelector) -> None:
        if source is self._server:
            line = Line(self._server.accept()[0])
            self._lines[line] = None
            selector.register(line, selectors.EVENT_READ)
            return
        try:
            source.fill()
            while (message := source.taken()) is not None:
                self._hear(source, message)
        except (EOFError, OSError, ValueError):
            selector.unregister(source)
            rank = self._lines[source]
            ended = {*self._results, *self._errors, *self._interrupted}
            if rank is not None and rank not in ended:
                self._lost.append(rank)

    def _hear(self, line: Line, message: Message) -> None:
        rank = self._lines[line]
        if rank is None:
            if not secrets.compare_digest(str(message.get("hello")), self._processes.token):
                raise EOFError  # a stranger
            self._lines[line] = int(message["rank"])
        elif "ask" in message:
            line.send(self._answer(line, message))
        elif "tell" in message:
            self._tell(message)
        elif "result" in message:
            self._results[rank] = TrainResult.model_validate(message["result"])
        elif "error" in message:
            self._errors[rank] = told_error(message["error"])
        else:
            self._interrupted.add(rank)

    def _tell(self, message: Message) -> None:
        progress = self._tools.progress
        if message["tell"] == "event":
            self._tools.emit(TrainEvent.model_validate(message["event"]))
        elif message["tell"] == "start":
            progress.start(message["label"], message["total"])
        elif message["tell"] == "advance":
            progress.advance(message["count"])
        else:
            progress.finish()

    def _answer(self, line: Line, message: Message) -> Message:
        if message["ask"] == "should_stop":
            return {"stop": self._tools.should_stop() or self._asked_to_stop}
        if message["ask"] == "method":
            plugin = type(self._tools.method(message["name"]))
            return {"at": f"{plugin.__module__}:{plugin.__qualname__}"}
        scoring = self._tools.scoring
        if scoring is None:
            return {"value": None, "values": []}
        if message["ask"] == "values":
            samples = [Sample.model_validate(sample) for sample in message["samples"]]
            return {"values": scoring.values(samples, message["texts"])}

        def generate(prompts: Sequence[Prompt], most: int) -> list[Completion]:
            line.send({"prompts": [p.model_dump(mode="json") for p in prompts], "most": most})
            return [Completion.model_validate(c) for c in line.receive()["completions"]]

        return {"value": scoring.dev_value(generate)}

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask for an end at the next step; the second ends it now."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

        def asked(number: int, frame: Any) -> None:
            again, self._asked_to_stop = self._asked_to_stop, True
            handler = before[signal.Signals(number)]
            if again and not callable(handler):
                raise KeyboardInterrupt
            try:
                if callable(handler):
                    handler(number, frame)
            except KeyboardInterrupt:
                if again:
                    raise

        for number in before:
            signal.signal(number, asked)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _outcome(self) -> TrainResult:
        if self._results and not self._errors and not self._lost:
            return self._results[min(self._results)]
        if self._interrupted:
            raise KeyboardInterrupt
        raise self._failure()

    def _failure(self) -> AdvisorError:
        """The first cause: a fault with a name, a vanished process, other words, or silence.

        Processes that are left alone by a fault of one fail in the libraries, or are ended.
        """
        count, where = self._job.plan.gpus, str(self._processes.log)
        said = sorted(self._errors.items(), key=lambda one: (type(one[1]) is TrainingError, one[0]))
        if said and (not self._lost or type(said[0][1]) is not TrainingError):
            return said[0][1]
        rank = self._lost[0] if self._lost else None
        deadline = time.monotonic() + GRACE_SECONDS
        while not self._processes.have_ended and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        named = "The processes that train" if rank is None else f"Process {rank + 1} of {count}"
        return TrainingError(
            f"{named} ended {self._processes.fate(rank)}; the others were stopped.",
            hint="Run the same command again; it continues from the last checkpoint.",
            where=where,
        )


def told_error(said: Message) -> AdvisorError:
    """The error that a process told of, as the class it was there."""
    kind = getattr(errors, said["type"], TrainingError)
    error: AdvisorError = kind.__new__(kind)
    AdvisorError.__init__(error, said["message"], hint=said["hint"], where=said["where"])
    return error
