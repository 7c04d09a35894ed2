from advisor.render.search_grids import MOST_SHOWN, stories, tried_grid
from advisor.schema.evaluation import TriedPrompt, Usage
from tests.fixtures import values as v


def searched(**changes):
    return v.baselines().evaluations[0].model_copy(update=changes)


def test_nothing_is_told_of_systems_that_chose_nothing():
    assert stories(v.baselines().evaluations) == ()
    assert tried_grid(v.baselines().evaluations).rows == ()


def test_a_story_names_its_system_and_what_it_asked():
    usage = Usage(prompt_tokens=9, completion_tokens=9, usd=0.0, calls=1200)
    found = stories(
        [searched(builder="prompt_optimisation", story=("It was kept.",), fitting=usage)]
    )
    assert found[0].endswith(": It was kept.")
    assert found[1].endswith("asked 1,200 prompts before the first test sample.")


def test_the_prompts_seen_most_and_scored_best_come_first_and_the_rest_is_cut():
    many = [
        TriedPrompt(origin=f"o{n}", instruction="Do.", samples=20 + n % 2, score=n / 100)
        for n in range(30)
    ]
    none = TriedPrompt(origin="unseen", instruction="", shots=4, similar=True)
    rows = tried_grid([searched(tried=(none, *many))]).rows
    assert len(rows) == MOST_SHOWN
    assert [row[1] for row in rows][:2] == ["o29", "o27"]
    (alone,) = tried_grid([searched(tried=(none,))]).rows
    assert alone[3:] == ("4 similar", "0", "unknown")
