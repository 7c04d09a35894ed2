import json
import random
from itertools import islice, permutations

import pytest

from advisor.schema.evaluation import Document, Sample
from rag_baseline.prompting.builder import RagBuilder, RagFewShotBuilder
from rag_baseline.prompting.comparing import MAY_BE_CHANCE, best, chance, is_better
from rag_baseline.prompting.library import Library
from rag_baseline.prompting.rag_options import RagOptions, read_rag_options
from rag_baseline.prompting.sweep import (
    CONFIGURATIONS,
    FEWEST,
    MOST_ASKED,
    calls_wanted,
    sweep,
)
from tests.fixtures.answering import FunctionModel
from tests.fixtures.bench import Tools

pytestmark = pytest.mark.ml
COLOURS = [f"colour{n}x" for n in range(30)]
CORPUS = [
    Document(name=f"{n}.md", text=f"Machine number {n}77 is painted in {colour} all over.")
    for n, colour in enumerate(COLOURS)
]
DEV = [
    Sample(id=f"d{n}", input=f"What is machine {n}77 painted in?", target=colour)
    for n, colour in enumerate(COLOURS)
]


def first_passage(turn):
    """A reader that is distracted: answers from the first passage, and from none beyond two."""
    context, _, _ = turn.partition("\n\nQuestion:")
    passages = context.removeprefix("Context:\n").split("\n\n")
    if len(passages) > 2:
        return "?"
    return passages[0].partition("painted in ")[2].partition(" ")[0]


def fitted(tmp_path, model=None, dev=DEV, corpus=CORPUS, **options):
    builder = RagBuilder().configured(options)
    builder.fit([], dev, corpus, Tools(tmp_path, model=model))
    return builder


def test_search_is_chosen_by_retrieval_alone_and_asks_nobody(tmp_path):
    model = FunctionModel(first_passage, calls=0)
    names = ["".join(name) for name in islice(permutations("abcdef"), len(COLOURS))]
    corpus = [
        Document(name=f"{name}.md", text=f"Machine {name} is painted in {colour} all over.")
        for name, colour in zip(names, COLOURS, strict=True)
    ]
    dev = [
        one.model_copy(update={"input": f"What is machine {name} painted in?"})
        for name, one in zip(names, DEV, strict=True)
    ]
    builder = RagBuilder(RagOptions(search="dense"))  # letters cannot tell the names apart
    builder.fit([], dev, corpus, Tools(tmp_path, model=model))
    assert builder.settings["search"] in {"hybrid", "bm25"}
    assert builder.settings["sweep_asked"] == 0
    assert "reciprocal rank on 30 dev samples" in builder.story[0]
    assert f"taken: {builder.settings['search']}" in builder.story[0]
    assert not model.asked


def test_passages_shown_are_chosen_by_the_metric_within_the_calls(tmp_path):
    model = FunctionModel(first_passage)
    builder = fitted(tmp_path, model)
    assert builder.shown == 1
    assert "taken: 1" in builder.story[-1]
    wanted = builder.calls_wanted([], DEV)
    assert len(model.asked) == builder.settings["sweep_asked"] <= wanted
    assert wanted == CONFIGURATIONS * len(DEV)


def test_a_reader_that_all_suits_keeps_what_was_there(tmp_path):
    model = FunctionModel(lambda _: "?")
    assert fitted(tmp_path, model).shown == 3
    assert model.asked


def test_fewer_calls_are_kept_to(tmp_path):
    model = FunctionModel(first_passage, calls=2 * FEWEST + 5)
    builder = fitted(tmp_path, model)
    assert len(model.asked) <= 2 * FEWEST + 5
    assert builder.settings["sweep_asked"] == len(model.asked)
    few = FunctionModel(first_passage, calls=2 * FEWEST - 1)
    assert fitted(tmp_path / "few", few).settings["sweep_asked"] == 0
    assert not few.asked


def test_what_the_user_set_is_left(tmp_path):
    model = FunctionModel(first_passage)
    builder = fitted(tmp_path, model, search="dense", passages="2", tokens="120")
    assert (builder.settings["search"], builder.shown) == ("dense", 2)
    assert builder.settings["tokens"] == 120
    assert not model.asked
    off = fitted(tmp_path, model, sweep="off")
    assert (off.settings["search"], off.story) == ("hybrid", ())


def test_calls_are_told_beforehand():
    auto = RagOptions()
    assert calls_wanted(auto, DEV[: FEWEST - 1]) == 0
    assert calls_wanted(auto, DEV * 4) == CONFIGURATIONS * MOST_ASKED
    for options, expected in (
        ({"sweep": "off"}, 0),
        ({"passages": "3"}, 0),
        ({"sweep_calls": "77"}, 77),
        ({"sweep_calls": "0"}, 0),
    ):
        assert calls_wanted(read_rag_options("rag", options, shots=False), DEV) == expected


def test_the_builder_with_shots_asks_only_when_told_to():
    few = RagFewShotBuilder()
    assert few.calls_wanted([], DEV) == 0
    assert few.configured({"sweep": "full"}).calls_wanted([], DEV) == CONFIGURATIONS * len(DEV)
    assert few.configured({"sweep_calls": "50"}).calls_wanted([], DEV) == 50


