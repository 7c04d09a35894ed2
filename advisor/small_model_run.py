"""A run that tunes an encoder beside the language model it prompts: when, which, and what for.

The model of the run is the one that is asked; where labels are learnt, another is tuned. Everything
that differs then is decided here: trainer and objective, the model that is planned for, its length.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor import registry
from advisor.catalog.query import find_model
from advisor.contracts import Configurable
from advisor.errors import MissingExtraError, PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.gate import GateVerdict
from advisor.schema.run import RunSettings

TRAINER, OBJECTIVE, APPROACH = "small_model", "classification", "small_model"
EMBEDDER = "sentence_transformers"
METHODS = ("full",)
"""What is planned where nobody names a method: all weights of an encoder fit anywhere."""
OPTION = "encoder"
USUAL_TRAINER = RunSettings.model_fields["trainer"].default


def tunes_encoder(settings: RunSettings) -> bool:
    """Whether the run's trainer tunes an encoder rather than the model that is prompted.

    Raises UnknownPluginError.
    """
    if settings.trainer == USUAL_TRAINER:
        return False
    return registry.trainer(settings.trainer).info.approach == APPROACH


def suited(settings: RunSettings) -> RunSettings:
    """The settings with trainer and objective that belong together.

    The objective `classification` takes the trainer `small_model` where none was chosen, and that
    trainer the objective. Raises PlanError where both were chosen and do not go together.
    """
    if settings.objective == OBJECTIVE and settings.trainer == USUAL_TRAINER:
        return settings.model_copy(update={"trainer": TRAINER})
    if not tunes_encoder(settings):
        return settings
    if settings.objective not in (None, OBJECTIVE):
        raise PlanError(
            f"The trainer '{settings.trainer}' learns labels; the objective is"
            f" '{settings.objective}'.",
            hint=f"Leave --objective out, say --objective {OBJECTIVE}, or use another trainer.",
        )
    return settings.model_copy(update={"objective": OBJECTIVE})


def advised(settings: RunSettings, verdict: GateVerdict) -> RunSettings | None:
    """The settings that tune an encoder, where the gate says train and what it advises is that.

    None where it does not, and where the user chose a trainer, an objective or a method.
    """
    own_choice = settings.objective or settings.methods or settings.plan
    if own_choice or settings.trainer != USUAL_TRAINER:
        return None
    if verdict.verdict != "train" or verdict.recommended != APPROACH:
        return None
    return suited(settings.model_copy(update={"trainer": TRAINER}))


def encoder_of(settings: RunSettings) -> Path:
    """The folder of the encoder: that of the option, the run's embedder, or the packaged one.

    So tuning begins at the vectors that the baseline `embedding_classifier` answered by. Raises
    MissingExtraError where the packaged one is wanted and not installed, PlanError and
    ModelFolderError for a folder without an encoder.
    """
    named = settings.method_options.get(OPTION)
    if named is not None:
        folder = Path(str(named)).expanduser()
        if not folder.is_dir():
            raise PlanError(
                f"There is no folder '{named}' with an encoder.",
                hint="Give the folder of a sentence-transformers model or of a BERT-like one.",
            )
        return folder.resolve()
    embedder = registry.embedder(EMBEDDER)
    if settings.embedder and not settings.embedder_base_url and isinstance(embedder, Configurable):
        embedder = embedder.configured({"model": settings.embedder})
    found = getattr(embedder, "folder", None)
    if found is None:
        raise MissingExtraError("Tuning an encoder", "offline")
    return Path(found)


def encoder_card(settings: RunSettings) -> ModelCard:
    """What is planned for: the encoder's sizes, read from its configuration.

    Raises UnsupportedArchitectureError and what `encoder_of` raises.
    """
    folder = encoder_of(settings)
    card = find_model(str(folder))
    name = folder.name if folder.name != "model" else folder.parent.name
    return card.model_copy(update={"id": name})


def encoder_wishes() -> dict[str, Any]:
    """What an estimate for the encoder is asked, over what the decision asks for language models.

    The objective is the settings' own, since `suited` has set it.
    """
    return {"methods": METHODS, "methods_in_line": False, "settings": ()}
