"""The promises behind the contract `Combiner`, kept by every registered combiner."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_args

import pytest

from advisor import registry
from advisor.contracts import Combiner, Lacking
from advisor.errors import PlanError
from advisor.schema.combine import CombineJob, How
from advisor.schema.evaluation import Message, Prompt
from advisor.tools import Tools
from tests.fixtures.tuned_parts import combine_job, make_adapter, make_whole

NAMES = registry.names("advisor.combiners")
DRAWN = ("dare", "dare_ties", "magnitude_prune")
"""Ways whose numbers are worked out by hand in tests of their own."""
WAYS = [
    pytest.param(name, how, marks=[pytest.mark.slow] if name == "mergekit" or how in DRAWN else [])
    for name in NAMES
    for how in registry.combiner(name).info.options
]


@pytest.fixture(scope="module")
def adapters(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    place = tmp_path_factory.mktemp("adapters")
    return tuple(make_adapter(tiny_llama, place / f"{seed}", seed=seed) for seed in range(2))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    place = tmp_path_factory.mktemp("models")
    return tuple(make_whole(place / f"{seed}", seed=seed) for seed in range(2))


@pytest.fixture
def parts(name: str, request: pytest.FixtureRequest) -> tuple[Path, ...]:
    (kind,) = registry.combiner(name).info.needs
    return request.getfixturevalue(kind)


def state(folders) -> dict[Path, str]:
    return {
        file: hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def combined(name: str, job: CombineJob):
    tools = Tools(seed=0, instruction="", cache_dir=Path(job.output_dir))
    return registry.combiner(name).combine(job, tools)


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name):
    combiner = registry.combiner(name)
    assert isinstance(combiner, Combiner)
    assert combiner.info.id == name
    assert combiner.info.needs in [("adapters",), ("models",)]
    assert set(combiner.info.options) <= set(get_args(How))
    assert combiner.info.options


@pytest.mark.ml
@pytest.mark.parametrize("name", NAMES)
def test_refuses_with_a_sentence_and_writes_nothing(name, parts, tmp_path):
    combiner = registry.combiner(name)
    unknown = next(how for how in get_args(How) if how not in combiner.info.options)
    for job in (
        combine_job(parts, unknown, tmp_path / "out"),
        combine_job(parts, combiner.info.options[0], tmp_path / "out", weights=(1.0,)),
        combine_job(parts, combiner.info.options[0], tmp_path / "out", density=0.5),
    ):
        why = combiner.takes(job)
        assert why.endswith(".")
        with pytest.raises(PlanError, match=why[:20].replace("(", r"\(")):
            combined(name, job)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ml
@pytest.mark.parametrize("name", NAMES)
def test_parts_of_another_kind_are_refused(name, adapters, models, tmp_path):
    combiner = registry.combiner(name)
    others = models if "adapters" in combiner.info.needs else adapters
    job = combine_job((adapters[0], others[1]) if others is models else others, "linear", tmp_path)
    assert combiner.takes(job).endswith(".")


@pytest.mark.ml
@pytest.mark.parametrize(("name", "how"), WAYS)
def test_every_way_gives_a_model_that_opens_and_leaves_the_parts_alone(name, how, parts, tmp_path):
    combiner = registry.combiner(name)
    if isinstance(combiner, Lacking) and combiner.missing():
        pytest.skip(f"{name} needs {combiner.missing()}")
    before = state(parts)
    base = str(parts[0]) if "models" in combiner.info.needs else ""
    job = combine_job(parts, how, tmp_path / "out", weights=(1.0, 0.5), base=base)
    assert combiner.takes(job) == ""
    made = combined(name, job)
    assert state(parts) == before
    assert [place.name for place in tmp_path.iterdir()] == ["out"]
    assert made.combiner == name
    assert made.output_dir == job.output_dir
    prompt = Prompt(sample_id="a", messages=(Message(role="user", content="Hello"),))
    served = made.served_by
    with registry.backend(served.backend).open(served.model, dict(served.settings)) as session:
        (answer,) = session.generate([prompt], max_new_tokens=2)
    assert not answer.error
    assert answer.completion_tokens > 0
