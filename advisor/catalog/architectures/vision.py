"""What a multi-modal model has beside its language model: vision tower and projector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from advisor.catalog.architectures.reading import Config
from advisor.schema.catalog import ModelCard


@dataclass(frozen=True)
class Parts:
    """Parameters outside the language model, and those of them in linear modules."""

    parameters: int = 0
    linear_weights: int = 0

    def __add__(self, other: Parts) -> Parts:
        return Parts(self.parameters + other.parameters, self.linear_weights + other.linear_weights)

    def times(self, count: int) -> Parts:
        """So many of the same."""
        return Parts(count * self.parameters, count * self.linear_weights)


Counter = Callable[[Config, int], Parts]
"""From the vision configuration and the width of the language model."""


def linear(inputs: int, outputs: int, *, bias: bool = True) -> Parts:
    """One linear module."""
    return Parts(inputs * outputs + (outputs if bias else 0), inputs * outputs)


def _side(vision: Config, image: int, patch: int) -> int:
    return vision.whole("image_size", default=image) // vision.whole("patch_size", default=patch)


def _patches(vision: Config, hidden: int, patch: int, *, bias: bool) -> Parts:
    """The convolution that turns a patch into a vector."""
    channels = vision.whole("num_channels", "in_channels", default=3)
    entries = channels * vision.whole("patch_size", default=patch) ** 2 * hidden
    return Parts(entries + (hidden if bias else 0))


def _block(hidden: int, width: int, *, bias: bool = True, norm_values: int = 2) -> Parts:
    """Attention and a plain feed-forward, each behind a norm."""
    attention = linear(hidden, hidden, bias=bias).times(4)
    feed_forward = linear(hidden, width, bias=bias) + linear(width, hidden, bias=bias)
    return attention + feed_forward + Parts(2 * norm_values * hidden)


def _gated_block(hidden: int, width: int, *, bias: bool) -> Parts:
    attention = linear(hidden, hidden, bias=bias).times(4)
    feed_forward = linear(hidden, width, bias=bias).times(2) + linear(width, hidden, bias=bias)
    return attention + feed_forward + Parts(2 * hidden)


def _siglip(vision: Config, _: int) -> Parts:
    hidden = vision.whole("hidden_size", default=768)
    width = vision.whole("intermediate_size", default=3072)
    positions = _side(vision, 224, 16) ** 2 * hidden
    block = _block(hidden, width)
    tower = block.times(vision.whole("num_hidden_layers", default=12))
    tower += _patches(vision, hidden, 16, bias=True) + Parts(positions + 2 * hidden)
    if not vision.flag("vision_use_head", default=vision.family.startswith("siglip")):
        return tower
    attention = Parts(3 * hidden * hidden + 3 * hidden) + linear(hidden, hidden)
    feed_forward = linear(hidden, width) + linear(width, hidden)
    return tower + attention + feed_forward + Parts(3 * hidden)


def _clip(vision: Config, _: int) -> Parts:
    hidden = vision.whole("hidden_size", default=768)
    width = vision.whole("intermediate_size", default=3072)
    positions = (_side(vision, 224, 32) ** 2 + 1) * hidden
    tower = _block(hidden, width).times(vision.whole("num_hidden_layers", default=12))
    around = Parts(positions + hidden + 4 * hidden)
    return tower + _patches(vision, hidden, 32, bias=False) + around


def _pixtral(vision: Config, _: int) -> Parts:
    hidden = vision.whole("hidden_size", default=1024)
    width = vision.whole("intermediate_size", default=4096)
    tower = _gated_block(hidden, width, bias=False)
    tower = tower.times(vision.whole("num_hidden_layers", default=24))
    return tower + _patches(vision, hidden, 16, bias=False) + Parts(hidden)


def _merger(vision: Config, hidden: int, outputs: int, *, norm: int) -> Parts:
    """Joins neighbouring patches into one vector of the language model."""
    joined = hidden * vision.whole("spatial_merge_size", default=2) ** 2
    return linear(joined, joined) + linear(joined, outputs) + Parts(norm)


def _video_patches(vision: Config, hidden: int, patch: int, *, bias: bool) -> Parts:
    frames = vision.whole("temporal_patch_size", default=2)
    entries = _patches(vision, hidden, patch, bias=False).parameters * frames
    return Parts(entries + (hidden if bias else 0))


def _qwen2(vision: Config, _: int) -> Parts:
    hidden = vision.whole("embed_dim", default=1280)
    width = int(hidden * float(vision.get("mlp_ratio", 4)))
    tower = _block(hidden, width).times(vision.whole("depth", default=32))
    outputs = vision.whole("hidden_size", default=3584)
    merger = _merger(vision, hidden, outputs, norm=2 * hidden)
    return tower + _video_patches(vision, hidden, 14, bias=False) + merger


def _qwen2_5(vision: Config, _: int) -> Parts:
    hidden = vision.whole("hidden_size", default=3584)
    width = vision.whole("intermediate_size", default=3420)
    tower = _gated_block(hidden, width, bias=True).times(vision.whole("depth", default=32))
    outputs = vision.whole("out_hidden_size", default=3584)
    merger = _merger(vision, hidden, outputs, norm=hidden)
    return tower + _video_patches(vision, hidden, 14, bias=False) + merger


def _qwen3(vision: Config, _: int) -> Parts:
    hidden = vision.whole("hidden_size", default=1152)
    width = vision.whole("intermediate_size", default=4304)
    tower = _block(hidden, width).times(vision.whole("depth", default=27))
    outputs = vision.whole("out_hidden_size", default=3584)
    has_deep = vision.family.startswith("qwen3_vl")
    deep = vision.get("deepstack_visual_indexes", (8, 16, 24) if has_deep else ())
    joined = hidden * vision.whole("spatial_merge_size", default=2) ** 2
    mergers = _merger(vision, hidden, outputs, norm=2 * hidden)
    mergers += _merger(vision, hidden, outputs, norm=2 * joined).times(len(deep))
    positions = vision.whole("num_position_embeddings", default=2304) * hidden
    return tower + _video_patches(vision, hidden, 16, bias=True) + mergers + Parts(positions)


def _llama4(vision: Config, text_width: int) -> Parts:
    hidden = vision.whole("hidden_size", default=768)
    width = vision.whole("intermediate_size", default=5632)
    tower = _block(hidden, width).times(vision.whole("num_hidden_layers", default=34))
    patch = vision.whole("patch_size", default=14)
    patches = linear(vision.whole("num_channels", default=3) * patch**2, hidden, bias=False)
    around = Parts(hidden + (_side(vision, 448, 14) ** 2 + 1) * hidden + 4 * hidden)
    middle = vision.whole("projector_input_dim", default=4096)
    last = vision.whole("projector_output_dim", default=4096)
    adapter = linear(width, middle, bias=False) + linear(last, last, bias=False)
    outputs = vision.whole("vision_output_dim", default=7680)
    return tower + patches + around + adapter + linear(outputs, text_width, bias=False)


def _gemma4(vision: Config, text_width: int) -> Parts:
    hidden = vision.whole("hidden_size", default=768)
    query = vision.whole("num_attention_heads", default=12)
    head = vision.whole("head_dim", default=64)
    key_value = vision.whole("num_key_value_heads", default=query)
    width = vision.whole("intermediate_size", default=3072)
    block = linear(hidden, query * head, bias=False).times(2)
    block += linear(hidden, key_value * head, bias=False).times(2)
    block += linear(hidden, width, bias=False).times(3) + Parts(2 * head + 4 * hidden)
    positions = 2 * vision.whole("position_embedding_size", default=10240) * hidden
    patches = linear(3 * vision.whole("patch_size", default=16) ** 2, hidden, bias=False)
    tower = block.times(vision.whole("num_hidden_layers", default=16))
    return tower + patches + Parts(positions) + linear(hidden, text_width, bias=False)


TOWERS: dict[str, Counter] = {
    "siglip_vision_model": _siglip,
    "idefics3_vision": _siglip,
    "smolvlm_vision": _siglip,
    "clip_vision_model": _clip,
    "pixtral": _pixtral,
    "qwen2_vl": _qwen2,
    "qwen2_vl_vision": _qwen2,
    "qwen2_5_vl": _qwen2_5,
    "qwen2_5_vl_vision": _qwen2_5,
    "qwen3_vl": _qwen3,
    "qwen3_vl_vision": _qwen3,
    "qwen3_vl_moe": _qwen3,
    "qwen3_vl_moe_vision": _qwen3,
    "qwen3_5": _qwen3,
    "qwen3_5_vision": _qwen3,
    "qwen3_5_moe": _qwen3,
    "qwen3_5_moe_vision": _qwen3,
    "llama4_vision_model": _llama4,
    "gemma4_vision": _gemma4,
}
"""By `model_type` of the vision configuration; those with a width of the text end at it."""
_DEFAULT_TOWERS = {
    "gemma3": "siglip_vision_model",
    "paligemma": "siglip_vision_model",
    "llava": "clip_vision_model",
    "llava_next": "clip_vision_model",
    "llava_onevision": "siglip_vision_model",
    "mistral3": "pixtral",
    "idefics3": "idefics3_vision",
    "smolvlm": "smolvlm_vision",
    "llama4": "llama4_vision_model",
    "gemma4": "gemma4_vision",
}


def _two_layers(outer: Config, seen: int, text: int) -> Parts:
    """LLaVA's projector, which may read several layers of the tower."""
    layers = outer.get("vision_feature_layer")
    read = len(layers) if isinstance(layers, list) else 1
    bias = outer.flag("multimodal_projector_bias", default=True)
    return linear(seen * read, text, bias=bias) + linear(text, text, bias=bias)


