"""Says what the first of several processes holds of a sharded model: `torchrun parted.py BASE`."""

import sys

import torch.distributed as dist
from transformers import AutoModelForCausalLM

from trainers.engines.trl._spread import shard

dist.init_process_group("gloo")
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
shard(model)
parameters = list(model.parameters())
if dist.get_rank() == 0:
    held = sum(parameter.to_local().numel() for parameter in parameters)
    sys.stdout.write(
        f"{type(parameters[0]).__name__} {held} {sum(p.numel() for p in parameters)}\n"
    )
dist.destroy_process_group()
