"""A trainer over several processes: copies of the model (DDP), or one in shards (FSDP2)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import TrainerCallback

from advisor.errors import PlanError, TrainingError
from advisor.schema.plan import Plan
from trainers.engines.trl._ranks import agreed, check_world, is_first, summed, together

TRAINED = "trained.safetensors"
"""The trained parameters of a sharded model in a checkpoint, whole, under their own names."""
OPTIMIZER = "optimizer.pt"
SCHEDULER = "scheduler.pt"
DECISIONS = (
    "should_training_stop", "should_epoch_stop", "should_save", "should_evaluate", "should_log",
)  # fmt: skip


class Agreement(TrainerCallback):  # type: ignore[misc]
    """What to do after a step is the first process's decision: clocks differ between processes."""

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_: Any) -> None:
        """Take over the first process's decisions; stands behind every other callback."""
        decided = agreed([getattr(control, name) for name in DECISIONS])
        for name, value in zip(DECISIONS, decided, strict=True):
            setattr(control, name, value)


class Spread:
    """Put before a watched trainer class where several processes train together."""

    plan: ClassVar[Plan]
    _tokens: Any

    def __init__(self, *positional: Any, **named: Any) -> None:
        if self.is_sharded:
            shard(named["model"])
        super().__init__(*positional, **named)
        check_world(self.accelerator.num_processes, self.plan)  # type: ignore[attr-defined]
        self.add_callback(Agreement())  # type: ignore[attr-defined]
        self._counted = 0
        self._total = 0.0

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds a part of every weight."""
        return self.plan.strategy == "fsdp"

    @property
    def tokens_seen(self) -> int:
        """Tokens trained on by all processes, as of the last whole step."""
        return int(self._total)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """The norm, and loss and tokens of the step over all processes, so that all judge alike."""
        if isinstance(grad_norm, DTensor):
            grad_norm = grad_norm.full_tensor()
        own = int(self._tokens)
        loss, tokens = summed([float(sum(self._losses)), float(own - self._counted)])  # type: ignore[has-type]
        self._counted, self._total = own, self._total + tokens
        self._losses = [loss / self.plan.gpus]
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[misc]
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def whole(self) -> bool:
        """Put a sharded model together; whether this process is the one to keep it."""
        if self.is_sharded:
            gather(self.model)  # type: ignore[attr-defined]
        return is_first()

    def _save_checkpoint(self, *positional: Any, **named: Any) -> None:
        """A checkpoint is written when every process has written its part."""
        super()._save_checkpoint(*positional, **named)  # type: ignore[misc]
        together()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's own signature
        """The library's way, or the trained parameters of a sharded model put together."""
        if not self.is_sharded:
            super().save_model(output_dir, _internal_call)  # type: ignore[misc]
            return
        folder = Path(output_dir or self.args.output_dir)  # type: ignore[attr-defined]
        rest(self.model)  # type: ignore[attr-defined]
        trained = {
            name: unsharded(parameter.detach()).cpu().contiguous()
            for name, parameter in self.model.named_parameters()  # type: ignore[attr-defined]
            if parameter.requires_grad
        }
        if is_first():
            folder.mkdir(parents=True, exist_ok=True)
            save_file(trained, folder / TRAINED)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """The same way back."""
        if not self.is_sharded:
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
            return
        whole = load_file(Path(resume_from_checkpoint) / TRAINED)
        with torch.no_grad():
            for name, parameter in (model or self.model).named_parameters():  # type: ignore[attr-defined]
                if parameter.requires_grad:
                    parameter.copy_(sharded_like(parameter, whole[name]))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """The library's way; the states of a sharded model are put together before."""
        if not self.is_sharded:
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        state = self.optimizer.state_dict()  # type: ignore[attr-defined]
        state["state"] = {
            index: {name: unsharded(value) for name, value in values.items()}
            for index, values in state["state"].items()
        }
        if is_first():
            torch.save(state, Path(output_dir) / OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)  # type: ignore[attr-defined]

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """The same way back: every process takes its shard."""
        if not self.is_sharded or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
            return
        optimizer = self.optimizer  # type: ignore[attr-defined]
        state = torch.load(Path(checkpoint) / OPTIMIZER, map_location="cpu", weights_only=True)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for index, values in state["state"].items():
            for name, value in values.items():
                if isinstance(value, torch.Tensor) and value.shape == parameters[index].shape:
                    values[name] = sharded_like(parameters[index], value)
        optimizer.load_state_dict(state)
        scheduler = torch.load(Path(checkpoint) / SCHEDULER, weights_only=True)
        self.lr_scheduler.load_state_dict(scheduler)  # type: ignore[attr-defined]


