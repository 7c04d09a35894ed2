"""BLEU and chrF by sacrebleu, summed over samples as corpus scores are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import one_of, read_options, whole_from, yes_no
from advisor.builtin.metrics.signing import library, signed
from advisor.contracts import MetricInfo
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

ORDERS = range(1, 5)
BLEU_OPTIONS = {
    "tokenize": one_of("13a", "intl", "char", "zh", "none"),
    "smooth": one_of("exp", "floor", "add-k", "none"),
    "lowercase": yes_no,
    "effective_order": yes_no,
}
CHRF_OPTIONS = {
    "char_order": whole_from(1, 10),
    "word_order": whole_from(0, 4),
    "beta": whole_from(1, 10),
    "lowercase": yes_no,
    "whitespace": yes_no,
}


def _sacrebleu() -> Any:
    """The metrics of sacrebleu; its import takes a moment."""
    try:
        from sacrebleu import metrics  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("BLEU or chrF", "metrics") from error
    return metrics


def _share(percent: float) -> float:
    return min(1.0, max(0.0, percent / 100))


class BleuMetric:
    """BLEU of the whole; a sample's own value is sentence BLEU with the orders it has."""

    info = MetricInfo(id="bleu", label="BLEU", extra="metrics", options=tuple(BLEU_OPTIONS))

    def __init__(
        self,
        *,
        tokenize: str = "13a",
        smooth: str = "exp",
        lowercase: bool = False,
        effective_order: bool = False,
    ) -> None:
        self.tokenize = tokenize
        self.smooth = smooth
        self.lowercase = lowercase
        self.effective_order = effective_order

    @property
    def signature(self) -> str:
        """As sacrebleu writes its own."""
        return signed(
            "bleu",
            nrefs=1,
            case="lc" if self.lowercase else "mixed",
            eff=self.effective_order,
            tok=self.tokenize,
            smooth=self.smooth,
            sacrebleu=library("sacrebleu"),
        )

    def configured(self, options: Mapping[str, str]) -> Self:
        """With tokenize, smooth, lowercase or effective_order, named as sacrebleu names them."""
        return type(self)(**read_options(self.info.id, options, BLEU_OPTIONS))

    @cached_property
    def _counter(self) -> Any:
        """Counts n-grams; without smoothing, since add-k would change the counts it returns."""
        return _sacrebleu().BLEU(
            lowercase=self.lowercase, tokenize=self.tokenize, smooth_method="none"
        )

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """Sentence BLEU, and the counts that the whole is computed from."""
        counts = self._counter.corpus_score([completion.text], [[sample.target]])
        totals = {"sys_len": float(counts.sys_len), "ref_len": float(counts.ref_len)}
        for order in ORDERS:
            totals[f"correct:{order}"] = float(counts.counts[order - 1])
            totals[f"total:{order}"] = float(counts.totals[order - 1])
        value = self._computed(totals, effective_order=True)
        if not counts.sys_len and not counts.ref_len:
            value = float(normalised(completion.text) == normalised(sample.target))
        return Score(sample_id=sample.id, value=value, totals=totals)

    def value_of(self, totals: Mapping[str, float]) -> float:
        """Equal to sacrebleu's corpus BLEU / 100."""
        return self._computed(totals, effective_order=self.effective_order)

    def _computed(self, totals: Mapping[str, float], *, effective_order: bool) -> float:
        found = _sacrebleu().BLEU.compute_bleu(
            correct=[totals.get(f"correct:{order}", 0.0) for order in ORDERS],
            total=[totals.get(f"total:{order}", 0.0) for order in ORDERS],
            sys_len=int(totals.get("sys_len", 0)),
            ref_len=int(totals.get("ref_len", 0)),
            smooth_method=self.smooth,
            effective_order=effective_order,
        )
        return _share(found.score)


class ChrfMetric:
    """chrF of the whole (chrF++ with word_order=2); a sample's own value is sentence chrF."""

    info = MetricInfo(id="chrf", label="chrF", extra="metrics", options=tuple(CHRF_OPTIONS))

    def __init__(
        self,
        *,
        char_order: int = 6,
        word_order: int = 0,
        beta: int = 2,
        lowercase: bool = False,
        whitespace: bool = False,
    ) -> None:
        self.orders = char_order + word_order
        self.settings = {
            "char_order": char_order,
            "word_order": word_order,
            "beta": beta,
            "lowercase": lowercase,
            "whitespace": whitespace,
        }

    @property
    def signature(self) -> str:
        """As sacrebleu writes its own, with beta."""
        return signed(
            "chrf",
            nrefs=1,
            case="lc" if self.settings["lowercase"] else "mixed",
            eff="yes",
            nc=self.settings["char_order"],
            nw=self.settings["word_order"],
            beta=self.settings["beta"],
            space=bool(self.settings["whitespace"]),
            sacrebleu=library("sacrebleu"),
        )

    def configured(self, options: Mapping[str, str]) -> Self:
        """With char_order, word_order, beta, lowercase or whitespace, as sacrebleu names them."""
        return type(self)(**read_options(self.info.id, options, CHRF_OPTIONS))

    @cached_property
    def _chrf(self) -> Any:
        return _sacrebleu().CHRF(**self.settings)

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """Sentence chrF, and the counts that the whole is computed from."""
        # sacrebleu offers the counts of a segment by no public name; the oracle test watches it.
        [counts] = self._chrf._extract_corpus_statistics(  # noqa: SLF001
            [completion.text], [[sample.target]]
        )
        totals = {f"{_COUNTS[at % 3]}:{at // 3 + 1}": float(n) for at, n in enumerate(counts)}
        value = self.value_of(totals)
        if not any(counts):
            value = float(normalised(completion.text) == normalised(sample.target))
        return Score(sample_id=sample.id, value=value, totals=totals)

    def value_of(self, totals: Mapping[str, float]) -> float:
        """Equal to sacrebleu's corpus chrF / 100."""
        counts = [
            int(totals.get(f"{_COUNTS[at % 3]}:{at // 3 + 1}", 0)) for at in range(3 * self.orders)
        ]
        return _share(self._chrf._compute_f_score(counts))  # noqa: SLF001 - as above


_COUNTS = ("hyp", "ref", "match")
