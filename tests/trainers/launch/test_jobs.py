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


def test_skypilot_takes_the_cheapest_of_its_own_clouds_and_tells_the_price(tmp_path: Path):
    elsewhere = offer(provider="jarvislabs", kind="on_demand", usd_per_gpu_hour="2")
    rented = offer(provider="lambda", kind="on_demand", usd_per_gpu_hour="3", gpus=1)
    dearer = offer(provider="gcp", kind="on_demand", usd_per_gpu_hour="4")
    several = (elsewhere, offer(), dearer, rented)
    launched = SkyPilotLauncher().write(task(offer=elsewhere, offers=several), tmp_path)
    made = yaml.safe_load(Path(launched.files[0]).read_text())
    assert made["resources"]["infra"] == "lambda"
    assert made["resources"]["use_spot"] is False
    assert launched.offer == rented
    [told] = [note for note in launched.notes if "lambda, on demand" in note]
    assert "24.00 USD per hour" in told  # 2 machines of 4 GPUs
    assert "jarvislabs, on demand: 32.00" in told  # which rents 8 at a time


@pytest.mark.parametrize(
    ("provider", "kind", "keeps"),
    [("aws", "on_demand", True), ("aws", "spot", False), ("runpod", "on_demand", False)],
)
def test_a_rented_machine_keeps_the_run_folder_where_it_can(
    tmp_path: Path,
    provider: str,
    kind: str,
    keeps: bool,  # noqa: FBT001 - a parameter of the test
):
    rented = offer(provider=provider, kind=kind)
    launched = SkyPilotLauncher().write(task(offer=rented), tmp_path)
    [launch] = launched.submit
    assert launched.waits
    assert "--detach-run" not in launch
    assert ("--down" not in launch) is keeps
    assert any(("sky start" if keeps else "cannot be stopped") in n for n in launched.notes)
    assert [words[0] for words in launched.fetch] == ["rsync", "sky"]


def test_price_and_time_limit_reach_a_rented_machine(tmp_path: Path):
    launched = SkyPilotLauncher().write(task(offer=offer(), nodes=1), tmp_path)
    run = yaml.safe_load(Path(launched.files[0]).read_text())["run"]
    assert "timeout --kill-after=300 5h advisor" in run
    heard = spoken(run, tmp_path)
    assert heard["words"][-2:] == ["--usd-per-hour", "20"]  # 8 GPUs at 2.5
    own = task(offer=offer(), nodes=1, usd_per_hour=7, is_own_price=True)
    launched = SkyPilotLauncher().write(own, tmp_path / "own")
    assert "--usd-per-hour 7\n" in yaml.safe_load(Path(launched.files[0]).read_text())["run"]


def test_data_that_may_not_leave_goes_to_no_cloud(tmp_path: Path):
    with pytest.raises(PlanError, match="may not leave"):
        SkyPilotLauncher().write(task(offer=offer(provider="local", kind="own")), tmp_path)


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
    assert any("akash" in note for note in launched.notes)
    with pytest.raises(PlanError, match="no name for the GPU gb10"):
        SkyPilotLauncher().write(task(gpu="gb10"), tmp_path)


def test_every_name_of_an_accelerator_is_of_a_gpu_of_the_catalog(root: Path):
    known = {path.stem for path in (root / "rules" / "catalog" / "gpus").glob("*.yaml")}
    assert set(ACCELERATORS) <= known


def test_a_slurm_script_checkpoints_and_queues_itself_again(tmp_path: Path):
    launched = SlurmLauncher().write(task(setup=(), memory_gib=320), tmp_path)
    script = Path(launched.files[0]).read_text()
    for line in (
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --gres=gpu:4",
        "#SBATCH --time=5:00:00",
        "#SBATCH --signal=TERM@120",
        "#SBATCH --requeue",
        "#SBATCH --cpus-per-task=16",
        "#SBATCH --mem=320G",
        "#SBATCH --dependency=singleton",
    ):
        assert line in script.splitlines()
    assert launched.submit[0][-1] == launched.files[0]
    assert f"--chdir={ODD}" in launched.submit[0]