@functools.cache
def _spread(trainer_class: type, plan_text: str) -> type:
    members = {"plan": Plan.model_validate_json(plan_text)}
    return type(f"Spread{trainer_class.__name__}", (Spread, trainer_class), members)


def spread(trainer_class: type, plan: Plan) -> type:
    """The trainer class for the plan's processes: itself for one."""
    if plan.gpus == 1:
        return trainer_class
    return _spread(trainer_class, plan.model_dump_json())


def unsharded(value: Any) -> Any:
    """A tensor that is spread over processes as a whole; all of them must ask."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def sharded_like(parameter: Any, whole: torch.Tensor) -> Any:
    """This process's part of a whole tensor, as the parameter is parted."""
    whole = whole.to(dtype=parameter.dtype, device=parameter.device)
    if not isinstance(parameter, DTensor):
        return whole
    return distribute_tensor(whole, parameter.device_mesh, parameter.placements, src_data_rank=None)


def shard(model: Any) -> None:
    """Part every weight over the processes, block by block; done once.

    Raises PlanError for quantised weights, TrainingError when a process still holds everything.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if isinstance(base, FSDPModule):
        return
    if any(not parameter.is_floating_point() for parameter in base.parameters()):
        raise PlanError(
            "Quantised weights cannot be parted over processes (strategy 'fsdp') by this trainer.",
            hint="Use --strategy ddp, which gives every process a copy, or the method lora.",
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    mesh = init_device_mesh(device, (torch.distributed.get_world_size(),))
    blocks = set(getattr(base, "_no_split_modules", None) or ())
    if device == "cuda":
        model.to(device)
    for module in list(base.modules()):
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh)
    # parameters must be shards between two calls: an optimizer made then would hold copies
    fully_shard(base, mesh=mesh, reshard_after_forward=True)
    base._is_distributed_loading_by_transformers = True  # noqa: SLF001 - the library then wraps no more
    _check_parted(base)


def _check_parted(model: Any) -> None:
    parameters = list(model.parameters())
    held = sum(p.to_local().numel() for p in parameters if isinstance(p, DTensor))
    total = sum(p.numel() for p in parameters)
    if any(not isinstance(p, DTensor) for p in parameters) or held >= total:
        raise TrainingError(
            "The model was not parted over the processes: each still holds all of it.",
            hint="Use --strategy ddp, or report this as a bug.",
        )


def rest(model: Any) -> None:
    """Let go of weights that were put together for a look; parameters are shards again."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def gather(model: Any) -> None:
    """Make a sharded model whole in the first process, so that it can be saved like any other."""
    first, known = is_first(), {}
    rest(model)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    base._is_distributed_loading_by_transformers = False  # noqa: SLF001 - no more than one saves it
    for module in list(model.modules()):
        for name, parameter in list(module._parameters.items()):  # noqa: SLF001 - tied weights stay tied
            if not isinstance(parameter, DTensor):
                continue
            if id(parameter) not in known:
                whole = parameter.full_tensor().cpu()
                whole = whole if first else torch.empty(0)
                known[id(parameter)] = torch.nn.Parameter(
                    whole, requires_grad=parameter.requires_grad and first
                )
            module._parameters[name] = known[id(parameter)]  # noqa: SLF001 - the same
