import pytest

from advisor import registry
from advisor.contracts import PluginInfo, PromptBuilder
from tests.fixtures.bench import DOCUMENTS, Tools, capitals

NAMES = registry.names("advisor.prompting")
SECRET = "TARGET-NOBODY-MAY-SEE"
TRAIN = capitals(12, split="train", start=100)
DEV = [s.model_copy(update={"target": f"DEV {s.id}"}) for s in capitals(5, split="dev", start=50)]
TEST = [s.model_copy(update={"target": SECRET}) for s in capitals(4)]


def params():
    """Builders with an extra run where it is installed."""
    return [
        pytest.param(n, marks=pytest.mark.ml if registry.prompt_builder(n).info.extra else ())
        for n in NAMES
    ]


every_builder = pytest.mark.parametrize("name", params())


def fitted(name, tmp_path, seed=0):
    builder = registry.prompt_builder(name)
    builder.fit(TRAIN, DEV, DOCUMENTS, Tools(tmp_path, seed=seed))
    return builder


def test_ours_are_registered():
    assert {"few_shot", "rag", "zero_shot"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_who_it_is(name):
    builder = registry.prompt_builder(name)
    assert isinstance(builder, PromptBuilder)
    assert isinstance(builder.info, PluginInfo)
    assert builder.info.id == name
    assert builder.info.cost_rank >= 0


def test_cheaper_builders_have_lower_ranks():
    ranks = [registry.prompt_builder(n).info.cost_rank for n in ("zero_shot", "few_shot", "rag")]
    assert ranks == sorted(set(ranks))


@every_builder
def test_prompts_name_their_sample_and_end_with_its_input(name, tmp_path):
    builder = fitted(name, tmp_path)
    for sample in TEST:
        prompt = builder.build(sample)
        assert prompt.sample_id == sample.id
        assert prompt.messages[0].content == "Answer the question."
        assert prompt.messages[-1].role == "user"
        assert prompt.messages[-1].content.endswith(sample.input)


@every_builder
def test_neither_target_nor_dev_answers_are_shown(name, tmp_path):
    text = fitted(name, tmp_path).build(TEST[0]).model_dump_json()
    assert SECRET not in text
    assert "DEV " not in text


@every_builder
def test_the_prompt_does_not_depend_on_the_target(name, tmp_path):
    builder = fitted(name, tmp_path)
    other = TEST[0].model_copy(update={"target": "something else"})
    assert builder.build(TEST[0]) == builder.build(other)


@every_builder
def test_the_same_seed_gives_the_same_prompts_and_settings(name, tmp_path):
    one, other = fitted(name, tmp_path / "a"), fitted(name, tmp_path / "b")
    assert [one.build(s) for s in TEST] == [other.build(s) for s in TEST]
    assert one.settings == other.settings


@every_builder
def test_shots_come_from_the_train_split_and_passages_from_the_documents(name, tmp_path):
    prompt = fitted(name, tmp_path).build(TEST[0])
    assert set(prompt.shots) <= {sample.id for sample in TRAIN}
    assert all(passage.startswith("pump.md") for passage in prompt.passages)


@every_builder
def test_the_samples_are_left_as_they_were(name, tmp_path):
    before = [sample.model_dump() for sample in TRAIN]
    fitted(name, tmp_path).build(TEST[0])
    assert [sample.model_dump() for sample in TRAIN] == before
