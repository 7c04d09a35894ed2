"""Counts models with transformers on the meta device and rewrites tests/golden/parameters.yaml.

The catalog's models are counted by their entries; `configurations` of the golden file hold more
configurations, and their counts are renewed. `published` is left as it stands.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "parameters.yaml"
HEAD = """\
# Parameters as transformers counts them on the meta device, by `scripts/golden_parameters.py`.
# `catalog`: models of rules/catalog/models. `configurations`: others, with their config.json.
# `published`: models without a class in transformers, with the total their sources state.
"""


def model_of(config: Mapping[str, Any]) -> Any:
    """The model transformers builds of a configuration, without memory; None without a class."""
    import torch  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        logging,
    )
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: PLC0415

    inner = config.get("text_config", config)
    if inner["model_type"] not in CONFIG_MAPPING:
        return None
    entries = {k: v for k, v in inner.items() if k not in {"model_type", "architectures"}}
    built = AutoConfig.for_model(inner["model_type"], **entries)
    auto: Any = AutoModelForCausalLM
    if re.search(r"t5|bart", inner["model_type"]):
        auto = AutoModelForSeq2SeqLM
    elif re.search(r"bert|electra|mpnet", inner["model_type"]):
        auto = AutoModel
    logging.set_verbosity_error()
    with torch.device("meta"):
        return auto.from_config(built)


def parameters_of(config: Mapping[str, Any], model: Any = None) -> int | None:
    """Its count. A T5 whose configuration unties the head has it once a checkpoint is loaded.

    transformers 5 ties it on creation and leaves it apart where the checkpoint holds both.
    """
    model = model if model is not None else model_of(config)
    if model is None:
        return None
    count = sum(p.numel() for p in model.parameters())
    if "t5" in config["model_type"] and config.get("tie_word_embeddings") is False:
        count += int(config["vocab_size"]) * int(config["d_model"])
    return int(count)


def catalog_configs() -> dict[str, dict[str, Any]]:
    """The configurations of the catalog's models."""
    files = sorted((ROOT / "rules" / "catalog" / "models").glob("*.yaml"))
    families = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return {model["id"]: model["config"] for family in families for model in family["models"]}


def main() -> int:
    """Recount everything; the exit status is 0."""
    from transformers import __version__  # noqa: PLC0415

    golden = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
    counted = {name: parameters_of(config) for name, config in catalog_configs().items()}
    golden["catalog"] = {name: count for name, count in counted.items() if count}
    golden["transformers"] = __version__
    for entry in golden["configurations"]:
        entry["parameters"] = parameters_of(entry["config"])
    text = yaml.safe_dump(golden, sort_keys=False, width=98, default_flow_style=None)
    GOLDEN.write_text(HEAD + text, encoding="utf-8")
    print(f"{len(golden['catalog'])} of the catalog, {len(golden['configurations'])} others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
