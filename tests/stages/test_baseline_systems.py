"""Systems beyond a fixed prompt: those that ask no model, and those that search before."""

from dataclasses import replace

import pytest

from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.contracts import PluginInfo
from advisor.errors import ConsentError, DatasetError, MissingExtraError
from advisor.evaluation.asking import Asker
from advisor.evaluation.purse import Purse
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Completion, Message
from advisor.schema.purse import TokenPrice
from advisor.stages.baseline import baseline
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows

PRICE = TokenPrice(
    prompt_usd_per_million=1000,
    completion_usd_per_million=1000,
    provenance=Provenance(kind="assumed"),
)


class Guesser:
    info = PluginInfo(id="guesser", label="knows some", approach="small_model", cost_rank=-1)

    def __init__(self, share=0.5, error=None):
        self.share, self.error, self.saw = share, error, []
        self.settings = {"share": share}

    def fit(self, train, dev, tools):
        if self.error:
            raise self.error
        self.saw = [*train, *dev]

    def predict(self, samples):
        return [
            Completion(
                text=knows(self.share)(s.input),
                prompt_tokens=0,
                completion_tokens=0,
                latency_ms=1,
                usd=0.0,
            )
            for s in samples
        ]


class Searcher(ZeroShotBuilder):
    """Asks about dev and keeps what worked."""

    info = PluginInfo(id="searcher", label="searches", approach="prompt_optimisation", cost_rank=4)

    def __init__(self, wanted=6):
        super().__init__()
        self.wanted, self.answers, self.granted = wanted, [], None

    def calls_wanted(self, train, dev):
        return self.wanted

    def fit(self, train, dev, corpus, tools):
        super().fit(train, dev, corpus, tools)
        self.granted = tools.model.calls_left
        prompts = [
            self.build(s).model_copy(update={"messages": (Message(role="user", content=s.input),)})
            for s in dev
        ]
        self.answers = tools.model.ask(prompts)


def splits(train=20, dev=10, test=60):
    return [
        *capitals(train, split="train", start=1000),
        *capitals(dev, split="dev", start=2000),
        *capitals(test),
    ]


def measure(tmp_path, builders, session=None, purse=None, **more):
    session = session or FunctionSession(knows(0.3))
    return baseline(
        splits(),
        builders=builders,
        corpus=(),
        bench=bench(session, tmp_path, purse=purse),
        tools=Tools(tmp_path),
        **more,
    )


def test_a_system_without_a_model_is_measured_beside_prompts(tmp_path):
    guesser = Guesser(0.9)
    found = measure(tmp_path, {"zero_shot": ZeroShotBuilder(), "guesser": guesser})
    prompted, guessed = found.evaluations
    assert [s.sample_id for s in guessed.scores] == [s.sample_id for s in prompted.scores]
    assert (guessed.asks_model, guessed.approach, guessed.cost_rank) == (False, "small_model", -1)
    assert (guessed.manifest.backend, guessed.manifest.model) == ("none", "guesser")
    assert guessed.manifest.settings["guesser.share"] == 0.9
    assert prompted.manifest.backend == "function"
    assert found.manifest.backend == "function"
    assert "guesser.share" not in found.manifest.settings
    assert found.best == "guesser"
    assert {s.split for s in guesser.saw} == {"train", "dev"}
    assert found.bill.calls_planned == 60
    assert [(c.a, c.b) for c in found.comparisons] == [("zero_shot", "guesser")]


def test_without_any_prompt_no_model_is_opened(tmp_path):
    session = FunctionSession(knows(1))
    found = measure(tmp_path, {"guesser": Guesser()}, session)
    assert session.batches == []
    assert found.manifest.backend == "none"


@pytest.mark.parametrize(
    "error", [DatasetError("targets are no labels"), MissingExtraError("It", "rag")]
)
def test_a_system_that_lacks_what_it_needs_is_left_out(tmp_path, error):
    found = measure(tmp_path, {"zero_shot": ZeroShotBuilder(), "guesser": Guesser(error=error)})
    assert [e.builder for e in found.evaluations] == ["zero_shot"]
    assert any(w.startswith("guesser was left out: ") for w in found.warnings)


def test_none_left_is_told(tmp_path):
    with pytest.raises(DatasetError, match="guesser was left out: targets are no labels"):
        measure(tmp_path, {"guesser": Guesser(error=DatasetError("targets are no labels."))})


def test_a_search_asks_no_more_than_it_said_and_its_use_is_told(tmp_path):
    searcher = Searcher(wanted=6)
    found = measure(tmp_path, {"zero_shot": ZeroShotBuilder(), "searcher": searcher})
    assert len(searcher.answers) == 6
    searched = found.evaluations[1]
    assert (searched.fitting.calls, searched.approach) == (6, "prompt_optimisation")
    assert found.evaluations[0].fitting is None


