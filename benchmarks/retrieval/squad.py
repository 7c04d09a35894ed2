"""A file in the format of SQuAD 2.0 as a retrieval task: which paragraph holds the answer?

Standard library only, so that rivals read it in environments of their own.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEVELOPMENT = ("Normans", "Computational_complexity_theory")
"""Settings were chosen on every second question of these articles; the rest is held out."""


@dataclass(frozen=True)
class Paragraph:
    """One paragraph, which is one document."""

    name: str
    title: str
    text: str


@dataclass(frozen=True)
class Question:
    """One question, asked of one paragraph."""

    id: str
    text: str
    paragraph: int
    is_answerable: bool
    is_development: bool


@dataclass
class Squad:
    """Paragraphs, questions, and what could not be read, by reason."""

    paragraphs: list[Paragraph] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    unmapped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, path: Path) -> Squad:
        """The task of a file; raises ValueError where it is no SQuAD file, OSError."""
        data = json.loads(path.read_text(encoding="utf-8"))
        articles = data.get("data") if isinstance(data, dict) else None
        if not isinstance(articles, list):
            msg = f"{path.name} is no file in the format of SQuAD: there is no list 'data'"
            raise ValueError(msg)  # noqa: TRY004 - what a file holds, not what a caller hands in
        squad = cls()
        for number, article in enumerate(articles):
            squad._take(article, number)
        return squad

    def _take(self, article: Any, number: int) -> None:
        found = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(found, list):
            self.unmapped["article without paragraphs"] += 1
            return
        title = str(article.get("title") or f"article-{number}")
        for at, paragraph in enumerate(found):
            context = paragraph.get("context") if isinstance(paragraph, dict) else None
            if not isinstance(context, str) or not context.strip():
                self.unmapped["paragraph without text"] += 1
                continue
            name = f"{title.replace('/', '_')}/{at:03}.txt"
            self.paragraphs.append(Paragraph(name, title.replace("_", " "), context))
            for asked in paragraph.get("qas") or ():
                self._ask(asked, title)

    def _ask(self, asked: Any, title: str) -> None:
        text = asked.get("question") if isinstance(asked, dict) else None
        if not isinstance(text, str) or not text.strip():
            self.unmapped["question without text"] += 1
            return
        is_odd = len(self.questions) % 2 == 1
        is_answerable = not asked.get("is_impossible", False)
        answers = asked.get("answers") or ()
        if is_answerable and not any(_stands(each, self.paragraphs[-1].text) for each in answers):
            self.unmapped["answerable question whose answer does not stand in its paragraph"] += 1
            return
        self.questions.append(
            Question(
                id=str(asked.get("id", len(self.questions))),
                text=text,
                paragraph=len(self.paragraphs) - 1,
                is_answerable=is_answerable,
                is_development=is_odd and title in DEVELOPMENT,
            )
        )


def _stands(answer: Any, text: str) -> bool:
    said = answer.get("text") if isinstance(answer, dict) else None
    return isinstance(said, str) and bool(said) and said in text
