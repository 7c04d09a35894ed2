import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from advisor.errors import BackendAuthError
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.purse import Purse
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Completion, Message, Prompt
from advisor.schema.purse import TokenPrice

DOLLAR = TokenPrice(
    prompt_usd_per_million=1_000_000,
    completion_usd_per_million=0,
    provenance=Provenance(kind="table", source="test"),
)


def prompt(number: int, **more) -> Prompt:
    turn = Message(role="user", content=f"Question {number}")
    return Prompt(sample_id=str(number), messages=(turn,), **more)


class Flow:
    """A session that answers in threads, four at once, in whatever order they end."""

    window = 20
    model_digest = "flow"
    lanes = 4

    def __init__(self, *, pause=0.0, fail=frozenset(), error=None):
        self.asked: list[str] = []
        self.pause, self.fail, self.error = pause, fail, error
        self.events: dict[str, int] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def count_tokens(self, text):
        return len(text)

    def generate(self, *_, **__):
        raise AssertionError("it streams")

    def answers(self, prompts, **_):
        waiting = iter(prompts)
        with ThreadPoolExecutor(self.lanes) as pool:
            running = {}
            while True:
                while len(running) < self.lanes and (one := next(waiting, None)):
                    running[pool.submit(self._answer, one)] = one
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()

    def _answer(self, one):
        if self.error:
            raise self.error
        self.asked.append(one.sample_id)
        time.sleep(self.pause)
        failed = one.sample_id in self.fail
        return Completion(
            text="" if failed else f"to {one.messages[-1].content}",
            prompt_tokens=1,
            completion_tokens=1,
            latency_ms=1,
            finish="error" if failed else "stop",
            error="overloaded" if failed else "",
            may_pass=failed,
        )


def asker(session, tmp_path, purse=None, **conditions) -> Asker:
    base = {"backend": "flow", "model": "m", "max_new_tokens": 8}
    cache = CompletionCache(tmp_path / "c.sqlite")
    return Asker(session, Conditions(**base | conditions), cache=cache, purse=purse)


def test_every_prompt_is_answered_once_and_then_from_the_cache(tmp_path):
    prompts = [prompt(number) for number in range(50)]
    session = Flow()
    found = dict(asker(session, tmp_path).ask(prompts))
    assert {at: c.text for at, c in found.items()} == {at: f"to Question {at}" for at in range(50)}
    again = Flow()
    cached = dict(asker(again, tmp_path).ask(prompts))
    assert again.asked == []
    assert all(c.cached for c in cached.values())
    assert [cached[at].text for at in range(50)] == [found[at].text for at in range(50)]


def test_equal_prompts_in_one_go_are_asked_once(tmp_path):
    twice = [prompt(1), prompt(1), prompt(2)]
    session = Flow()
    found = dict(asker(session, tmp_path).ask([*twice, twice[0]]))
    assert [found[at].text[-1] for at in range(4)] == ["1", "1", "2", "1"]
    assert len(session.asked) == 2
    assert [found[at].cached for at in range(4)] == [False, True, False, True]


def test_a_repeated_prompt_is_priced_and_paid_once_now_and_from_the_cache(tmp_path):
    twice = [prompt(1), prompt(1), prompt(2)]
    first = asker(Flow(), tmp_path, Purse(DOLLAR))
    assert len(first.distinct(twice)) == 2
    found = dict(first.ask(twice))
    assert sum(c.usd for c in found.values()) == first.purse.spent_usd == 2
    kept = asker(Flow(), tmp_path, Purse(DOLLAR)).known(twice)
    assert [kept[at].usd for at in range(3)] == [found[at].usd for at in range(3)] == [1, 0, 1]
    assert [kept[at].attempts for at in range(3)] == [1, 0, 1]


def test_failures_are_not_kept(tmp_path):
    prompts = [prompt(number) for number in range(8)]
    found = dict(asker(Flow(fail={"3"}), tmp_path).ask(prompts))
    assert found[3].error == "overloaded"
    session = Flow()
    dict(asker(session, tmp_path).ask(prompts))
    assert session.asked == ["3"]


def test_the_cap_holds_but_for_the_calls_in_flight_and_loses_none(tmp_path):
    prompts = [prompt(number) for number in range(100)]
    session = Flow(pause=0.002)
    purse = Purse(DOLLAR, cap_usd=30)
    found = dict(asker(session, tmp_path, purse).ask(prompts))
    assert 30 <= purse.spent_usd <= 30 + Flow.lanes
    assert len(found) == len(session.asked) == purse.spent_usd
    assert purse.capped
    rest = Flow()
    assert len(dict(asker(rest, tmp_path).ask(prompts))) == 100
    assert not set(rest.asked) & set(session.asked)


def test_a_halt_ends_it_after_the_calls_in_flight(tmp_path):
    halt = threading.Event()
    session = Flow()
    seen = []
    for at, _ in asker(session, tmp_path).ask(
        [prompt(number) for number in range(100)], halted=halt.is_set
    ):
        seen.append(at)
        if len(seen) == 10:
            halt.set()
    assert 10 <= len(seen) <= 10 + Flow.lanes
    assert len(seen) == len(session.asked)


def test_credentials_concern_every_prompt(tmp_path):
    session = Flow(error=BackendAuthError("no key"))
    with pytest.raises(BackendAuthError):
        list(asker(session, tmp_path).ask([prompt(1)]))


@pytest.mark.parametrize(
    "change",
    [
        {"max_new_tokens": 9},
        {"backend": "other"},
        {"settings": (("json_schema", "x"),)},
    ],
)
def test_conditions_part_answers(tmp_path, change):
    one = asker(Flow(), tmp_path)
    assert asker(Flow(), tmp_path, **change).key(prompt(1)) != one.key(prompt(1))


def test_the_key_hangs_on_what_is_said_and_drawn_and_on_nothing_else(tmp_path):
    one = asker(Flow(), tmp_path)
    key = one.key(prompt(1))
    assert one.key(prompt(1, shots=("a",), passages=("b",), passage_texts=("c",))) == key
    assert one.key(prompt(1).model_copy(update={"sample_id": "other"})) == key
    others = {one.key(prompt(1, temperature=0.7)), one.key(prompt(1, temperature=0.7, draw=1))}
    assert len({key, *others, one.key(prompt(2))}) == 4
    assert "Question" not in key
    seeded = asker(Flow(), tmp_path, seed=1)
    assert seeded.key(prompt(1)) == key
    assert seeded.key(prompt(1, temperature=0.7)) not in others


def test_a_secret_that_a_document_made_the_model_repeat_is_masked(tmp_path):
    secret = "sk-" + "proj-" + "Ab1" * 16

    class Leaking(Flow):
        def _answer(self, _):
            return Completion(
                text=f"The key is {secret}.", prompt_tokens=1, completion_tokens=1, latency_ms=1
            )

    one = asker(Leaking(), tmp_path)
    [(_, completion)] = one.ask([prompt(1)])
    assert secret not in completion.text
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept
