"""Our figures against those of the libraries they stand for, on the same texts."""

import re
import string
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import registry
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Completion, Prompt, Sample

WORDS = st.lists(
    st.sampled_from(
        [
            "the",
            "cat",
            "sat",
            "on",
            "a",
            "mat",
            ".",
            "dog,",
            "ran",
            ";",
            "Fast",
            "(very)",
            "it's",
            "3.5",
            "%",
        ]
    ),
    max_size=12,
).map(" ".join)
PAIRS = st.lists(st.tuples(WORDS, WORDS.filter(bool)), min_size=1, max_size=6)
LABELS = ("refund", "card lost", "card")
few = settings(max_examples=40, deadline=None)


def scored(metric, answer, reference, **more):
    return metric.score(
        Prompt(sample_id="s", messages=(), **more),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="s", input="", target=reference),
    )


def whole(metric, pairs):
    totals = Counter()
    for answer, reference in pairs:
        totals.update(scored(metric, answer, reference).totals)
    return metric.value_of(totals)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lowercase": "yes", "tokenize": "intl"},
        {"smooth": "floor", "effective_order": "yes"},
        {"smooth": "add-k"},
        {"smooth": "none", "tokenize": "char"},
    ],
)
@few
@given(pairs=PAIRS)
def test_bleu_is_sacrebleus_corpus_score(options, pairs):
    from sacrebleu.metrics import BLEU

    ours = registry.configured_metric("bleu", options)
    names = {"smooth": "smooth_method"}
    theirs = BLEU(
        **{names.get(k, k): {"yes": True, "no": False}.get(v, v) for k, v in options.items()}
    )
    expected = theirs.corpus_score([a for a, _ in pairs], [[r for _, r in pairs]]).score
    assert whole(ours, pairs) == pytest.approx(expected / 100, abs=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"word_order": "2"}, {"char_order": "4", "beta": "3", "whitespace": "yes"}]
)
@few
@given(pairs=PAIRS)
def test_chrf_is_sacrebleus_corpus_score(options, pairs):
    from sacrebleu.metrics import CHRF

    ours = registry.configured_metric("chrf", options)
    theirs = CHRF(**{k: True if v == "yes" else int(v) for k, v in options.items()})
    expected = theirs.corpus_score([a for a, _ in pairs], [[r for _, r in pairs]]).score
    assert whole(ours, pairs) == pytest.approx(expected / 100, abs=1e-9)


def test_signatures_say_what_sacrebleu_says():
    from sacrebleu.metrics import BLEU, CHRF

    bleu = BLEU()
    bleu.corpus_score(["a"], [["a"]])
    words = set(str(bleu.get_signature()).replace("version:", "sacrebleu:").split("|"))
    assert words <= set(registry.metric("bleu").signature.split("|"))
    chrf = CHRF(word_order=2)
    chrf.corpus_score(["a"], [["a"]])
    words = set(str(chrf.get_signature()).replace("version:", "sacrebleu:").split("|"))
    ours = registry.configured_metric("chrf", {"word_order": "2"})
    assert words <= set(ours.signature.split("|"))


@pytest.mark.parametrize("average", ["macro", "micro"])
@few
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([*LABELS, "nonsense"]), st.sampled_from(LABELS)),
        min_size=1,
        max_size=20,
    )
)
def test_f1_is_scikit_learns_over_the_labels_of_the_targets(average, rows):
    from sklearn.metrics import f1_score

    ours = registry.configured_metric(f"{average}_f1", {"labels": ",".join(LABELS)})
    given_labels, wanted = zip(*rows, strict=True)
    over = sorted(set(wanted)) if average == "macro" else list(LABELS)
    expected = f1_score(wanted, given_labels, labels=over, average=average, zero_division=0)
    assert whole(ours, rows) == pytest.approx(expected)


def test_micro_f1_is_accuracy_where_every_answer_gives_a_label():
    rows = [("card", "card"), ("refund", "card"), ("refund", "refund")]
    assert whole(registry.metric("micro_f1"), rows) == pytest.approx(2 / 3)


