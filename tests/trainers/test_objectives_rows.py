"""What counts in the loss of each objective, token by token; no model is opened."""

from __future__ import annotations

import pytest

from advisor.errors import DatasetError, PlanError
from advisor.schema.evaluation import Message, Sample
from tests.fixtures.training import INSTRUCTION, RecordingTools, training_job, training_samples

pytestmark = pytest.mark.ml

TALK = Sample(
    id="talk",
    input="And now?",
    target="Nine.",
    history=(
        Message(role="user", content="Hello."),
        Message(role="assistant", content="Hi!", weight=1),
        Message(role="user", content="Guess."),
        Message(role="assistant", content="Seven?", weight=0),
        Message(role="user", content="No."),
        Message(role="assistant", content="Eight?"),
    ),
)
PAIRS = tuple(
    Sample(id=f"p{i}", input=f"Say {i}", target="yes yes", rejected="no", line=i + 1)
    for i in range(12)
)


@pytest.fixture(scope="module")
def tokenizer(tiny_llama):
    from trainers.engines.trl._model import open_tokenizer

    return open_tokenizer(training_job(tiny_llama, tiny_llama).plan)


def course(objective, samples, folder, tokenizer, general=(), **wishes):
    from trainers.engines.trl.objectives import course_of

    job = training_job(folder, folder, objective=objective, train_samples=tuple(samples), **wishes)
    job = job.model_copy(update={"general_samples": tuple(general)})
    return course_of(job, tokenizer, RecordingTools())


def stretches(row, tokenizer):
    """Texts of the unbroken stretches that count in the loss."""
    found: list[list[int]] = []
    before = -100
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        assert label in (-100, token)
        if label != -100 and before == -100:
            found.append([])
        if label != -100:
            found[-1].append(token)
        before = label
    return [tokenizer.decode(ids) for ids in found]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["Hi!<|end|>", "Nine.<|end|>"]),
        ({"all_turns": True}, ["Hi!<|end|>", "Eight?<|end|>", "Nine.<|end|>"]),
    ],
)
def test_answers_count_and_earlier_ones_by_their_weight(tiny_llama, tokenizer, options, expected):
    made = course("sft", [TALK], tiny_llama, tokenizer, method_options=options, sequence_length=256)
    (row,) = made.dataset
    assert stretches(row, tokenizer) == expected
    assert made.trained_tokens == sum(label != -100 for label in row["labels"])
    assert made.lengths == (len(row["input_ids"]),)


def test_a_row_is_the_prompt_as_asked_and_the_answer(tiny_llama, tokenizer):
    from trainers.engines.trl._rows import prompt_text

    (row,) = course("sft", [TALK], tiny_llama, tokenizer, sequence_length=256).dataset
    asked = prompt_text(TALK, INSTRUCTION, tokenizer)
    assert tokenizer.decode(row["input_ids"]) == f"{asked}Nine.<|end|>"


def test_a_text_is_learnt_whole_whatever_its_length(tiny_llama, tokenizer):
    texts = ["a" * 5, "bcdefghij" * 40, "k" * 127, "l"]
    samples = [Sample(id=str(i), input="", target=text) for i, text in enumerate(texts)]
    made = course("cpt", samples, tiny_llama, tokenizer, sequence_length=64)
    assert made.left_out == 0
    assert max(made.lengths) <= 64
    assert min(made.lengths) >= 2
    predicted = [token for row in made.dataset for token in row["labels"][1:]]
    ends = tokenizer.eos_token_id
    whole = [tokenizer(text)["input_ids"] + [ends] for text in texts]
    assert predicted == [token for ids in whole for token in ids[1:]]
    assert made.trained_tokens == len(predicted)


@pytest.mark.parametrize("objective", ["dpo", "orpo", "reward", "kto"])
def test_both_answers_follow_one_prompt(tiny_llama, tokenizer, objective):
    from trainers.engines.trl._rows import prompt_text

    made = course(objective, PAIRS, tiny_llama, tokenizer)
    asked = {prompt_text(one, INSTRUCTION, tokenizer) for one in PAIRS}
    written = set()
    for row in made.dataset:
        prompt = row.get("prompt_ids", [])
        sides = {
            "dpo": ("chosen_ids", "rejected_ids"),
            "orpo": ("chosen_input_ids", "rejected_input_ids"),
            "reward": ("chosen_ids", "rejected_ids"),
            "kto": ("completion_ids",),
        }[objective]
        written |= {tokenizer.decode([*prompt, *row[side]]) for side in sides}
    answers = ("yes yes", "no")
    assert written == {f"{prompt}{answer}<|end|>" for prompt in asked for answer in answers}
    assert len(made.lengths) == len(made.dataset)
    assert made.trained_tokens > 0


