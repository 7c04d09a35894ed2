"""What each launcher's job says, field by field, and that its shell lines do it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from advisor.errors import PlanError, StorageError
from advisor.schema.catalog import Offer
from tests.conformance.test_launchers import ODD, task
from tests.fixtures.cluster import cluster
from trainers.launch.kubernetes import KubernetesLauncher
from trainers.launch.skypilot import ACCELERATORS, SkyPilotLauncher
from trainers.launch.slurm import SlurmLauncher
from trainers.launch.torchrun import TorchrunLauncher

# The fields of a SkyPilot task and of its resources, from its reference of the task file.
SKY_FIELDS = {
    "name", "workdir", "num_nodes", "resources", "envs", "secrets", "file_mounts", "setup", "run",
    "config",
}  # fmt: skip
SKY_RESOURCES = {
    "infra", "accelerators", "cpus", "memory", "instance_type", "use_spot", "disk_size",
    "disk_tier", "network_tier", "ports", "image_id", "labels", "any_of", "ordered",
    "job_recovery", "autostop",
}  # fmt: skip


def offer(**changes) -> Offer:
    base = {
        "gpu": "h100",
        "provider": "aws",
        "kind": "spot",
        "usd_per_gpu_hour": "2.5",
        "region": "us-east-1",
        "gpus": 8,
        "valid_from": "2026-11-01",
        "checked": "2026-11-01",
        "source": "somewhere",
    }
    return Offer(**base | changes)


def spoken(shell: str, folder: Path, **environment: str) -> dict[str, str]:
    """What stand-ins for advisor heard when the job's shell lines ran."""
    tools = folder / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    heard = folder / "heard.json"
    script = (
        "import json, os, sys; json.dump({'words': sys.argv[1:], **os.environ},"
        f" open({str(heard)!r}, 'w'))"
    )
    (tools / "said.py").write_text(script)
    (tools / "advisor").write_text(f'#!/bin/sh\nexec python3 {tools}/said.py "$@"\n')
    (tools / "advisor").chmod(0o755)
    subprocess.run(
        ["bash", "-c", shell],
        check=True,
        env={"PATH": f"{tools}:{os.environ['PATH']}", **environment},
    )
    return json.loads(heard.read_text())


def test_a_skypilot_task_is_for_the_cheapest_offer(tmp_path: Path):
    launched = SkyPilotLauncher().write(task(offer=offer()), tmp_path)
    made = yaml.safe_load(Path(launched.files[0]).read_text())
    assert set(made) <= SKY_FIELDS
    assert set(made["resources"]) <= SKY_RESOURCES
    assert made["num_nodes"] == 2
    assert made["resources"]["accelerators"] == "H100:4"
    assert made["resources"]["infra"] == "aws/us-east-1"
    assert made["resources"]["use_spot"] is True
    assert made["file_mounts"] == {ODD: ODD, "/srv/data.jsonl": "/srv/data.jsonl"}
    assert made["secrets"] == {"HF_TOKEN": None}
    assert "pip install" in made["setup"]
    assert launched.submit[0][:2] == ("sky", "launch")
    assert "--secret" in launched.submit[0]
    assert launched.fetch[0] == ("rsync", "-a", "-s", f"advisor-0123abcd:{ODD}/", f"{ODD}/")


def test_skypilots_run_lines_reach_advisor(tmp_path: Path):
    launched = SkyPilotLauncher().write(task(), tmp_path)
    run = yaml.safe_load(Path(launched.files[0]).read_text())["run"]
    heard = spoken(run, tmp_path, SKYPILOT_NODE_IPS="10.0.0.1\n10.0.0.2", SKYPILOT_NODE_RANK="1")
    assert heard["words"] == ["train", "--run-dir", ODD, "--yes"]
    assert heard["ADVISOR_RDZV_ENDPOINT"] == "10.0.0.1:29500"
    assert heard["ADVISOR_NODE_RANK"] == "1"
    assert heard["ADVISOR_PLANNED_GPU"] == "h100"


def test_skypilot_tells_of_a_provider_it_does_not_know(tmp_path: Path):
    launched = SkyPilotLauncher().write(task(offer=offer(provider="akash")), tmp_path)
    made = yaml.safe_load(Path(launched.files[0]).read_text())
    assert "infra" not in made["resources"]
    assert "akash" in launched.notes[-1]
    with pytest.raises(PlanError, match="no name for the GPU gb10"):
        SkyPilotLauncher().write(task(gpu="gb10"), tmp_path)


