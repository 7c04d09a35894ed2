"""Counts multi-modal models with transformers on the meta device: tests/golden/vision.yaml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "vision.yaml"
HEAD = """\
# Parameters beside the language model (vision tower, projector) as transformers counts them on
# the meta device, and those in linear modules, by `scripts/golden_vision.py`.
"""
_LANGUAGE = ("language_model", "text_model", "lm_head")


def counted(config: Mapping[str, Any]) -> tuple[int, int]:
    """Parameters outside the language model, and weights of linear modules among them."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForImageTextToText, logging  # noqa: PLC0415
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: PLC0415

    logging.set_verbosity_error()
    built = CONFIG_MAPPING[config["model_type"]].from_dict(dict(config))
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(built)
    beside = [
        (name, parameter.numel())
        for name, parameter in model.named_parameters()
        if not any(word in name for word in _LANGUAGE)
    ]
    linear = [
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not any(word in name for word in _LANGUAGE)
    ]
    return sum(count for _, count in beside), sum(linear)


def main() -> int:
    """Recount every model of the file; the exit status is 0."""
    from transformers import __version__  # noqa: PLC0415

    golden = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
    golden["transformers"] = __version__
    for entry in golden["models"].values():
        entry["parameters"], entry["linear_weights"] = counted(entry["config"])
    text = yaml.safe_dump(golden, sort_keys=False, width=98, default_flow_style=None)
    GOLDEN.write_text(HEAD + text, encoding="utf-8")
    print(f"{len(golden['models'])} models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
