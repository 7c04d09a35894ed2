"""Why an export is not the evaluated thing: template, stop tokens, packing, precision, tokens."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from advisor.evaluation.asking import has_failed
from advisor.schema.evaluation import Evaluation
from advisor.shipping.model_files import BITS, NAMES, ModelFiles, look_into, stack_of
from advisor.shipping.other_files import other_settings, other_tokens
from advisor.shipping.stop_tokens import lost

AROUND = 24
"""Characters shown from where two texts begin to differ."""
FULL = {name: BITS[kind] for kind, name in NAMES.items()} | {"f32": 32, "f16": 16, "bf16": 16}
"""Precisions whose weights are not packed, as torch and as GGUF call them, with their bits."""


class Heard(NamedTuple):
    """What one of the two said, and how it reads."""

    evaluation: Evaluation
    texts: tuple[str, ...] | None = None
    """The prompts as it reads them; None where it does not tell."""
    plain: str = ""
    """How it reads a prompt that holds nothing of the user's."""
    ends: frozenset[str] | None = None
    """The tokens that end its answers; None where it does not tell."""


class Causes(NamedTuple):
    """What differs between the two beside their answers, each as a sentence."""

    faults: tuple[str, ...]
    """What is never let pass, whatever the answers."""
    hints: tuple[str, ...]
    """What may explain answers that differ, and is no fault by itself."""
    same_prompts: bool | None
    same_ends: bool | None


def causes(
    before: Heard,
    after: Heard,
    *,
    folders: tuple[Path | None, Path | None],
    claims: str,
    may_cut: float,
) -> Causes:
    """What differs between the evaluated model and its export.

    `claims` is what the export's weights are said to be in. `may_cut` is the share of answers that
    may run to the longest length although the evaluated model stopped.
    """
    reading, same_prompts = _reading(before, after)
    ending, same_ends = _ending(before, after)
    faults = [*reading, *ending]
    hints: list[str] = []
    if folders[1] is not None and (folders[1] / "config.json").is_file():
        base = _below(folders[0])
        own = look_into(folders[1])
        faults += _packing(own, claims)
        hints += _figures(base, own, claims, before.evaluation)
        if folders[0] is not None and not own.packed:
            faults += _weighed(folders[0], folders[1])
    if folders[0] is not None and folders[1] is not None:
        if not any("is missing" in fault for fault in ending):
            faults += lost(folders[0], folders[1])
        faults += other_settings(folders[0], folders[1])
        tokens = other_tokens(folders[0], folders[1])
        faults += tokens
        same_prompts = False if tokens else same_prompts
    cut, told = _cut(before.evaluation, after.evaluation)
    (faults if cut > may_cut else hints).extend(told)
    hints += _failures(after.evaluation) + _counts(before, after)
    if ending or any("stop token" in fault for fault in faults):
        same_ends = False
    return Causes(tuple(faults), tuple(hints), same_prompts, same_ends)


def _reading(before: Heard, after: Heard) -> tuple[list[str], bool | None]:
    """Whether both make the same tokens of a prompt."""
    if before.texts is None or after.texts is None:
        return [], None
    pairs = list(zip(before.texts, after.texts, strict=True))
    others = [(ours, theirs) for ours, theirs in pairs if ours != theirs]
    if others:
        share = f"{len(others)} of {len(pairs)} prompts are read differently"
        return [f"The chat template differs: {share}; {_shown(before, after, others[0])}"], False
    recounted = [
        (ours.completion.prompt_tokens, theirs.completion.prompt_tokens)
        for ours, theirs in zip(before.evaluation.scores, after.evaluation.scores, strict=True)
        if not (has_failed(ours.completion) or has_failed(theirs.completion))
        and ours.completion.prompt_tokens != theirs.completion.prompt_tokens
    ]
    if recounted:
        ours, theirs = recounted[0]
        return [
            (
                f"The tokenizer differs: the same text is read as other tokens, the first time as"
                f" {theirs} instead of {ours}."
            )
        ], False
    return [], True


