"""Every way this program can say no, as one tree.

    AdvisorError
    ├─ InputError
    │  ├─ ProfileError
    │  ├─ DatasetError
    │  ├─ CorpusError
    │  └─ PlanError
    ├─ RulebookError
    │  ├─ RuleParseError
    │  ├─ UnknownFactError
    │  └─ RuleConflictError
    ├─ CatalogError
    │  ├─ UnknownGpuError
    │  ├─ UnknownModelError
    │  ├─ UnsupportedArchitectureError
    │  └─ PriceMissingError
    ├─ PluginError
    │  ├─ UnknownPluginError
    │  ├─ DuplicatePluginError
    │  ├─ PluginContractError
    │  ├─ MissingExtraError
    │  ├─ MissingProgramError
    │  └─ RetrieverError
    ├─ BackendError
    │  ├─ ModelFolderError
    │  ├─ BackendAuthError
    │  ├─ BackendQuotaError
    │  ├─ BackendTimeoutError
    │  └─ BackendResponseError
    ├─ DoesNotFitError
    ├─ ConsentError
    ├─ TrainingError
    │  ├─ OutOfMemoryError
    │  ├─ NonFiniteLossError
    │  ├─ ExplodingGradientError
    │  ├─ DivergedError
    │  └─ NothingToLearnError
    └─ ArtifactError
       ├─ MissingArtifactError
       ├─ StaleArtifactError
       ├─ SchemaVersionError
       └─ StorageError
    AdvisorWarning
    ├─ StalePriceWarning
    ├─ SmallSampleWarning
    └─ AssumedValueWarning

Each error carries `message` (what is wrong, with the value), `hint` (how to mend it) and `where`
(file and line, plugin, or folder). The command line is the only place that prints them.
"""

from __future__ import annotations

__all__ = [
    "AdvisorError",
    "AdvisorWarning",
    "ArtifactError",
    "AssumedValueWarning",
    "BackendAuthError",
    "BackendError",
    "BackendQuotaError",
    "BackendResponseError",
    "BackendTimeoutError",
    "CatalogError",
    "ConsentError",
    "CorpusError",
    "DatasetError",
    "DivergedError",
    "DoesNotFitError",
    "DuplicatePluginError",
    "ExplodingGradientError",
    "InputError",
    "MissingArtifactError",
    "MissingExtraError",
    "MissingProgramError",
    "ModelFolderError",
    "NonFiniteLossError",
    "NothingToLearnError",
    "OutOfMemoryError",
    "PlanError",
    "PluginContractError",
    "PluginError",
    "PriceMissingError",
    "ProfileError",
    "RetrieverError",
    "RuleConflictError",
    "RuleParseError",
    "RulebookError",
    "SchemaVersionError",
    "SmallSampleWarning",
    "StaleArtifactError",
    "StalePriceWarning",
    "StorageError",
    "TrainingError",
    "UnknownFactError",
    "UnknownGpuError",
    "UnknownModelError",
    "UnknownPluginError",
    "UnsupportedArchitectureError",
]


class AdvisorError(Exception):
    """Something the user can mend; told in one sentence, without a traceback."""

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where


class InputError(AdvisorError):
    """What the user handed in cannot be used."""


class ProfileError(InputError):
    """The answers or profile file is wrong."""


class DatasetError(InputError):
    """The data file is missing, broken or cannot be split."""


class CorpusError(InputError):
    """The documents cannot be read."""


class PlanError(InputError):
    """A tuning plan contradicts itself or lacks a value."""


class RulebookError(AdvisorError):
    """The rules cannot be used."""


class RuleParseError(RulebookError):
    """A rule file does not follow its format."""


class UnknownFactError(RulebookError):
    """A rule or profile names a fact that `rules/facts.yaml` does not know."""


class RuleConflictError(RulebookError):
    """One rule requires what another forbids."""


class CatalogError(AdvisorError):
    """The catalog of models, GPUs and prices cannot answer."""


class UnknownGpuError(CatalogError):
    """No GPU of that name."""


class UnknownModelError(CatalogError):
    """No model of that name, and no folder or config file either."""


class UnsupportedArchitectureError(CatalogError):
    """The model's architecture cannot be read or loaded."""


class PriceMissingError(CatalogError):
    """No dated price for what was asked."""


class PluginError(AdvisorError):
    """A plugin cannot be used."""


class UnknownPluginError(PluginError):
    """No plugin of that name."""


class DuplicatePluginError(PluginError):
    """Two packages claim one plugin name."""


class PluginContractError(PluginError):
    """A plugin lacks a member that its contract asks for."""


class MissingExtraError(PluginError):
    """An optional part of the installation is needed and absent."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs extra packages that are not installed.",
            hint=f"Install them with: pip install 'finetune-advisor[{extra}]'",
            where=f"extra {extra}",
        )
        self.extra = extra


class MissingProgramError(PluginError):
    """Another project's program does the work, and it is not installed here."""


class RetrieverError(PluginError):
    """A retrieval engine could not be reached, or refused what it was asked."""


class BackendError(AdvisorError):
    """A model could not be opened or did not answer."""


class ModelFolderError(BackendError):
    """A local model folder lacks a part: weights, configuration, tokenizer or chat template."""


class BackendAuthError(BackendError):
    """The model service refused the credentials."""


class BackendQuotaError(BackendError):
    """The model service's account has nothing left to spend."""


class BackendTimeoutError(BackendError):
    """The model service did not answer in time."""


class BackendResponseError(BackendError):
    """The model service answered something that cannot be used."""

    may_pass: bool = False
    """Asking the same again may be answered."""


class DoesNotFitError(AdvisorError):
    """No plan fits the memory at hand."""


class ConsentError(AdvisorError):
    """A step would spend money or start training, and nobody has agreed to it."""


class TrainingError(AdvisorError):
    """Training started and could not be finished."""


class OutOfMemoryError(TrainingError):
    """Training needed more memory than there is."""


class NonFiniteLossError(TrainingError):
    """The loss became infinite or not a number."""


class ExplodingGradientError(TrainingError):
    """The gradient's norm is infinite, or far above what it was, step after step."""


class DivergedError(TrainingError):
    """The loss rose far above where it began."""


class NothingToLearnError(TrainingError):
    """Loss and gradient are exactly 0."""


class ArtifactError(AdvisorError):
    """A run folder cannot be read or written."""


class MissingArtifactError(ArtifactError):
    """A stage was asked for whose input no earlier stage has written."""


class StaleArtifactError(ArtifactError):
    """An artifact was made from inputs that have changed since."""


class SchemaVersionError(ArtifactError):
    """An artifact was written in a format this version does not read."""


class StorageError(ArtifactError):
    """A folder is not writable or the disk is full; nothing half-written was left."""


class AdvisorWarning(UserWarning):
    """Something the reader of a result should know."""


class StalePriceWarning(AdvisorWarning):
    """A price was checked too long ago."""


class SmallSampleWarning(AdvisorWarning):
    """Too few samples for the conclusion asked of them."""


class AssumedValueWarning(AdvisorWarning):
    """A value was neither measured nor found in a table."""
