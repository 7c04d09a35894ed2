"""Writes the three bundled tasks: python -m examples.bundled_tasks.make_tasks [--check].

All invented names and codes come from the name space that pre-training of the embedded model never
draws from.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from examples.bundled_tasks import manual_wording as manual
from examples.bundled_tasks import message_wording as message
from examples.bundled_tasks.profiles import ANSWERS, PLANS, TITLES
from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.values import MODEL_ENDINGS, Draw, capital, is_reserved

TASKS_FOLDER = Path(__file__).parents[2] / "advisor" / "builtin" / "tasks"
PRODUCTS = 42
SECTIONS = 3
FACTS_PER_SECTION = 4
SIZES = {
    "manuals": {"train": 204, "dev": 60, "test": 240},
    "tickets": {"train": 480, "dev": 60, "test": 240},
    "fields": {"train": 300, "dev": 60, "test": 240},
}
MIN_NAME, MAX_NAME = 4, 9
PLAIN_WORDS = vocab.plain_words() | {word.lower() for word in MODEL_ENDINGS}
PROBLEMS = {"tickets": 2, "fields": 1}
SEEDS = {"manuals": 4101, "tickets": 4102, "fields": 4103}

Files = dict[str, str]


@dataclass(frozen=True)
class Style:
    """Whether the manuals use sentence and question forms that pre-training also used."""

    known_sentences: bool
    known_questions: bool


STYLE = Style(known_sentences=False, known_questions=False)


def pronounceable_name(draw: Draw) -> str:
    """Draw a name that can be read aloud and is no plain word of the pre-training text."""
    while True:
        name = draw.name()
        readable = not re.search("[^aeiouy]{4}|^[^aeiouy]{3}|[aeiouy]{3}", name.lower())
        if readable and MIN_NAME <= len(name) <= MAX_NAME and name.lower() not in PLAIN_WORDS:
            return name


def _product_name(draw: Draw) -> str:
    """Draw a product name of two words."""
    second = draw.choice(
        (
            str(draw.between(1, 9) * 100),
            pronounceable_name(draw),
            "Pro",
            "Mini",
            str(draw.between(2, 9) * 10),
        )
    )
    return f"{pronounceable_name(draw)} {second}"


def _products(draw: Draw) -> list[str]:
    """Draw the product names, none the beginning of another."""
    found: list[str] = []
    while len(found) < PRODUCTS:
        name = _product_name(draw)
        if not any(name.startswith(other) or other.startswith(name) for other in found):
            found.append(name)
    return found


def _file_stem(product: str) -> str:
    return "-".join(product.lower().split())


def _manual_page(
    draw: Draw, product: str, facts: list[tuple[manual.Property, str]], style: Style
) -> str:
    """Write the page of one product."""
    openings = manual.KNOWN_OPENINGS if style.known_sentences else manual.OPENINGS
    sentences = [draw.choice(openings).format(e=product, k=draw.choice(manual.PRODUCT_KINDS))]
    for item, value in facts:
        forms = manual.KNOWN_SENTENCES if style.known_sentences else item.sentences
        form = draw.choice(forms)
        sentences.append(form.format(v=value, a=item.name, A=capital(item.name)))
    if draw.chance(0.25):
        sentences.insert(draw.between(1, len(sentences)), draw.choice(manual.REMARKS))
    return f"# {product}\n\n{' '.join(sentences)}\n"


def _question(draw: Draw, item: manual.Property, product: str, style: Style) -> str:
    """Ask for one property of a product."""
    form = draw.choice(manual.KNOWN_QUESTIONS if style.known_questions else item.questions)
    return form.format(e=product, a=item.name)


def make_manuals(style: Style = STYLE) -> tuple[list[dict[str, str]], Files]:
    """Write the manuals and the questions about them; every fact is asked for exactly once."""
    draw = Draw(SEEDS["manuals"], reserved=True)
    pairs: list[tuple[str, str]] = []
    pages: Files = {}
    for product in _products(draw):
        items = draw.random.sample(manual.PROPERTIES, SECTIONS * FACTS_PER_SECTION)
        facts = [(item, item.value(draw)) for item in items]
        for section in range(SECTIONS):
            part = facts[section * FACTS_PER_SECTION : (section + 1) * FACTS_PER_SECTION]
            name = f"docs/{_file_stem(product)}-{section + 1}.md"
            pages[name] = _manual_page(draw, product, part, style)
        pairs += [(_question(draw, item, product, style), value) for item, value in facts]
    draw.random.shuffle(pairs)
    splits = [split for split, size in SIZES["manuals"].items() for _ in range(size)]
    return [
        _item("manuals", split, index, question, answer)
        for index, (split, (question, answer)) in enumerate(zip(splits, pairs, strict=True))
    ], pages


def _item(task: str, split: str, index: int, prompt: str, completion: str) -> dict[str, str]:
    return {
        "id": f"{task}-{split}-{index:04d}",
        "prompt": prompt,
        "completion": completion,
        "split": split,
    }


def order_numbers(draw: Draw) -> Iterator[str]:
    """Yield order numbers, a letter and five digits, from the reserved space, never one twice."""
    seen: set[str] = set()
    while True:
        text = f"{draw.choice('ABCDEFGHJKLMNPRSTUVWXYZ')}{draw.between(10000, 99999)}"
        if is_reserved(text) and text not in seen:
            seen.add(text)
            yield text


def queue_codes() -> dict[str, str]:
    """The house's queue code of each topic: prefix and the first number in the reserved space."""
    return {
        topic: next(
            f"{prefix}-{number}" for number in range(1, 100) if is_reserved(f"{prefix}-{number}")
        )
        for topic, prefix in message.QUEUE_PREFIXES.items()
    }


