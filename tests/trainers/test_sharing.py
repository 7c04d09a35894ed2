"""What several processes are started with: configurations, command lines, and their line home."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
import yaml

from advisor.errors import MissingExtraError, PlanError, TrainingError
from tests.fixtures.training import training_plan
from trainers.engines.trl.channel import Line, connect, listen
from trainers.engines.trl.sharing import (
    accelerate_config,
    check_deepspeed,
    check_plan,
    deepspeed_config,
    write_configurations,
)
from trainers.engines.trl.together import ENDPOINT, NODE, launch_command, node_rank, told_error

# Keys of DeepSpeed's configuration, from its documentation.
DEEPSPEED = {
    "train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps",
    "gradient_clipping", "optimizer", "scheduler", "fp16", "bf16", "zero_optimization",
    "zero_allow_untested_optimizer", "steps_per_print", "wall_clock_breakdown",
}  # fmt: skip
ZERO = {
    "stage", "overlap_comm", "contiguous_gradients", "reduce_bucket_size", "offload_optimizer",
    "offload_param", "stage3_gather_16bit_weights_on_model_save", "stage3_max_live_parameters",
}  # fmt: skip
BRANCHES = ["ddp", "fsdp", "zero1", "zero2", "zero3"]


def plan(strategy: str = "ddp", **changes):
    return training_plan("tiny", **{"gpus": 4, "strategy": strategy} | changes)


@pytest.mark.parametrize("strategy", ["zero1", "zero2", "zero3"])
@pytest.mark.parametrize("offload", ["none", "optimizer", "weights"])
def test_deepspeeds_configuration_has_its_keys_and_the_plans_batch(strategy: str, offload: str):
    config = deepspeed_config(
        plan(strategy, offload=offload, gradient_accumulation_steps=8, precision="bfloat16")
    )
    assert set(config) <= DEEPSPEED
    assert set(config["zero_optimization"]) <= ZERO
    assert config["zero_optimization"]["stage"] == int(strategy[-1])
    assert config["train_batch_size"] == 4 * 8 * 4
    assert config["bf16"] == {"enabled": True}
    assert ("offload_optimizer" in config["zero_optimization"]) is (offload != "none")
    assert json.loads(json.dumps(config)) == config


@pytest.mark.ml
@pytest.mark.parametrize("strategy", BRANCHES)
def test_accelerate_reads_its_configuration(strategy: str, tmp_path: Path):
    from accelerate.commands.config.config_args import load_config_from_file

    files = write_configurations(plan(strategy, nodes=2), tmp_path)
    assert ("ds_config.json" in {file.name for file in files}) is strategy.startswith("zero")
    config = load_config_from_file(str(files[0]))
    assert (config.num_processes, config.num_machines) == (4, 2)
    assert config.distributed_type == accelerate_config(plan(strategy))["distributed_type"]


@pytest.mark.ml
def test_accelerates_keys_for_sharding_are_options_of_its_launcher():
    from accelerate.commands.launch import launch_command_parser

    known = {action.dest for action in launch_command_parser()._actions}
    assert set(accelerate_config(plan("fsdp"))["fsdp_config"]) <= known


def test_no_configuration_leaves_a_value_open():
    for strategy in BRANCHES:
        assert "auto" not in yaml.safe_dump(accelerate_config(plan(strategy))).split()


def test_what_cannot_be_shared_is_refused():
    with pytest.raises(PlanError, match="layer_split"):
        check_plan(plan("layer_split"))
    with pytest.raises(PlanError, match="equal machines"):
        check_plan(plan("ddp", nodes=3))


@pytest.mark.parametrize(("strategy", "why"), [("zero2", "not installed"), ("zero3", "ZeRO-3")])
def test_deepspeed_that_cannot_be_used_is_told_with_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strategy: str, why: str
):
    monkeypatch.setattr("trainers.engines.trl.sharing.find_spec", lambda _: None)
    files = write_configurations(plan(strategy), tmp_path)
    with pytest.raises(PlanError, match=why) as told:
        check_deepspeed(plan(strategy), tmp_path)
    assert "--strategy fsdp" in told.value.hint
    assert str(files[1]) in told.value.hint
    check_deepspeed(plan("fsdp"), tmp_path)


def test_one_machine_needs_no_meeting_place():
    words = launch_command(plan(), node_rank(plan()), ["JOB"])
    assert "--standalone" in words
    assert "--nproc-per-node=4" in words
    assert words[-2:] == ["trainers.engines.trl.worker", "JOB"]


def test_several_machines_meet_at_the_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENDPOINT, "10.0.0.1:29500")
    monkeypatch.setenv(NODE, "1")
    two = plan(nodes=2)
    words = launch_command(two, node_rank(two), ["JOB"])
    for word in (
        "--nproc-per-node=2",
        "--nnodes=2",
        "--node-rank=1",
        "--master-addr=10.0.0.1",
        "--master-port=29500",
    ):
        assert word in words


@pytest.mark.parametrize(("endpoint", "node"), [("", "0"), ("a:1", ""), ("a:1", "2"), ("a:1", "x")])
def test_a_machine_that_does_not_know_its_number_is_told(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, node: str
):
    monkeypatch.setenv(ENDPOINT, endpoint)
    monkeypatch.setenv(NODE, node)
    with pytest.raises(PlanError, match="which one this is was not said"):
        node_rank(plan(nodes=2))


def test_errors_come_back_as_what_they_were():
    said = {"message": "No.", "hint": "Yes.", "where": "here"}
    for kind in (PlanError, TrainingError, MissingExtraError):
        error = told_error({"type": kind.__name__, **said})
        assert type(error) is kind
        assert (error.message, error.hint, error.where) == ("No.", "Yes.", "here")
    assert type(told_error({"type": "Strange", **said})) is TrainingError


def test_a_message_may_be_long_and_several_may_come_at_once():
    with listen() as server:
        ours = connect(server.getsockname()[1])
        theirs = Line(server.accept()[0])
        long = {"text": "ä" * 300_000}
        sender = threading.Thread(target=lambda: (ours.send(long), ours.send({"n": 2})))
        sender.start()
        assert theirs.receive() == long
        assert theirs.receive() == {"n": 2}
        sender.join()
        ours.close()
        with pytest.raises(EOFError):
            theirs.receive()
        theirs.close()


def test_the_line_is_on_loopback_only():
    with listen() as server:
        assert server.getsockname()[0] == "127.0.0.1"
        assert server.family == socket.AF_INET
