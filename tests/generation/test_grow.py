"""What a model writes is kept only where every check lets it pass, and every drop is counted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from advisor.data_check.near import clusters, same_key
from advisor.data_check.split import split
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.purse import Purse
from advisor.generation.grow import DRY_AFTER, Grower
from advisor.generation.sieve import Sieve
from advisor.generation.sources import Passage, Sources, seeds_of
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Message, Sample
from advisor.schema.purse import TokenPrice
from advisor.tools import Silence
from tests.fixtures.writer import THINGS, Writer, department, rows, seeds, ticket, written

DATA = split(seeds(150), seed=0)
PRICE = TokenPrice(
    prompt_usd_per_million=1, completion_usd_per_million=4, provenance=Provenance(kind="table")
)


def grower(
    session: Writer,
    samples: tuple[Sample, ...] = DATA,
    *,
    cache: CompletionCache | None = None,
    purse: Purse | None = None,
    further=(),
    **more,
) -> Grower:
    sources = Sources(seeds_of(samples), "Which department?", **more)
    purse = purse or Purse()
    conditions = (Conditions("echo", "big", 1024), Conditions("echo", "big", 64))
    askers = [Asker(session, one, cache=cache, purse=purse, batch_size=4) for one in conditions]
    sieve = Sieve(sources, samples, further=further)
    return Grower(sources, sieve, *askers, seed=0, progress=Silence())


def test_good_samples_are_kept_marked_and_only_train() -> None:
    session = Writer()
    one = grower(session)
    assert one.grow(40) == "enough"
    kept = [made.sample for made in one.made]
    assert len({same_key(sample) for sample in kept}) == 40
    assert all(sample.target == department(sample.input) for sample in kept)
    assert {(s.synthetic_by, s.split) for s in kept} == {("echo:big", "train")}
    assert clusters([*DATA, *kept]) == []
    trained = {sample.id for sample in DATA if sample.split == "train"}
    assert all(set(made.request.made_from) <= trained for made in one.made)
    assert len({sample.id for sample in kept}) == 40


def test_the_model_never_sees_a_dev_or_test_row() -> None:
    session = Writer()
    grower(session).grow(20)
    said = "\n".join(turn.content for prompt in session.prompts for turn in prompt.messages)
    assert any(s.input in said for s in DATA if s.split == "train")
    assert not any(s.input in said for s in DATA if s.split != "train")


def planted(kind: str) -> Sample:
    return next(sample for sample in DATA if sample.split == kind)


LONG = " ".join(f"long{n}" for n in range(40))
FAULTS = {
    "schema": ("about nothing at all", "no such department"),
    "refusal": ("I'm sorry, I cannot help with that parcel", "shipping"),
    "copy": (planted("train").input.upper(), planted("train").target),
    "near_seed": (f"{LONG} changed parcel", "shipping"),
    "near_test": (f"{LONG[::-1]} changed parcel", "shipping"),
    "contradiction": (
        planted("test").input,
        next(name for name in THINGS.values() if name != planted("test").target),
    ),
    "disagreement": ("a parcel that the model calls an account", "account"),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_is_dropped_under_its_reason(reason: str) -> None:
    near = [
        Sample(id="n1", input=f"{LONG} kept parcel", target="shipping", split="train"),
        Sample(id="n2", input=f"{LONG[::-1]} kept parcel", target="shipping", split="test"),
    ]
    session = Writer(write=lambda *_: rows([FAULTS[reason]]))
    one = grower(session, (*DATA, *near))
    assert one.grow(5) == "dry"
    assert set(one.sieve.dropped) == {reason}
    assert one.counts["parsed"] == one.sieve.dropped[reason] >= DRY_AFTER
    assert one.made == []


def test_near_copies_of_one_another_are_dropped() -> None:
    def write(wish: str, draw: int) -> str:
        texts = [f"{LONG} {word} parcel" for word in ("small", "great", "heavy", "late", "red")]
        return rows([(text, "shipping") for text in texts])

    one = grower(Writer(write=write))
    assert one.grow(5) == "dry"
    assert len(one.made) == 1
    assert one.sieve.dropped["near_kept"] + one.sieve.dropped["copy"] == one.counts["parsed"] - 1


def test_an_answer_that_changes_is_dropped_after_the_second_ask() -> None:
    session = Writer(answer=lambda text, draw: department(text) if draw == 0 else "billing?")
    one = grower(session)
    one.grow(5)
    assert one.sieve.dropped["disagreement"] > 0
    asked_once = Writer(answer=lambda *_: "something else")
    grower(asked_once).grow(5)
    assert {p.draw for p in asked_once.prompts if p not in asked_once.wishes} == {0}


def test_agreement_sorts_out_wrong_targets_of_a_model_that_is_often_wrong() -> None:
    others = list(THINGS.values())

    def noisy(right: str, seed: str, share: float) -> str:
        chance = random.Random(seed)
        return (
            chance.choice([o for o in others if o != right]) if chance.random() < share else right
        )

    def write(wish: str, draw: int) -> str:
        chance = random.Random(f"{wish}:{draw}")
        texts = [ticket(chance) for _ in range(5)]
        return rows([(text, noisy(department(text), text, 0.3)) for text in texts])

    session = Writer(
        write=write, answer=lambda text, draw: noisy(department(text), f"{text}:{draw}", 0.2)
    )
    one = grower(session)
    one.grow(150)
    wrong = sum(made.sample.target != department(made.sample.input) for made in one.made)
    assert wrong <= 0.03 * len(one.made)  # 0.3 of what was written; two equal wrong answers: 1 %
    assert one.sieve.dropped["disagreement"] > 0.3 * one.counts["parsed"]


def test_free_text_agrees_by_most_of_its_words() -> None:
    chance = random.Random(0)
    data = [
        Sample(id=f"s{n}", input=ticket(chance), target=f"reply {n} about {ticket(chance)}")
        for n in range(100)
    ]

    def write(wish: str, draw: int) -> str:
        chance = random.Random(wish)
        text = ticket(chance)
        return rows([(text, f"you asked about {text}"), (text + " too", "something else again")])

    session = Writer(write=write, answer=lambda text, _: f"You asked about {text} indeed.")
    one = grower(session, split(data, seed=0))
    assert one.grow(6) == "enough"
    assert all(made.sample.target.startswith("you asked") for made in one.made)
    assert one.sieve.dropped["disagreement"] > 0


def test_json_targets_keep_their_keys() -> None:
    def target(text: str, draw: int = 0) -> str:
        return f'{{"name": "{text.split(maxsplit=1)[0]}", "to": "{department(text)}"}}'

    data = [s.model_copy(update={"target": target(s.input)}) for s in seeds(100)]

    def write(wish: str, draw: int) -> str:
        texts = [ticket(random.Random(f"{wish}{n}")) for n in range(3)]
        good = f'{{"input": "{texts[0]}", "output": {target(texts[0])}}}'
        other = '{"input": "%s", "output": {"name": "x"}}'
        return f'[{good}, {other % texts[1]}, {{"input": "{texts[2]}", "output": "text"}}]'

    one = grower(Writer(write=write, answer=target), split(data, seed=0))
    assert one.grow(4) == "enough"
    assert one.sieve.dropped["schema"] == 2 * one.counts["asked"]
    assert one.made[0].sample.target == target(one.made[0].sample.input)


def test_documents_are_asked_about_and_named() -> None:
    passages = tuple(Passage(f"doc{n}.md", f"The {n}th fact about parcels.") for n in range(3))
    session = Writer()
    one = grower(session, passages=passages)
    assert one.grow(12) == "enough"
    assert {made.sample.document for made in one.made} <= {"doc0.md", "doc1.md", "doc2.md"}
    assert all(made.request.made_from == (made.sample.document,) for made in one.made)
    answers = [prompt for prompt in session.prompts if prompt not in session.wishes]
    assert all("fact about parcels" in prompt.messages[0].content for prompt in answers)


def test_the_system_turn_of_the_data_goes_with_what_is_written() -> None:
    system = Message(role="system", content="You sort tickets.")
    data = [s.model_copy(update={"history": (system,)}) for s in seeds(60)]
    talk = seeds(1, 5)[0].model_copy(
        update={"id": "t", "history": (Message(role="user", content="hello"),), "split": "train"}
    )
    samples = (*split(data, seed=0), talk)
    assert talk not in seeds_of(samples)
    one = grower(Writer(), samples)
    assert one.grow(5) == "enough"
    assert {made.sample.history for made in one.made} == {(system,)}


def test_labels_are_written_for_by_turns() -> None:
    definitions = {"shipping": "a parcel is late", "billing": "about money", "account": ""}

    def write(wish: str, draw: int) -> str:
        label = next(name for name in definitions if f"the label {name}" in wish)
        thing = next(name for name, department in THINGS.items() if department == label)
        chance = random.Random(wish)
        texts = [" ".join(chance.sample("abcdefghijklmnop", 8)) + f" {thing}" for _ in range(4)]
        wrong = (f"q r s t {draw}", "shipping" if label != "shipping" else "billing")
        return rows([*((text, label) for text in texts), wrong])

    session = Writer(write=write)
    one = grower(session, definitions=definitions)
    assert one.grow(24) == "enough"
    assert {made.sample.target for made in one.made} == set(definitions)
    assert one.sieve.dropped["schema"] > 0
    assert "a parcel is late" in session.wishes[0].messages[1].content


def test_the_cap_holds_and_a_larger_one_goes_on_for_the_rest(tmp_path: Path) -> None:
    whole = grower(Writer(), purse=(free := Purse(PRICE)))
    whole.grow(60)
    cap = (free.spent_usd or 0) / 3
    session = Writer()
    cache = CompletionCache(tmp_path / "cache.sqlite")
    first = grower(session, cache=cache, purse=(small := Purse(PRICE, cap)))
    assert first.grow(60) == "budget"
    dearest = max((free.spent_usd or 0) / free.calls * 8, 1e-6)
    assert (small.spent_usd or 0) <= cap + dearest
    assert 0 < len(first.made) < 60
    second = grower(session, cache=cache, purse=(rest := Purse(PRICE)))
    assert second.grow(60) == "enough"
    assert [made.sample for made in second.made] == [made.sample for made in whole.made]
    assert (rest.spent_usd or 0) + (small.spent_usd or 0) == pytest.approx(free.spent_usd)
    third = grower(session, cache=cache, purse=(nothing := Purse(PRICE)))
    third.grow(60)
    assert nothing.spent_usd == 0
    cache.close()


def test_replies_that_hold_nothing_are_counted_and_end_it() -> None:
    one = grower(Writer(write=lambda *_: "I would rather not."))
    assert one.grow(10) == "dry"
    assert one.counts["unreadable"] == one.counts["asked"] >= DRY_AFTER
    assert one.counts["parsed"] == 0


def test_a_broken_reply_gives_its_whole_rows() -> None:
    one = grower(Writer(write=lambda wish, draw: written(wish, draw)[:-40]))
    assert one.grow(8) == "enough"


def test_another_language_is_dropped() -> None:
    pytest.importorskip("py3langid")
    from advisor.generation.tongues import language_check

    english = "please tell me where the {} is that I have ordered from you some weeks ago"
    data = [
        Sample(id=f"s{n}", input=f"{english.format(thing)} {n}", target=THINGS[thing])
        for n, thing in enumerate(list(THINGS) * 10)
    ]
    check = language_check(data)
    german = "Wo ist denn nur mein Paket geblieben, das ich vor einigen Wochen bestellt habe"
    assert check(Sample(id="g", input=german, target="shipping")) == "language"
    assert check(data[0]) is None
    assert check(Sample(id="k", input="Wo ist es?", target="shipping")) is None