def test_a_rare_label_weighs_as_much_as_a_common_one():
    rows = [("card", "card")] * 98 + [("card", "refund")] * 2
    assert whole(registry.metric("micro_f1"), rows) == pytest.approx(0.98)
    assert whole(registry.metric("macro_f1"), rows) == pytest.approx((196 / 198 + 0) / 2)


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
@pytest.mark.parametrize("stemmer", ["yes", "no"])
@few
@given(answer=WORDS, reference=WORDS.filter(bool))
def test_rouge_is_rouge_scores_f_measure(name, stemmer, answer, reference):
    from rouge_score.rouge_scorer import RougeScorer

    ours = registry.configured_metric(name, {"stemmer": stemmer})
    theirs = RougeScorer([name], use_stemmer=stemmer == "yes")
    expected = theirs.score(reference, answer)[name].fmeasure
    if answer.removesuffix(".").split() == reference.removesuffix(".").split():
        expected = 1  # also where the texts are too short to have a pair of words
    assert scored(ours, answer, reference).value == pytest.approx(expected)


def test_rouge_sees_words_of_other_scripts():
    metric = registry.metric("rouge1")
    assert scored(metric, "кошка сидит здесь", "кошка сидит там").value == pytest.approx(2 / 3)
    assert scored(metric, "猫在这里", "猫在那里").value == pytest.approx(3 / 4)


def squad(text):
    """SQuAD's evaluation script, version 1.1, in its own words."""
    text = "".join(ch for ch in text.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


@few
@given(
    a=st.text(st.sampled_from("aAtThHeEnN .,!?'$-_"), max_size=12),
    b=st.text(st.sampled_from("aAtThHeEnN .,!?'$-_"), max_size=12),
)
def test_normalised_match_is_squads_on_texts_without_numbers(a, b):
    if not squad(b):
        return
    metric = registry.metric("normalised_match")
    assert scored(metric, a, b).value == float(squad(a) == squad(b))


def test_symmetric_metrics_are_symmetric():
    pairs = [("the cat sat", "a cat sat down"), ('{"a": 1}', '{"a": 1, "b": 2}'), ("", "x")]
    for name in ("exact_match", "normalised_match", "token_f1", "rouge1", "rougeL", "json_fields"):
        metric = registry.metric(name)
        for a, b in pairs:
            assert scored(metric, a, b).value == pytest.approx(scored(metric, b, a).value), name


@pytest.mark.ml
def test_meaning_lies_nearer_for_a_paraphrase_than_for_another_topic():
    metric = registry.metric("semantic_similarity")
    metric.prepare(["The invoice is due in 30 days.", "You have 30 days to pay the bill."])
    near = scored(metric, "You have 30 days to pay the bill.", "The invoice is due in 30 days.")
    far = scored(metric, "Penguins cannot fly.", "The invoice is due in 30 days.")
    assert near.value > 0.6
    assert far.value < 0.2
    cut = scored(metric, "word " * 2000, "Penguins cannot fly.")
    assert cut.note == "only the beginning of a long text was compared"


@pytest.mark.parametrize(
    ("name", "options", "module", "extra"),
    [
        ("bleu", {}, "sacrebleu", "metrics"),
        ("chrf", {}, "sacrebleu", "metrics"),
        ("rougeL", {}, "rouge_score.rouge_scorer", "metrics"),
        ("json_valid", {"schema": "{}"}, "jsonschema", "metrics"),
        ("semantic_similarity", {}, "sentence_transformers", "rag"),
    ],
)
def test_a_missing_library_is_told_with_its_extra(monkeypatch, name, options, module, extra):
    from advisor.builtin.metrics import embedding

    monkeypatch.setattr(embedding, "_model", embedding._model.__wrapped__)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        scored(registry.configured_metric(name, options), "a b c", "d e f")
    assert caught.value.extra == extra
