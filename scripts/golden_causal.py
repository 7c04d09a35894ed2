"""Reads the default configuration of every causal language model of transformers.

Writes tests/golden/causal.yaml: its parameters by transformers on the meta device, and how it was
read here: `exact`, `near` (by common keys, marked as approximate), `refused`, `encoder` (without
the head for language modelling), or `told` (a part beside the language model is named as not
counted).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from advisor.catalog.architectures import card_of
from advisor.errors import UnsupportedArchitectureError
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "causal.yaml"
HEAD = """\
# Every causal language model of transformers by its default configuration: parameters on the meta
# device and how they are read, by `scripts/golden_causal.py`. Without a number: transformers
# itself cannot build it of its defaults.
"""


def families() -> list[str]:
    """The `model_type` of every causal language model."""
    from transformers.models.auto import modeling_auto  # noqa: PLC0415

    return list(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def default_config(family: str) -> tuple[Any, dict[str, Any]]:
    """The default configuration of transformers, and what its `config.json` would hold."""
    from transformers.models.auto import modeling_auto  # noqa: PLC0415
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: PLC0415

    built = CONFIG_MAPPING[family]()
    content = json.loads(json.dumps(built.to_diff_dict(), default=str))
    named = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[family]
    first = named if isinstance(named, str) else named[0]
    return built, {"architectures": [first], **content, "model_type": family}


def counted(built: Any) -> int:
    """Parameters as transformers builds it."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, logging  # noqa: PLC0415

    logging.set_verbosity_error()
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(built)
    return sum(parameter.numel() for parameter in model.parameters())


def read(family: str, content: dict[str, Any]) -> ModelCard | None:
    """The card; None where it is refused."""
    try:
        return card_of(content, family, Provenance(kind="computed"), where=family)
    except UnsupportedArchitectureError:
        return None


def verdict(card: ModelCard | None, parameters: int | None) -> str:
    """In one word how it was read."""
    if card is None:
        return "refused"
    if card.uncounted:
        return "told"
    if card.kind == "encoder":
        return "encoder"
    if card.is_approximate:
        return "near"
    return "exact" if parameters in (card.parameters + card.extra_parameters, None) else "wrong"


def entry(family: str) -> dict[str, Any]:
    """One line of the golden file."""
    try:
        built, content = default_config(family)
        parameters = counted(built)
    except Exception:  # noqa: BLE001  whatever its defaults lack
        return {"parameters": None, "read": None, "how": "no model"}
    card = read(family, content)
    whole = card.parameters + card.extra_parameters if card else None
    return {"parameters": parameters, "read": whole, "how": verdict(card, parameters)}


def main() -> int:
    """Rewrite the golden file; the exit status is 0."""
    from transformers import __version__  # noqa: PLC0415

    found = {family: entry(family) for family in families()}
    golden = {"transformers": __version__, "families": found}
    text = yaml.safe_dump(golden, sort_keys=False, width=98, default_flow_style=None)
    GOLDEN.write_text(HEAD + text, encoding="utf-8")
    for family, each in found.items():
        if each["read"] and each["read"] != each["parameters"]:
            print(f"{family}: {each['how']}, {each['read'] / each['parameters'] - 1:+.4f}")
    hows = [each["how"] for each in found.values()]
    print({how: hows.count(how) for how in sorted(set(hows))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