def test_orpo_counts_the_answers_only(tiny_llama, tokenizer):
    for row in course("orpo", PAIRS, tiny_llama, tokenizer).dataset:
        size = len(row["prompt_input_ids"])
        for side in ("chosen", "rejected"):
            labels, ids = row[f"{side}_labels"], row[f"{side}_input_ids"]
            assert labels[:size] == [-100] * size
            assert labels[size:] == ids[size:]


def test_kto_takes_marks_and_weighs_the_rarer_kind(tiny_llama, tokenizer):
    samples = [
        Sample(id=str(i), input=f"Say {i}", target="yes", is_good=i % 4 == 0) for i in range(12)
    ]
    made = course("kto", samples, tiny_llama, tokenizer)
    assert sum(made.dataset["label"]) == 3
    assert made.arguments["desirable_weight"] == 3
    assert made.arguments["undesirable_weight"] == 1
    with pytest.raises(DatasetError, match="All 3 answers are marked as good"):
        course("kto", samples[::4], tiny_llama, tokenizer)


def test_prompts_are_drawn_for_as_they_are_asked(tiny_llama, tokenizer, tmp_path):
    from trainers.engines.trl._rows import prompt_text

    reward = tmp_path / "worth.py"
    reward.write_text("def size(prompt, completion, target):\n    return len(completion)\n")
    options = {"reward": f"{reward}:size", "num_generations": 6}
    made = course("grpo", PAIRS, tiny_llama, tokenizer, method_options=options)
    assert made.dataset["prompt"][3] == prompt_text(PAIRS[3], INSTRUCTION, tokenizer)
    assert made.arguments["generation_batch_size"] == 12, "whole groups of 6, whole steps of 4"
    assert any("serve 3 steps" in note for note in made.notes)
    (function,) = made.keywords["reward_funcs"]
    assert function(completions=["ab", "abc"], sample=[0, 1], prompts=[]) == [2.0, 3.0]


@pytest.mark.parametrize(
    ("objective", "samples", "told"),
    [
        ("dpo", [TALK], "has one answer"),
        (
            "dpo",
            [PAIRS[0].model_copy(update={"rejected": "yes yes"})],
            "In 1 of 1 samples the chosen",
        ),
        ("kto", [TALK], "not marked as good or bad"),
        ("sft", [Sample(id="t", input="", target="text")], "asks nothing"),
        ("sft", [PAIRS[0].model_copy(update={"is_good": False})], "marked as bad"),
        ("cpt", [Sample(id="t", input="", target=" ")], "hold no text"),
        ("grpo", [Sample(id="t", input="", target="text")], "asks nothing"),
        ("reward", [PAIRS[0].model_copy(update={"target": "y" * 300})], "1 of 1 training samples"),
    ],
)
def test_data_that_does_not_fit_is_refused(
    tiny_llama, tokenizer, tmp_path, objective, samples, told
):
    reward = tmp_path / "worth.py"
    reward.write_text("def size(prompt, completion, target):\n    return len(completion)\n")
    options = {"reward": f"{reward}:size"} if objective == "grpo" else {}
    with pytest.raises(DatasetError, match=told):
        course(objective, samples, tiny_llama, tokenizer, method_options=options)