def _shown(before: Heard, after: Heard, pair: tuple[str, str]) -> str:
    """Where two readings part: shown on a prompt of ours, of the user's only as a place."""
    if before.plain == after.plain:
        at = _parting(*pair)
        return f"a plain prompt is read alike, the first other one differs from character {at} on."
    at = _parting(before.plain, after.plain)
    ours, theirs = (ascii(text[at : at + AROUND]) for text in (before.plain, after.plain))
    return (
        f"of a plain prompt, the evaluated model reads {ours} from character {at} on, the export"
        f" {theirs}."
    )


def _parting(ours: str, theirs: str) -> int:
    """The first place at which two texts differ."""
    for at, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return at
    return min(len(ours), len(theirs))


def _ending(before: Heard, after: Heard) -> tuple[list[str], bool | None]:
    """Whether both stop at the same tokens."""
    if before.ends is None or after.ends is None:
        return [], None
    found = [
        f"The stop token {end!a} is missing: the evaluated model ends its answers at it."
        for end in sorted(before.ends - after.ends)
    ]
    found += [
        f"The stop token {end!a} is new: the evaluated model does not end its answers at it."
        for end in sorted(after.ends - before.ends)
    ]
    return found, not found


def _below(folder: Path | None) -> ModelFiles:
    """What the files of the base that was evaluated say."""
    stack = stack_of(folder) if folder is not None else ()
    return look_into(stack[-1]) if stack else ModelFiles()


def _packing(own: ModelFiles, claims: str) -> list[str]:
    """Weights that are packed although the export is said to hold them whole."""
    if not own.packed or claims not in FULL:
        return []
    return [
        (
            f"Its weights are packed in {own.packed}, although the export is said to be in"
            f" {claims}: merge into weights of 16 bits or more, never into packed ones."
        )
    ]


def _figures(base: ModelFiles, own: ModelFiles, claims: str, evaluation: Evaluation) -> list[str]:
    """Another vocabulary, or weights in fewer bits than were evaluated."""
    found = []
    if base.vocabulary and own.vocabulary and base.vocabulary != own.vocabulary:
        found.append(
            f"Its vocabulary holds {own.vocabulary:,} tokens, that of the evaluated model"
            f" {base.vocabulary:,}."
        )
    asked = str(evaluation.manifest.settings.get("backend.dtype", ""))
    if own.bits is not None and own.bits < FULL.get(asked, 0) and not own.packed:
        said = f"; it is said to be in {claims}" if claims and claims != own.precision else ""
        found.append(
            f"Its weights are in {own.precision}, and the model was evaluated in {asked}{said}."
        )
    return found


def _weighed(reference: Path, own: Path) -> list[str]:
    """What the weights show; nothing without numpy."""
    try:
        from advisor.shipping._weights import weighed  # noqa: PLC0415 - numpy is heavy
    except ImportError:
        return []
    return weighed(reference, own)


def _cut(before: Evaluation, after: Evaluation) -> tuple[float, list[str]]:
    """Answers that run to the longest length although the evaluated model stopped."""
    cut = sum(
        ours.completion.finish == "stop" and theirs.completion.finish == "length"
        for ours, theirs in zip(before.scores, after.scores, strict=True)
    )
    if not cut:
        return 0.0, []
    return cut / len(before.scores), [
        (
            f"{cut} of {len(before.scores)} answers run to the longest length and are cut, which"
            " the evaluated model ended by itself: look for a missing stop token."
        )
    ]


def _failures(after: Evaluation) -> list[str]:
    failed = [score.completion for score in after.scores if has_failed(score.completion)]
    if not failed:
        return []
    first = ascii(failed[0].error[:200])
    return [f"{len(failed)} prompts got no answer from the export; the first said: {first}."]


def _counts(before: Heard, after: Heard) -> list[str]:
    """Prompts of other lengths, where one of the two does not tell how it reads them."""
    if before.texts is not None and after.texts is not None:
        return []
    counts = [
        (ours.completion.prompt_tokens, theirs.completion.prompt_tokens)
        for ours, theirs in zip(before.evaluation.scores, after.evaluation.scores, strict=True)
        if ours.completion.prompt_tokens and theirs.completion.prompt_tokens
    ]
    others = [pair for pair in counts if pair[0] != pair[1]]
    if not others:
        return []
    ours, theirs = others[0]
    return [
        (
            f"{len(others)} of {len(counts)} prompts have another number of tokens there, the first"
            f" {theirs} instead of {ours}: look at its chat template and at tokens put before it."
        )
    ]