def test_a_later_fit_that_may_ask_nobody_chooses_the_same(tmp_path):
    chosen = fitted(tmp_path, FunctionModel(first_passage)).settings
    (kept,) = tmp_path.glob("sweep-*.json")
    assert "painted" not in kept.read_text()

    def mute(metric="exact"):
        return FunctionModel(first_passage, calls=0, metric_signature=metric)

    assert fitted(tmp_path, mute()).settings == chosen
    assert fitted(tmp_path, mute("other metric")).settings["sweep_asked"] == 0
    assert fitted(tmp_path, None).settings["sweep_asked"] == 0  # nobody knows its metric
    assert fitted(tmp_path, mute(), corpus=CORPUS[:29]).settings["sweep_asked"] == 0
    kept.write_text(json.dumps({"search": "nonsense"}))
    assert fitted(tmp_path, mute()).settings["sweep_asked"] == 0


def test_a_builder_does_not_take_what_another_builder_or_other_shots_chose(tmp_path):
    def settings(kind, model, train=DEV[:3]):
        builder = kind().configured({"sweep": "full", "search": "bm25"})
        builder.fit(train, DEV, CORPUS, Tools(tmp_path, model=model))
        return builder.settings

    assert settings(RagFewShotBuilder, FunctionModel(first_passage))["sweep_asked"]
    mute = FunctionModel(first_passage, calls=0)
    assert settings(RagFewShotBuilder, mute)["sweep_asked"]
    assert not settings(RagBuilder, mute)["sweep_asked"]
    assert not settings(RagFewShotBuilder, mute, DEV[:4])["sweep_asked"]


def test_samples_that_are_asked_are_drawn_by_the_seed(tmp_path):
    many = [one.model_copy(update={"id": f"{n}-{one.id}"}) for n in range(4) for one in DEV]

    def asked(seed, dev):
        model = FunctionModel(lambda _: "?")
        builder = RagBuilder().configured({"search": "bm25"})
        builder.fit([], dev, CORPUS, Tools(tmp_path, model=model, seed=seed))
        return {prompt.sample_id for prompt in model.asked}

    first = asked(0, many)
    assert len(first) == MOST_ASKED
    assert first != {sample.id for sample in many[:MOST_ASKED]}
    assert first != asked(1, many)
    assert first == asked(0, many[::-1])


def test_long_texts_are_cut_in_other_sizes_and_judged_by_equally_many_tokens(tmp_path):
    filler = " ".join(f"Word {n} fills the page." for n in range(60))
    texts = [f"{filler} {one.text} {filler}" for one in CORPUS[:20]]
    corpus = [Document(name=f"{n}.txt", text=text) for n, text in enumerate(texts)]
    library = Library(corpus, Tools(tmp_path))
    options = read_rag_options("rag", {"search": "bm25"}, shots=False)
    found = sweep(library, options, DEV[:20], Tools(tmp_path), lambda *_: [])
    assert "tokens" in found.story[0]
    chosen = found.options
    assert chosen.passages == max(1, round(450 / chosen.tokens)) or chosen.tokens == 150


def test_only_what_chance_does_not_explain_is_better():
    assert is_better([1.0] * 20, [0.0] * 20)
    assert not is_better([1.0] * 20, [1.0] * 20)
    assert not is_better([1, 0, 1, 0, 1], [0, 1, 0, 1, 0])
    assert is_better([1.0] * 8 + [0.0] * 2, [0.0] * 6 + [1.0] * 2 + [0.0] * 2)
    assert not is_better([1.0], [0.0])
    assert chance([1, 1, 1, 0, 1], [0, 0, 0, 0, 1]) == 1 / 8
    assert is_better([1.0] * 4, [0.0] * 4)
    assert not is_better([1.0] * 4, [0.0] * 4, 6)  # one of six tried
    assert not is_better([0.4] * 5 + [0.0], [0.3] * 5 + [1.0])  # more often, lower on average


@pytest.mark.parametrize("answered", [40, 20])
@pytest.mark.parametrize("right", [0.5, 0.8])
def test_where_nothing_differs_one_sweep_in_ten_changes_something_at_most(right, answered):
    drawn = random.Random(7)

    def ranks():
        return [1 / drawn.choice((1, 1, 1, 2, 3, 5)) * (drawn.random() < right) for _ in range(60)]

    def answers(count):
        return [float(drawn.random() < right) for _ in range(count)]

    sweeps, changed = 500, 0
    for _ in range(sweeps):
        steps = (
            {way: ranks() for way in range(3)},
            {size: answers(60) for size in range(3)},
            {count: answers(answered) for count in range(3)},
        )
        changed += any(best(values, 0, tried=6) != 0 for values in steps)
    assert changed <= MAY_BE_CHANCE * sweeps


def test_a_clear_difference_is_found_among_all_that_is_tried():
    begun, other = [0.0] * 20 + [1.0] * 20, [1.0] * 30 + [0.0] * 1 + [1.0] * 9
    assert best({3: begun, 1: other, 5: begun}, 3, tried=6) == 1


def test_headings_count_among_equally_many_tokens(tmp_path):
    filler = " ".join(f"Word {n} fills the page." for n in range(60))
    title = "A very long title of a part that takes many tokens each time it is shown " * 2
    corpus = [
        Document(name=f"{n}.md", text=f"# {title}\n{filler} {one.text} {filler}")
        for n, one in enumerate(CORPUS[:20])
    ]
    options = read_rag_options("rag", {"search": "bm25", "sweep": "full"}, shots=False)
    tools = Tools(tmp_path)
    found = sweep(Library(corpus, tools), options, DEV[:20], tools, lambda *_: [])
    budget = int(found.story[0].partition("the first ")[2].partition(" tokens")[0])
    assert budget > options.passages * options.tokens + 100