def test_a_search_is_in_the_bill_before_it_starts(tmp_path):
    seen = []

    def refuse(bill):
        seen.append(bill)
        raise ConsentError("no")

    session, purse = FunctionSession(knows(1)), Purse(PRICE)
    with pytest.raises(ConsentError):
        measure(tmp_path, {"searcher": Searcher(wanted=6)}, session, purse, agree=refuse)
    assert session.batches == []
    assert seen[0].calls_planned == 6 + 60
    assert seen[0].expected_usd.high > seen[0].expected_usd.likely > 0


def test_nobody_searches_without_leave(tmp_path):
    searcher = Searcher()
    searcher.info = searcher.info.model_copy(update={"approach": "rag"})
    found = measure(tmp_path, {"searcher": searcher}, may_search=lambda _: False)
    assert (searcher.granted, searcher.answers) == (0, [])
    assert found.evaluations[0].fitting is None


def test_the_order_asked_for_is_kept(tmp_path):
    builders = {"searcher": Searcher(), "guesser": Guesser(), "zero_shot": ZeroShotBuilder()}
    found = measure(tmp_path, builders)
    assert [e.builder for e in found.evaluations] == ["searcher", "guesser", "zero_shot"]


def test_a_repeated_search_costs_nothing(tmp_path):
    builders = {"searcher": Searcher()}
    first = measure(tmp_path, builders)
    session = FunctionSession(knows(0.3))
    again = measure(tmp_path, {"searcher": Searcher()}, session)
    assert session.batches == []
    assert again.evaluations[0].scores == first.evaluations[0].scores


def test_a_search_cannot_take_the_money_for_the_others(tmp_path):
    builders = {"searcher": Searcher(wanted=10), "zero_shot": ZeroShotBuilder()}
    dear = Purse(PRICE, cap_usd=0.6)
    found = measure(tmp_path, builders, purse=dear)
    (plain,) = [e for e in found.evaluations if e.builder == "zero_shot"]
    assert (plain.ended, plain.n) == ("all", 60)
    assert len(builders["searcher"].answers) < 10


class Silent(FunctionSession):
    """Answers nothing about the dev part."""

    def completion(self, asked):
        if "Capital 2" in asked and len(asked) > 11:
            return Completion(
                text="",
                prompt_tokens=0,
                completion_tokens=0,
                latency_ms=0,
                finish="error",
                error="too long",
            )
        return super().completion(asked)


def test_a_search_without_answers_leaves_the_others_standing(tmp_path):
    session = Silent(knows(0.3))
    many = splits(dev=40)
    found = baseline(
        many,
        builders={"searcher": Searcher(wanted=40), "zero_shot": ZeroShotBuilder()},
        corpus=(),
        bench=bench(session, tmp_path),
        tools=Tools(tmp_path),
    )
    assert [e.builder for e in found.evaluations] == ["zero_shot"]
    assert any(w.startswith("searcher was left out: 40 of 40 prompts") for w in found.warnings)


def test_an_optimiser_that_may_not_search_is_left_out(tmp_path):
    builders = {"zero_shot": ZeroShotBuilder(), "searcher": Searcher()}
    found = measure(tmp_path, builders, may_search=lambda _: False)
    assert [e.builder for e in found.evaluations] == ["zero_shot"]
    assert any("only where it is named" in w for w in found.warnings)


def test_what_another_model_writes_is_in_the_bill(tmp_path):
    seen = []

    def refuse(bill):
        seen.append(bill)
        raise ConsentError("no")

    dear = PRICE.model_copy(update={"completion_usd_per_million": 100_000.0})
    world = bench(FunctionSession(knows(1)), tmp_path, purse=Purse(PRICE))
    writer = Asker(FunctionSession(knows(1)), world.asker.conditions, purse=Purse(dear))
    for reflector in (None, writer):
        with pytest.raises(ConsentError):
            baseline(
                splits(),
                builders={"searcher": Searcher()},
                corpus=(),
                bench=replace(world, reflector=reflector),
                tools=Tools(tmp_path),
                agree=refuse,
            )
    alone, both = seen
    assert both.calls_planned == alone.calls_planned == 66
    assert both.expected_usd.high - alone.expected_usd.high > 6 * 1024 * 0.1 * 0.9


def test_dev_samples_that_stand_in_test_are_not_searched_on(tmp_path):
    copies = [s.model_copy(update={"id": f"dev-{s.id}", "split": "dev"}) for s in capitals(5)]
    searcher = Searcher()
    found = baseline(
        [*splits(), *copies],
        builders={"searcher": searcher},
        corpus=(),
        bench=bench(FunctionSession(knows(0.3)), tmp_path),
        tools=Tools(tmp_path),
    )
    assert any(w.startswith("5 dev samples also stand in the test split") for w in found.warnings)
    assert len(searcher.answers) == 6
