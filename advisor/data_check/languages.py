"""Rows in another language than the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.patterns import patterns

LOOKED_AT = 4_000
"""Rows whose language is identified; of more rows every second, fourth ... one."""
LONGEST = 250
"""Characters looked at: more say nothing new."""
SAME = {"nb": "no", "nn": "no", "da": "no", "bs": "hr", "sr": "hr", "ms": "id"}
"""Languages so close that the identifier takes one for the other."""
FEWEST_SPACES = 4
"""Fewer in plain Latin letters, and the text is a key, a path or a name."""
Identify = Callable[[str], tuple[str, float]]


class Languages:
    """Identifies the language of inputs and targets apart, so that translations are no mixture."""

    def __init__(self) -> None:
        self._identify = identifier()
        self._figures = patterns("thresholds").figures
        self._step = 1
        self._seen: list[int] = []
        self._of: dict[str, dict[int, str]] = {"input": {}, "target": {}}

    def see(self, look: Look) -> None:
        """Take one row, if it is one of those looked at."""
        if self._identify is None or look.place % self._step:
            return
        if len(self._seen) >= LOOKED_AT:
            self._step *= 2
            self._seen = [place for place in self._seen if place % self._step == 0]
            kept = set(self._seen)
            for side, named in self._of.items():
                self._of[side] = {place: name for place, name in named.items() if place in kept}
            if look.place % self._step:
                return
        self._seen.append(look.place)
        for side, text in (("input", look.sample.input), ("target", look.sample.target)):
            if name := self._language(text[:LONGEST]):
                self._of[side][look.place] = name

    def _language(self, text: str) -> str:
        letters = sum(map(str.isalpha, text))
        if letters < self._figures["language_letters"] or letters < 0.6 * len(text):
            return ""
        if text.isascii() and text.count(" ") < FEWEST_SPACES:
            return ""
        if self._identify is None:
            return ""
        name, certainty = self._identify(text)
        name = SAME.get(name, name)
        return name if certainty >= self._figures["language_certainty"] else ""

    def counts(self) -> dict[str, int]:
        """Looked-at rows by language: of the target where it shows, else of the input."""
        named = {**self._of["input"], **self._of["target"]}
        return dict(Counter(named.values()).most_common())

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problem to show for rows in another language; none where languages are mixed."""
        if self._identify is None:
            whole.notes.append(
                "Languages were not identified: pip install 'finetune-advisor[data]'."
            )
            return
        if self._step > 1:
            whole.looked_at["mixed_languages"] = len(self._seen)
            whole.notes.append(
                f"Languages were identified in every {self._step}th row ({len(self._seen)} rows)."
            )
        strange: defaultdict[int, str] = defaultdict(str)
        usual: set[str] = set()
        for named in self._of.values():
            counts = Counter(named.values())
            if not counts:
                continue
            main, most = counts.most_common(1)[0]
            usual.add(main)
            if most < max(self._figures["language_share"] * counts.total(), 3):
                continue
            for place, name in named.items():
                if name != main:
                    strange[place] = name
        if not strange:
            return
        kinds = ", ".join(f"{k} ({n})" for k, n in Counter(strange.values()).most_common(4))
        looked = f" of {len(self._seen)} looked at" if self._step > 1 else ""
        yield Found(
            "mixed_languages",
            "warning",
            sorted(strange),
            f"{counted(len(strange), 'row')}{looked} in another language than most"
            f" ({', '.join(sorted(usual))}): {kinds}.",
            "Translate or delete them, unless the model is to answer in these languages too.",
        )


@lru_cache(maxsize=1)
def identifier() -> Identify | None:
    """Language and certainty of a text; None without the extra `data`."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - heavy
    except ImportError:
        return None
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(text: str) -> tuple[str, float]:
        name, certainty = model.classify(text)
        return str(name), float(certainty)

    return identify