@pytest.mark.parametrize(
    ("code", "earlier", "again"),
    [(0, 0, False), (1, 0, False), (130, 0, True), (130, 9, True), (130, 10, False)],
)
def test_a_slurm_job_is_queued_again_only_where_it_was_interrupted(
    tmp_path: Path,
    code: int,
    earlier: int,
    again: bool,  # noqa: FBT001 - a parameter of the test
):
    tools = cluster(tmp_path)
    job = task(setup=(), command=("bash", "-c", f"exit {code}"), settings={})
    launched = SlurmLauncher().write(job, tmp_path / "job")
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    environment |= {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_RESTART_COUNT": str(earlier)}
    done = subprocess.run(["bash", launched.files[0]], env=environment, check=False)
    assert done.returncode == code
    assert (tmp_path / "requeued").exists() is again


def test_a_machine_that_checkpoints_first_ends_no_other(tmp_path: Path):
    launched = SlurmLauncher().write(task(setup=()), tmp_path)
    [srun] = [w for w in Path(launched.files[0]).read_text().splitlines() if w.startswith("srun")]
    assert "--kill-on-bad-exit=0" in srun.split()
    assert "--wait=60" in srun.split()
    assert "--cpus-per-task=16" in srun.split()
    assert any("SBATCH_ACCOUNT" in note for note in launched.notes)


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


def test_a_pod_has_shared_memory_and_asks_for_processors(tmp_path: Path):
    launched = KubernetesLauncher().write(task(memory_gib=320), tmp_path)
    [_, job] = yaml.safe_load_all(Path(launched.files[0]).read_text())
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [memory] = [m["name"] for m in container["volumeMounts"] if m["mountPath"] == "/dev/shm"]
    assert {"name": memory, "emptyDir": {"medium": "Memory"}} in pod["volumes"]
    assert container["resources"]["requests"] == {"cpu": 8, "memory": "160Gi"}


def test_the_keeper_leaves_the_volume_to_the_job_and_comes_back_for_the_copy(tmp_path: Path):
    launched = KubernetesLauncher().write(task(), tmp_path)
    job, files = launched.files
    keeper = "advisor-0123abcd-files"
    submit, fetch = list(launched.submit), list(launched.fetch)
    gone = submit.index(("kubectl", "delete", "pod", keeper))
    assert max(n for n, words in enumerate(submit) if words[1] == "cp") < gone
    assert gone < submit.index(("kubectl", "apply", "-f", job))
    assert fetch[0] == ("kubectl", "apply", "-f", files)
    assert fetch[2] == ("kubectl", "cp", f"{keeper}:/advisor/files{ODD}", ODD)


def test_submitting_again_to_kubernetes_starts_anew_without_nesting(tmp_path: Path):
    launched = KubernetesLauncher().write(task(), tmp_path)
    assert launched.submit[0] == (
        "kubectl",
        "delete",
        "-f",
        launched.files[0],
        "--ignore-not-found",
    )
    [words] = [w for w in launched.submit if w[1] == "exec"]
    there = tmp_path / "volume" / "it's a run"
    there.mkdir(parents=True)
    (there / "old").write_text("")
    fresh = tmp_path / "volume" / "new" / "run"
    shell = words[words.index("sh") :]
    assert [*shell[4:]] == [f"/advisor/files{path}" for path in (ODD, "/srv/data.jsonl")]
    subprocess.run([*shell[:4], str(there), str(fresh)], check=True)
    assert not there.exists()
    assert (there.parent / "it's a run.earlier" / "old").exists()
    assert fresh.parent.is_dir()
    assert not fresh.exists()


@pytest.mark.parametrize(("nodes", "final"), [(1, [1, 2, 3, 4]), (2, [2, 3, 4])])
def test_told_errors_end_a_kubernetes_job_and_lost_machines_do_not(
    tmp_path: Path, nodes: int, final: list[int]
):
    launched = KubernetesLauncher().write(task(nodes=nodes), tmp_path)
    *_, job = yaml.safe_load_all(Path(launched.files[0]).read_text())
    spec = job["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    ignored, failing = spec["podFailurePolicy"]["rules"]
    assert ignored["action"] == "Ignore"
    assert ignored["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert failing["action"] == "FailJob"
    codes = {"containerName": "train", "operator": "In", "values": final}
    assert failing["onExitCodes"] == codes


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
