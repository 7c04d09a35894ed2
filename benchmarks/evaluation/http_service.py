"""How busy a served model is kept: 10,000 prompts, 50 ms each, eight calls at once."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ITEMS, LANES, LATENCY_MS = 10_000, 8, 50.0
BARE_ITEMS = 1_000
KIB_PER_MIB = 1024
LEFT = re.compile(r"^zero_shot: \d+/\d+, (.+) left,")


@contextlib.contextmanager
def server(latency_ms: float = LATENCY_MS) -> Iterator[str]:
    """Address of a server process that ends with the block."""
    words = [sys.executable, str(Path(__file__).with_name("server.py"))]
    child = subprocess.Popen(
        [*words, "--latency-ms", str(latency_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None  # noqa: S101 - both are pipes
    assert child.stdout is not None  # noqa: S101 - the same
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}/v1"
    finally:
        child.stdin.close()
        child.wait(timeout=10)
        child.stdout.close()


def texts(count: int) -> Iterator[tuple[str, str]]:
    """Prompts of about 40 words, and what the server says to each."""
    for number in range(count):
        yield f"{'Read the note and say its number. ' * 6}\nnote {number}", f"NOTE {number}"


def bare(base_url: str, items: int) -> float:
    """Calls per second of a plain loop over sockets: what this machine and server can give."""
    host = base_url.split("/")[2]

    def lane(number: int) -> None:
        line = http.client.HTTPConnection(host)
        for text, _ in list(texts(items))[number::LANES]:
            asked = {"model": "served", "messages": [{"role": "user", "content": text}]}
            line.request("POST", "/v1/chat/completions", json.dumps(asked))
            json.loads(line.getresponse().read())
        line.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lane, range(LANES)))
    return items / (time.perf_counter() - began)


def through_session(base_url: str, items: int) -> dict[str, Any]:
    """The session alone, in this process."""
    from advisor import registry  # noqa: PLC0415 - measured in a process of its own
    from advisor.schema.evaluation import Message, Prompt  # noqa: PLC0415 - the same

    right = dict(texts(items))
    prompts = (
        Prompt(sample_id=text, messages=(Message(role="user", content=text),)) for text in right
    )
    settings = {"base_url": base_url, "concurrency": str(LANES)}
    opened = time.perf_counter()
    with registry.backend("openai").open("served", settings) as session:
        began, worked = time.perf_counter(), time.process_time()
        answered = session.answers(prompts, max_new_tokens=16)  # type: ignore[attr-defined]
        correct = sum(right[prompt.sample_id] == done.text for prompt, done in answered)
        seconds = time.perf_counter() - began
    return {
        "items": items,
        "right": correct,
        "open_seconds": round(began - opened, 2),
        "seconds": round(seconds, 2),
        "per_second": round(items / seconds, 1),
        "share_of_ideal": round(items / seconds / (LANES / LATENCY_MS * 1000), 3),
        "cpu_ms_per_item": round((time.process_time() - worked) / items * 1000, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB, 1),
    }


def dataset(items: int, place: Path) -> Path:
    """As many test rows, and a few to learn from."""
    rows = [{"input": text, "target": answer, "split": "test"} for text, answer in texts(items)]
    rows += [{"input": f"warm {n}", "target": f"WARM {n}", "split": "train"} for n in range(30)]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return place


def through_command(base_url: str, items: int) -> dict[str, Any]:
    """`advisor baseline` as a whole, in an empty home; what it says of the remaining time checked.

    `seconds` runs from the line that begins the asking to the line that ends it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = dataset(items, folder / "data.jsonl")
        words = ["baseline", "--data", str(data), "--backend", "openai", "--model", "served"]
        words += ["--base-url", base_url, "--builders", "zero_shot", "--limit", str(items)]
        words += ["--no-stop-early", "--run-dir", str(folder / "run"), "--yes"]
        child = subprocess.Popen(
            [str(Path(sys.executable).with_name("advisor")), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "ADVISOR_HOME": str(folder / "home"), "COLUMNS": "100"},
        )
        assert child.stdout is not None  # noqa: S101 - it is a pipe
        began = time.perf_counter()
        said = [(time.perf_counter() - began, line.strip()) for line in child.stdout]
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        whole = time.perf_counter() - began
        if status:
            raise RuntimeError("\n".join(line for _, line in said))
        [artifact] = (folder / "run").glob("*-baseline.json")
        [measured] = json.loads(artifact.read_text(encoding="utf-8"))["evaluations"]
    [start] = [at for at, line in said if line.startswith("zero_shot:") and "to do" in line]
    [end] = [at for at, line in said if line.startswith("zero_shot:") and " in " in line]
    told = [(at, LEFT.search(line)) for at, line in said]
    guesses = [(end - at, seconds_of(found[1])) for at, found in told if found]
    return {
        "items": items,
        "value": measured["value"],
        "seconds": round(end - start, 2),
        "whole_seconds": round(whole, 2),
        "per_second": round(items / (end - start), 1),
        "share_of_ideal": round(items / (end - start) / (LANES / LATENCY_MS * 1000), 3),
        "cpu_ms_per_item": round((usage.ru_utime + usage.ru_stime) / items * 1000, 2),
        "peak_mib": round(usage.ru_maxrss / KIB_PER_MIB, 1),
        "remaining_told": [[round(true, 1), guess] for true, guess in guesses],
        "worst_error_of_remaining": worst(guesses),
    }


def seconds_of(text: str) -> float:
    """A duration as progress shows it."""
    units = {"s": 1.0, "min": 60.0, "h": 3600.0}
    parts = re.findall(r"([0-9.]+) (s|min|h)", text)
    return sum(float(number) * units[unit] for number, unit in parts)


def worst(guesses: list[tuple[float, float]]) -> float | None:
    """Largest error of a remaining time, as a share of the true one; only from 5 seconds up."""
    errors = [abs(guess - true) / true for true, guess in guesses if true >= 5]
    return round(max(errors), 3) if errors else None


def scheduling() -> str:
    """How this run stands beside whatever else the machine does; load is told by measure.py."""
    if not hasattr(os, "sched_getscheduler"):
        return ""
    is_first = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
    return "before all other work (chrt -r 5)" if is_first else "beside other work"


def measure(items: int = ITEMS) -> dict[str, Any]:
    """The session by itself and the command around it, beside what plain sockets reach."""
    with server() as base_url:
        reached = bare(base_url, BARE_ITEMS)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            session = pool.apply(through_session, (base_url, items))
        command = through_command(base_url, items)
        again = bare(base_url, BARE_ITEMS)
    return {
        "scheduling": scheduling(),
        "latency_ms": LATENCY_MS,
        "concurrency": LANES,
        "ideal_per_second": LANES / LATENCY_MS * 1000,
        "bare_sockets_per_second": [round(reached, 1), round(again, 1)],
        "session": session,
        "command": command,
    }


def main() -> int:
    """A quick look with fewer items."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=ITEMS)
    print(json.dumps(measure(parser.parse_args().items), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
