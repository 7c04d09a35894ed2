"""What the interview need not ask: measured from data, documents, model and machine."""

from __future__ import annotations

from advisor.catalog.query import find_model
from advisor.data_check.split import split
from advisor.errors import DatasetError
from advisor.formats.documents import read_corpus
from advisor.formats.mapping import parse_mapping
from advisor.formats.readers import read_dataset
from advisor.interview.closing import Inputs
from advisor.registry import readers
from advisor.schema.dataset import Dataset
from advisor.schema.evaluation import Sample
from advisor.schema.profile import Profile
from advisor.stages.profile.hardware import measure_machine
from advisor.stages.profile.model import model_facts
from advisor.stages.profile.stage import profile


def prefilled(answers: Profile, inputs: Inputs) -> Profile:
    """The answers with what data, documents, model and this machine tell.

    Raises InputError, DatasetError, CorpusError and UnknownModelError.
    """
    mapping = parse_mapping(inputs.mapping)
    dataset = read_dataset(inputs.data, mapping=mapping) if inputs.data else None
    name = inputs.model
    return profile(
        answers=answers,
        dataset=dataset,
        samples=_placed(dataset) if dataset else (),
        documents=read_corpus(inputs.docs, readers()).documents if inputs.docs else (),
        machine=measure_machine(),
        model=model_facts(find_model(name), named=name) if name else None,
    )


def origins(inputs: Inputs) -> dict[str, str]:
    """What each source of measured facts was, for whoever wonders."""
    names = {
        "dataset": inputs.data and inputs.data.name,
        "documents": inputs.docs and inputs.docs.name,
        "catalog": inputs.model,
    }
    found = {source: name for source, name in names.items() if name}
    hints = {f"suggested by {source}": name for source, name in found.items()}
    return found | hints


def _placed(dataset: Dataset) -> tuple[Sample, ...]:
    """The samples as a run would split them; unsplit where they are too few for a test split."""
    try:
        return split(dataset.samples, seed=0)
    except DatasetError:
        return dataset.samples
