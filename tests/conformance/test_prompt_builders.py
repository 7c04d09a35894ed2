import pytest

from advisor import registry
from advisor.approaches import NAMES as APPROACHES
from advisor.contracts import Configurable, PluginInfo, PromptBuilder, Searching
from advisor.errors import InputError
from tests.fixtures.bench import DOCUMENTS, Tools, capitals
from tests.fixtures.scripted_model import ScriptedModel

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


def writes(prompt):
    return "<instruction>Answer the question in a single word.</instruction>"


def fitted(name, tmp_path, seed=0, train=TRAIN, model=None):
    builder = registry.prompt_builder(name)
    model = model or ScriptedModel(write=writes)
    builder.fit(train, DEV, DOCUMENTS, Tools(tmp_path, seed=seed, model=model))
    return builder


def test_ours_are_registered():
    ours = {"few_shot", "few_shot_random", "few_shot_similar", "gepa", "long_context"}
    assert ours | {"prompt_optimisation", "rag", "zero_shot"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_who_it_is(name):
    builder = registry.prompt_builder(name)
    assert isinstance(builder, PromptBuilder)
    assert isinstance(builder.info, PluginInfo)
    assert builder.info.id == name
    assert builder.info.cost_rank >= 0
    assert builder.info.approach in APPROACHES


def test_cheaper_builders_have_lower_ranks():
    ranks = [registry.prompt_builder(n).info.cost_rank for n in ("zero_shot", "few_shot", "rag")]
    assert ranks == sorted(set(ranks))


@every_builder
def test_prompts_name_their_sample_and_end_with_its_input(name, tmp_path):
    builder = fitted(name, tmp_path)
    for sample in TEST:
        prompt = builder.build(sample)
        assert prompt.sample_id == sample.id
        assert prompt.messages[0].content.startswith("Answer the question.")
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


@every_builder
def test_a_near_copy_is_not_shown_with_its_answer(name, tmp_path):
    copies = [
        s.model_copy(update={"id": f"c{s.id}", "input": s.input.upper(), "split": "train"})
        for s in TEST
    ]
    builder = fitted(name, tmp_path, train=[*TRAIN[:4], *copies])
    for sample in TEST:
        assert f"c{sample.id}" not in builder.build(sample).shots


@every_builder
def test_it_asks_no_more_than_it_said_and_takes_the_same_way_again(name, tmp_path):
    models = [ScriptedModel(write=writes) for _ in range(2)]
    builders = [fitted(name, tmp_path, model=model) for model in models]
    wanted = 0
    if isinstance(builders[0], Searching):
        wanted = builders[0].calls_wanted(TRAIN, DEV)
        assert wanted >= 0
    assert all(model.used <= wanted for model in models)
    assert models[0].asked == models[1].asked
    assert models[0].reflected == models[1].reflected


@every_builder
def test_answers_that_stay_away_and_targets_of_dev_leave_no_trace_in_it(name, tmp_path):
    builder = fitted(name, tmp_path, model=ScriptedModel(write=writes, calls=3))
    prompt = builder.build(TEST[0])
    assert prompt.messages[-1].content.endswith(TEST[0].input)
    assert "DEV " not in prompt.model_dump_json()


@pytest.mark.parametrize("name", NAMES)
def test_an_option_it_does_not_know_is_refused_with_those_it_does(name):
    builder = registry.prompt_builder(name)
    if not isinstance(builder, Configurable):
        pytest.skip("it takes no options")
    with pytest.raises(InputError, match="no_such_option") as error:
        builder.configured({"no_such_option": "1"})
    assert error.value.hint
    assert type(builder.configured({})) is type(builder)