def write_message(draw: Draw, split: str, name: str, order: str, keywords: list[str]) -> str:
    """Write one customer message in the forms of a split, with a problem sentence a keyword."""
    forms = message.FORMS[split]
    problems = draw.random.sample(forms.problems, len(keywords))
    middle = [form.format(k=word) for form, word in zip(problems, keywords, strict=True)]
    middle.insert(draw.between(0, len(middle)), draw.choice(forms.orders).format(o=order))
    opening, closing = draw.choice(forms.openings).format(n=name), draw.choice(forms.closings)
    return " ".join(part for part in (opening, *map(capital, middle), closing) if part)


def _messages(task: str) -> Iterator[tuple[str, int, str, str, str, str]]:
    """Yield (split, index, message, topic, order, name), the topics in turn."""
    draw = Draw(SEEDS[task], reserved=True)
    topics, orders = list(message.KEYWORDS), order_numbers(draw)
    for split, size in SIZES[task].items():
        for index in range(size):
            topic = topics[index % len(topics)]
            name = f"{pronounceable_name(draw)} {pronounceable_name(draw)}"
            order = next(orders)
            words = draw.random.sample(message.KEYWORDS[topic], PROBLEMS[task])
            text = write_message(draw, split, name, order, words)
            yield split, index, text, topic, order, name


def make_tickets() -> tuple[list[dict[str, str]], Files]:
    """Customer messages and the house's ticket line."""
    codes = queue_codes()
    return [
        _item("tickets", split, index, text, f"[{codes[topic]}] {order} // {name}")
        for split, index, text, topic, order, name in _messages("tickets")
    ], _handbook()


def _handbook() -> Files:
    """The support desk's handbook: what retrieval can find out about both message tasks."""
    codes = queue_codes()
    pages = {
        f"docs/queue-{topic}.md": (
            f"# Queue {codes[topic]}\n\nMessages about {topic} go to queue {codes[topic]}: "
            f"{', '.join(words)}.\n"
        )
        for topic, words in message.KEYWORDS.items()
    }
    return pages | {
        "docs/ticket-line.md": message.LINE_SECTION,
        "docs/order-numbers.md": message.ORDER_SECTION,
    }


def make_fields() -> tuple[list[dict[str, str]], Files]:
    """Customer messages and the order number in them."""
    return [
        _item("fields", split, index, text, order)
        for split, index, text, _, order, _ in _messages("fields")
    ], _handbook()


def task_files() -> Files:
    """All files of the bundled tasks by path below the tasks folder."""
    files: Files = {}
    for task, make in (
        ("manuals", make_manuals),
        ("tickets", make_tickets),
        ("fields", make_fields),
    ):
        items, extra = make()
        files[f"{task}/task.yaml"] = yaml.safe_dump(
            {"name": task, "title": TITLES[task]} | PLANS.get(task, {}), sort_keys=False
        )
        files[f"{task}/answers.yaml"] = yaml.safe_dump(ANSWERS[task], sort_keys=False)
        files[f"{task}/data.jsonl"] = "".join(
            json.dumps(item, ensure_ascii=False) + "\n" for item in items
        )
        files |= {f"{task}/{name}": text for name, text in extra.items()}
    return files


def differing_files(folder: Path) -> list[str]:
    """Paths whose content differs from the generator's; missing and surplus files count."""
    wanted = task_files()
    present = {
        str(path.relative_to(folder)): path
        for task in SIZES
        for path in sorted((folder / task).rglob("*"))
        if path.is_file()
    }
    return sorted(
        name
        for name in wanted.keys() | present.keys()
        if name not in wanted
        or name not in present
        or present[name].read_text(encoding="utf-8") != wanted[name]
    )


def write_tasks(folder: Path) -> None:
    """Write all files, removing manual pages of an earlier version."""
    files = task_files()
    for page in folder.glob("*/docs/*.md"):
        page.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Write the files, or compare them with --check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files, write nothing"
    )
    parser.add_argument("--out", type=Path, default=TASKS_FOLDER)
    options = parser.parse_args()
    if not options.check:
        write_tasks(options.out)
        return 0
    differing = differing_files(options.out)
    print("\n".join(differing) if differing else "the bundled tasks are what the generator writes")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
