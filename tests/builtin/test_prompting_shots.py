import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.builtin.prompting.few_shot import FewShotBuilder, FewShotRandomBuilder
from advisor.builtin.prompting.near import ask_alike
from advisor.builtin.prompting.similar import FewShotSimilarBuilder
from advisor.errors import DatasetError, InputError
from advisor.schema.evaluation import Message, Sample
from tests.fixtures.bench import Tools, capitals
from tests.fixtures.embedders import LetterEmbedder

pytest.importorskip("numpy")
BUILDERS = [FewShotBuilder, FewShotRandomBuilder, FewShotSimilarBuilder]
TRAIN = capitals(30, split="train", start=100)
TEST = capitals(6)
LONG = (
    "The pump of the second floor makes a humming noise since Monday morning and the water is cold"
    " in all flats of the house, please send somebody who knows these old pumps and who can bring"
    " the spare parts that he needs along, as the last man had to come three times before it ran"
)


def made(builder, tmp_path, train=TRAIN, options=None, **tools):
    found = builder().configured(options or {})
    found.fit(train, [], [], Tools(tmp_path, **tools))
    return found


def sample(text, ident="x", target="?"):
    return Sample(id=ident, input=text, target=target)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("What is the capital of Peru?", "what is THE capital of  Peru", True),
        ("What is the capital of Peru?", "What is the capital of Chile?", False),
        ("Capital 7?", "Capital 8?", False),
        (LONG, LONG.replace("Monday", "Tuesday"), True),
        (LONG, LONG.replace("second", "2nd"), False),
        (LONG, LONG[:120], False),
        ("", "", True),
        ("?", "!", False),
    ],
)
def test_near_copies_are_told_from_other_questions(one, other, alike):
    assert ask_alike(sample(one), sample(other, "y")) is alike


def test_what_was_said_before_belongs_to_the_question():
    turns = [
        (Message(role="user", content="I have a cat."), Message(role="assistant", content="Ok.")),
        (Message(role="user", content="I have a dog."), Message(role="assistant", content="Ok.")),
    ]
    one, other = (sample("How old does it get?", str(n)).model_copy(update={"history": turn})
                  for n, turn in enumerate(turns))  # fmt: skip
    assert not ask_alike(one, other)


@pytest.mark.parametrize("builder", BUILDERS)
def test_the_number_of_shots_is_an_option(builder, tmp_path):
    assert len(made(builder, tmp_path).build(TEST[0]).shots) == 4
    seven = made(builder, tmp_path, options={"shots": "7"})
    assert len(seven.build(TEST[0]).shots) == 7
    assert seven.settings["shots"] == 7
    assert len(made(builder, tmp_path, TRAIN[:2]).build(TEST[0]).shots) == 2


@pytest.mark.parametrize("builder", BUILDERS)
def test_wrong_options_are_refused(builder, tmp_path):
    with pytest.raises(InputError, match=r"no option 'shot'.*Did you mean 'shots'"):
        builder().configured({"shot": "3"})
    with pytest.raises(InputError, match="whole number from 1"):
        builder().configured({"shots": "0"})
    with pytest.raises(DatasetError, match="at least 1 train sample"):
        made(builder, tmp_path, [])


def test_random_shots_differ_between_samples_and_hang_on_seed_and_id_alone(tmp_path):
    builder = made(FewShotRandomBuilder, tmp_path)
    shown = [builder.build(one).shots for one in TEST]
    assert len(set(shown)) == len(TEST)
    again = made(FewShotRandomBuilder, tmp_path, TRAIN[::-1])
    assert [again.build(one).shots for one in reversed(TEST)] == shown[::-1]
    assert made(FewShotRandomBuilder, tmp_path, seed=1).build(TEST[0]).shots != shown[0]


def test_similar_shots_are_the_nearest_in_the_order_asked_for(tmp_path):
    train = [sample(text, text, text.upper()) for text in ("aaaa", "aaab", "aabb", "bbbb", "zzzz")]
    asked = sample("aaaab")
    last = made(FewShotSimilarBuilder, tmp_path, train, {"shots": "3"})
    assert last.build(asked).shots == ("aabb", "aaaa", "aaab")
    first = made(FewShotSimilarBuilder, tmp_path, train, {"shots": "3", "order": "nearest_first"})
    assert first.build(asked).shots == ("aaab", "aaaa", "aabb")
    assert first.settings != last.settings


def test_diversity_takes_what_is_like_the_question_and_unlike_the_other_shots(tmp_path):
    train = [sample(text, text) for text in ("aaaa", "aaaab", "aaaac", "ab", "zz")]
    plain = made(FewShotSimilarBuilder, tmp_path, train, {"shots": "2"})
    assert set(plain.build(sample("aaaaaab")).shots) == {"aaaab", "aaaa"}
    mixed = made(FewShotSimilarBuilder, tmp_path, train, {"shots": "2", "diversity": "0.7"})
    assert set(mixed.build(sample("aaaaaab")).shots) == {"aaaab", "zz"}


def test_two_copies_of_one_train_sample_are_shown_once(tmp_path):
    train = [sample("red car", "1"), sample("Red car!", "2"), sample("blue boat", "3")]
    shots = made(FewShotSimilarBuilder, tmp_path, train).build(sample("red cart")).shots
    assert shots == ("3", "1")


def test_the_train_part_is_embedded_once_and_questions_together(tmp_path):
    embedder = LetterEmbedder()
    builder = made(FewShotSimilarBuilder, tmp_path, embedder=embedder)
    builder.prepare(TEST)
    prompts = [builder.build(one) for one in TEST]
    assert embedder.calls == [30, 6]
    fresh = made(FewShotSimilarBuilder, tmp_path, TRAIN[::-1])
    assert [fresh.build(one) for one in TEST] == prompts


WORDS = st.lists(
    st.sampled_from(["red", "blue", "pump", "valve", "noise", "water", "order", "name"]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(WORDS, min_size=1, max_size=12),
    which=st.integers(0, 11),
    builder=st.sampled_from(BUILDERS),
)
def test_no_sample_is_shown_its_own_answer(tmp_path_factory, texts, which, builder):
    train = [
        sample(" ".join(words), f"t{n}", f"answer-of-{'-'.join(sorted(words))}")
        for n, words in enumerate(texts)
    ]
    asked = train[which % len(train)]
    copy = asked.model_copy(update={"id": "copy", "input": f"{asked.input.upper()}!"})
    found = made(builder, tmp_path_factory.getbasetemp(), train)
    for one in (asked, copy):
        prompt = found.build(one)
        assert one.id not in prompt.shots
        assert all(turn.content != asked.target for turn in prompt.messages)
        assert set(prompt.shots) <= {shot.id for shot in train}