def test_every_name_of_an_accelerator_is_of_a_gpu_of_the_catalog(root: Path):
    known = {path.stem for path in (root / "rules" / "catalog" / "gpus").glob("*.yaml")}
    assert set(ACCELERATORS) <= known


def test_a_slurm_script_checkpoints_and_queues_itself_again(tmp_path: Path):
    launched = SlurmLauncher().write(task(setup=()), tmp_path)
    script = Path(launched.files[0]).read_text()
    for line in (
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --gres=gpu:4",
        "#SBATCH --time=5:00:00",
        "#SBATCH --signal=TERM@120",
        "#SBATCH --requeue",
    ):
        assert line in script.splitlines()
    assert launched.submit[0][-1] == launched.files[0]
    assert f"--chdir={ODD}" in launched.submit[0]


@pytest.mark.parametrize(("code", "again"), [(0, False), (1, False), (130, True)])
def test_a_slurm_job_is_queued_again_only_where_it_was_interrupted(
    tmp_path: Path,
    code: int,
    again: bool,  # noqa: FBT001 - a parameter of the test
):
    tools = cluster(tmp_path)
    job = task(setup=(), command=("bash", "-c", f"exit {code}"), settings={})
    launched = SlurmLauncher().write(job, tmp_path / "job")
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    environment["SLURM_JOB_NODELIST"] = "n[1-2]"
    done = subprocess.run(["bash", launched.files[0]], env=environment, check=False)
    assert done.returncode == code
    assert (tmp_path / "requeued").exists() is again


def test_slurms_machines_meet_at_the_first(tmp_path: Path):
    cluster(tmp_path)
    launched = SlurmLauncher().write(task(setup=()), tmp_path / "job")
    script = Path(launched.files[0]).read_text()
    heard = spoken(script, tmp_path, SLURM_JOB_ID="7", SLURM_JOB_NODELIST="n[1-2]")
    assert heard["words"] == ["train", "--run-dir", ODD, "--yes"]
    assert heard["ADVISOR_RDZV_ENDPOINT"] == "n1:29500"
    assert heard["ADVISOR_NODE_RANK"] == "0"


def test_a_kubernetes_job_is_indexed_with_gpus_and_a_volume(tmp_path: Path):
    launched = KubernetesLauncher().write(task(), tmp_path)
    job_file, files_file = launched.files
    service, job = yaml.safe_load_all(Path(job_file).read_text())
    claim, keeper = yaml.safe_load_all(Path(files_file).read_text())
    assert (service["kind"], service["spec"]["clusterIP"]) == ("Service", "None")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (2, 2, "Indexed")
    assert spec["activeDeadlineSeconds"] == 5 * 3600
    assert pod["restartPolicy"] == "Never"
    assert pod["subdomain"] == service["metadata"]["name"]
    [container] = pod["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 4}
    assert container["envFrom"] == [{"secretRef": {"name": "advisor-0123abcd"}}]
    assert {"name": "files", "mountPath": ODD, "subPath": f"files{ODD}"} in container[
        "volumeMounts"
    ]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert keeper["kind"] == "Pod"
    assert ("kubectl", "apply", "-f", job_file) == launched.submit[-1]
    assert launched.fetch[0][-1] == ODD


def test_kubernetes_run_lines_reach_advisor(tmp_path: Path):
    launched = KubernetesLauncher().write(task(setup=()), tmp_path)
    [_, job] = yaml.safe_load_all(Path(launched.files[0]).read_text())
    [container] = job["spec"]["template"]["spec"]["containers"]
    heard = spoken(container["command"][-1], tmp_path, JOB_COMPLETION_INDEX="1")
    assert heard["ADVISOR_RDZV_ENDPOINT"] == "advisor-0123abcd-0.advisor-0123abcd:29500"
    assert heard["ADVISOR_NODE_RANK"] == "1"
    assert heard["words"][-2:] == [ODD, "--yes"]


def test_own_machines_are_numbered_by_hand(tmp_path: Path):
    run = tmp_path / "a run"
    run.mkdir()
    launched = TorchrunLauncher().write(task(run_dir=str(run)), tmp_path / "job")
    heard = spoken(f"bash {launched.files[0]} first 1", tmp_path)
    assert heard["ADVISOR_RDZV_ENDPOINT"] == "first:29500"
    assert heard["ADVISOR_NODE_RANK"] == "1"
    told = subprocess.run(["bash", launched.files[0]], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "usage" in told.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        SlurmLauncher().write(task(), tmp_path / "file" / "job")
