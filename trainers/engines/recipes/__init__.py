"""Jobs written down for other engines; pure, so that a plan can be exported without training."""

from trainers.engines.recipes.axolotl import axolotl_config
from trainers.engines.recipes.llamafactory import llamafactory_config
from trainers.engines.recipes.telling import Recipe
from trainers.engines.recipes.trl import trl_command, trl_config
from trainers.engines.recipes.unsloth import unsloth_config

__all__ = [
    "Recipe",
    "axolotl_config",
    "llamafactory_config",
    "trl_command",
    "trl_config",
    "unsloth_config",
]