@pytest.mark.parametrize(
    ("reward", "told"),
    [
        ("metric", "no metric that costs no money"),
        ("nowhere.py:size", "There is no file"),
        ("worth.py:area", "has no function 'area'"),
        ("broken.py:size", "cannot be run: ZeroDivisionError"),
        ("nowhere", "There is no folder"),
        ("base", "holds no reward model"),
    ],
)
def test_a_reward_that_is_none_is_told(tiny_llama, tokenizer, tmp_path, reward, told):
    (tmp_path / "worth.py").write_text("def size(prompt, completion, target):\n    return 1\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    named = {"metric": "metric", "base": tiny_llama}.get(reward, str(tmp_path / reward))
    with pytest.raises(PlanError, match=told):
        course("grpo", PAIRS, tiny_llama, tokenizer, method_options={"reward": named})


def test_a_few_pairs_that_prefer_nothing_are_left_out(tiny_llama, tokenizer):
    alike = PAIRS[0].model_copy(update={"rejected": PAIRS[0].target})
    for objective in ("dpo", "orpo", "reward"):
        made = course(objective, [*PAIRS, alike], tiny_llama, tokenizer)
        assert (len(made.dataset), made.left_out) == (len(PAIRS), 1)
        assert any("1 samples with two answers that are the same" in note for note in made.notes)


def test_too_few_prompts_for_a_draw_are_told(tiny_llama, tokenizer, tmp_path):
    (tmp_path / "worth.py").write_text("def size(prompt, completion, target):\n    return 1\n")
    options = {"reward": f"{tmp_path / 'worth.py'}:size", "num_generations": 2}
    wishes = {"micro_batch_size": 16, "gradient_accumulation_steps": 4}
    with pytest.raises(PlanError, match="32 prompts are drawn at once, and there are 12"):
        course("grpo", PAIRS, tiny_llama, tokenizer, method_options=options, **wishes)


def test_general_data_is_the_share_that_the_plan_says(tiny_llama, tokenizer):
    general = tuple(
        Sample(id=f"g{i}", input="" if i % 2 else f"Why {i}?", target=f"General {i}.")
        for i in range(20)
    )
    wishes = {"general_share": 0.25, "general": general}
    made = course("sft", training_samples(24), tiny_llama, tokenizer, **wishes)
    texts = [tokenizer.decode(row["input_ids"]) for row in made.dataset]
    mixed = [text for text in texts if "General" in text]
    assert len(texts) == 32
    assert len(mixed) == 8
    assert not any(INSTRUCTION in text for text in mixed)
    again = course("sft", training_samples(24), tiny_llama, tokenizer, **wishes)
    assert again.dataset["input_ids"] == made.dataset["input_ids"]


def test_marked_answers_that_are_too_long_are_counted_and_told(tiny_llama, tokenizer):
    long = PAIRS[0].model_copy(update={"target": "y" * 300})
    made = course("kto", [*PAIRS, long], tiny_llama, tokenizer)
    assert (len(made.dataset), made.left_out) == (2 * len(PAIRS), 1)
    assert "1 of 13 samples exceed 128 tokens and were left out." in made.notes


def test_what_an_objective_does_not_heed_is_told(tiny_llama, tokenizer, tmp_path):
    (tmp_path / "worth.py").write_text("def size(prompt, completion, target):\n    return 1\n")
    options = {"reward": f"{tmp_path / 'worth.py'}:size"}
    wishes = {"general_share": 0.1, "neftune_alpha": 5.0, "length_grouping": True}
    made = course(
        "grpo",
        PAIRS,
        tiny_llama,
        tokenizer,
        general=PAIRS,
        method_options=options,
        **wishes,
    )
    told = " ".join(made.notes)
    for part in ("General data is mixed in with", "neftune_alpha", "not grouped by length"):
        assert part in told
    assert "without dropout" not in told, "it has dropout"
    assert made.arguments["neftune_noise_alpha"] is None


@pytest.mark.parametrize("objective", ["dpo", "orpo", "reward"])
def test_a_dev_pair_that_the_template_makes_equal_is_skipped(tiny_llama, tokenizer, objective):
    import copy

    trimming = copy.copy(tokenizer)
    trimming.chat_template = tokenizer.chat_template.replace("m['content']", "m['content'] | trim")
    alike = PAIRS[0].model_copy(update={"target": "no", "rejected": "no "})
    made = course(objective, PAIRS, tiny_llama, trimming, dev_samples=(alike, *PAIRS[:3]))
    assert len(made.keywords["dev_rows"]) == 3


@pytest.mark.parametrize("objective", ["dpo", "sft", "cpt", "kto", "grpo"])
def test_the_loss_is_looked_at_on_the_samples_of_the_metric(
    tiny_llama, tokenizer, objective, monkeypatch
):
    from advisor.schema.train import looked_at
    from trainers.engines.trl.objectives import _cpt, _reinforcement, _sft

    found = []
    for module in (_sft, _cpt):
        monkeypatch.setattr(module, "of_rows", lambda _rows, dev, **_: found.extend(dev))
    monkeypatch.setattr(_reinforcement, "worth_of", lambda *_: None)
    every = tuple(PAIRS[i % 12].model_copy(update={"input": f"Ask {i}."}) for i in range(200))
    made = course(objective, PAIRS, tiny_llama, tokenizer, dev_samples=every, seed=3)
    if objective == "grpo":
        assert made.keywords["dev"] == looked_at(every, 3, 32)
        return
    rows = found or made.keywords["dev_rows"]
    texts = [tokenizer.decode(row.get("prompt_ids") or row["input_ids"]) for row in rows]
    asked = [one.input for one in looked_at(every, 3) for _ in range(1 + (objective == "kto"))]
    assert len(texts) == len(asked)
    assert all(one in text for one, text in zip(asked, texts, strict=True))
