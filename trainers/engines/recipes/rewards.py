"""The verifiable reward that is written beside a recipe for reinforcement."""

REWARDS_FILE = "rewards.py"
REWARDS_TEXT = '''"""Rewards of the run: 1 for an answer that equals the reference, else 0."""


def same_answer(completions, answer, **_):
    """One value per completion; case and white space do not count."""
    texts = [one if isinstance(one, str) else one[-1]["content"] for one in completions]
    return [float(_plain(text) == _plain(right)) for text, right in zip(texts, answer)]


def rows(cfg, *_args, **_kwargs):
    """Axolotl asks for a function that makes rows; these are rows already."""

    def as_it_is(example, tokenizer=None):
        return {"prompt": example["prompt"], "answer": example["answer"]}

    return as_it_is, {}


def _plain(text):
    return " ".join(text.casefold().split())
'''