def _with_newline(outer: Config, seen: int, text: int) -> Parts:
    return _two_layers(outer, seen, text) + Parts(text)


def _mistral(outer: Config, seen: int, text: int) -> Parts:
    merged = seen * outer.whole("spatial_merge_size", default=2) ** 2
    bias = outer.flag("multimodal_projector_bias")
    layers = linear(seen, text, bias=bias) + linear(text, text, bias=bias)
    return layers + linear(merged, seen, bias=False) + Parts(seen)


def _gemma3(_: Config, seen: int, text: int) -> Parts:
    return Parts(seen * text + seen)


def _paligemma(outer: Config, seen: int, text: int) -> Parts:
    return linear(seen, outer.whole("projection_dim", default=text))


def _idefics(outer: Config, seen: int, text: int) -> Parts:
    return linear(seen * outer.whole("scale_factor", default=2) ** 2, text, bias=False)


def _nothing(_: Config, __: int, ___: int) -> Parts:
    return Parts()


_PROJECTORS: dict[str, Callable[[Config, int, int], Parts]] = {
    "gemma3": _gemma3,
    "llava": _two_layers,
    "llava_next": _with_newline,
    "llava_onevision": _with_newline,
    "mistral3": _mistral,
    "paligemma": _paligemma,
    "idefics3": _idefics,
    "smolvlm": _idefics,
    **dict.fromkeys(
        (
            *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"),
            *("llama4", "gemma4"),
        ),
        _nothing,
    ),
}
"""By `model_type` of the whole; nothing where the tower's counter has it."""


def vision_parts(outer: Config, text_width: int) -> Parts | None:
    """Vision tower and projector; None for a kind that nobody reads here."""
    content = outer.get("vision_config")
    project = _PROJECTORS.get(outer.family)
    if not isinstance(content, dict) or project is None:
        return None
    usual = _DEFAULT_TOWERS.get(outer.family, outer.family)
    family = str(content.get("model_type") or usual)
    count = TOWERS.get(family)
    if count is None:
        return None
    vision = Config({**content, "model_type": family}, outer.where)
    seen = vision.whole("hidden_size", default=1024 if count is _pixtral else 768)
    return count(vision, text_width) + project(outer, seen, text_width)


def beside(card: ModelCard, parts: Parts) -> ModelCard:
    """The card with what is loaded along with its language model, and a note that says so."""
    said = f"with {parts.parameters / 1e6:,.0f} million parameters of vision beside it"
    note = "; ".join(part for part in (card.provenance.note, said) if part)
    return card.model_copy(
        update={
            "extra_parameters": parts.parameters,
            "extra_linear_weights": parts.linear_weights,
            "provenance": card.provenance.model_copy(update={"note": note}),
        }
    )
