"""Kubernetes: a volume, a service by which machines meet, and an indexed job."""

from __future__ import annotations

import math
import shlex
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from advisor.contracts import PluginInfo
from advisor.schema.launch import Launched, LaunchTask
from trainers.launch.scripts import limit_hours, line, meeting, written

FILES_FILE, JOB_FILE = "files.yaml", "job.yaml"
VOLUME = "/advisor"
VOLUME_GIB = 200
RESTARTS = 6
GRACE_SECONDS = 120
IMAGE = "python:3.11-slim"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where Linux has it
TOLD = (1, 2, 3, 4)
"""Exit codes of an error that was told; trying again would end the same."""
CPUS_PER_GPU, MEMORY_SHARE, LEAST_GIB = 2, 0.5, 4
"""Asked for, not limits: processors, and main memory as a share of what would be comfortable."""
PREPARE = (
    'for p; do mkdir -p "$(dirname "$p")"; rm -rf "$p.earlier";'
    ' if [ -e "$p" ]; then mv "$p" "$p.earlier"; fi; done'
)
"""Makes way for what is copied; one earlier state stays beside it."""
REPLACES = (
    "Submitting again deletes the earlier job and puts what is here in place of what is on the"
    " volume (kept there once, as *.earlier): bring the run folder back first to go on from it."
)
SECONDS_PER_HOUR = 3600


class KubernetesLauncher:
    """Files are copied into the volume and mounted at the place they have here."""

    info = PluginInfo(id="k8s", label="a Kubernetes cluster with GPUs", spends_money=True)

    def write(self, task: LaunchTask, folder: Path) -> Launched:
        """The volume with its keeper pod, the job, and the commands between."""
        files = written(folder, FILES_FILE, _documents(_claim(task), _keeper(task)))
        job = written(folder, JOB_FILE, _documents(*_service(task), _job(task)))
        keeper = f"{task.name}-files"
        places = [f"{VOLUME}/files{PurePosixPath(path)}" for path in task.send]
        copies = [
            ("kubectl", "cp", path, f"{keeper}:{place}")
            for path, place in zip(task.send, places, strict=True)
        ]
        opened = (
            ("kubectl", "apply", "-f", files),
            ("kubectl", "wait", "--for=condition=Ready", f"pod/{keeper}", "--timeout=300s"),
        )
        active = "--output=jsonpath={.status.active}"
        return Launched(
            launcher=self.info.id,
            files=(job, files),
            tool="kubectl",
            submit=(
                ("kubectl", "delete", "-f", job, "--ignore-not-found"),
                *opened,
                ("kubectl", "exec", keeper, "--", "sh", "-c", PREPARE, "sh", *places),
                *copies,
                # A volume of one machine (ReadWriteOnce) must be free when the job's pod starts.
                ("kubectl", "delete", "pod", keeper),
                ("kubectl", "apply", "-f", job),
            ),
            fetch=(
                *opened,
                ("kubectl", "cp", f"{keeper}:{VOLUME}/files{task.run_dir}", task.run_dir),
                ("kubectl", "delete", "-f", job, "-f", files),
            ),
            look=("kubectl", "get", "job", task.name, "--ignore-not-found", active),
            notes=_notes(task),
        )


def _notes(task: LaunchTask) -> tuple[str, ...]:
    notes = [REPLACES]
    if task.variables:
        words = " ".join(f'--from-literal={name}="${name}"' for name in task.variables)
        made = f"kubectl create secret generic {task.name} {words}"
        notes.append(f"Make the secret first, in your own shell: {made}")
    if task.nodes > 1:
        notes.append("Several machines need a storage class that many may write (ReadWriteMany).")
    return tuple(notes)


def _documents(*documents: dict[str, Any]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, width=1000)


def _named(task: LaunchTask, kind: str, version: str, name: str = "") -> dict[str, Any]:
    labels = {"app": task.name}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name or task.name, "labels": labels},
    }


def _claim(task: LaunchTask) -> dict[str, Any]:
    mode = "ReadWriteMany" if task.nodes > 1 else "ReadWriteOnce"
    size = {"requests": {"storage": f"{VOLUME_GIB}Gi"}}
    spec = {"accessModes": [mode], "resources": size}
    return _named(task, "PersistentVolumeClaim", "v1") | {"spec": spec}


def _volumes(task: LaunchTask) -> list[dict[str, Any]]:
    return [{"name": "files", "persistentVolumeClaim": {"claimName": task.name}}]


def _resources(task: LaunchTask) -> dict[str, Any]:
    """What the scheduler is asked for; only GPUs are a limit."""
    memory = max(LEAST_GIB, math.ceil((task.memory_gib or 0) * MEMORY_SHARE))
    requests = {"cpu": CPUS_PER_GPU * task.gpus_per_node, "memory": f"{memory}Gi"}
    resources: dict[str, Any] = {"requests": requests}
    if task.gpu != "cpu":
        resources["limits"] = {"nvidia.com/gpu": task.gpus_per_node}
    return resources


def _failures(task: LaunchTask) -> dict[str, Any]:
    """Which ends are final and which do not count.

    With several machines exit code 1 may only say that another one was lost, so it is tried again.
    """
    final = [code for code in TOLD if code != 1 or task.nodes == 1]
    codes = {"containerName": "train", "operator": "In", "values": final}
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    return {
        "rules": [
            {"action": "Ignore", "onPodConditions": disrupted},
            {"action": "FailJob", "onExitCodes": codes},
        ]
    }


def _keeper(task: LaunchTask) -> dict[str, Any]:
    """A pod that holds the volume open for copies, before the job and after it."""
    container = {
        "name": "files",
        "image": "busybox:stable",
        "command": ["sleep", "infinity"],
        "volumeMounts": [{"name": "files", "mountPath": VOLUME}],
    }
    spec = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": _volumes(task),
    }
    return _named(task, "Pod", "v1", f"{task.name}-files") | {"spec": spec}


def _service(task: LaunchTask) -> list[dict[str, Any]]:
    """A headless service, by which the machines of an indexed job have names."""
    if task.nodes == 1:
        return []
    spec = {"clusterIP": "None", "selector": {"job-name": task.name}}
    return [_named(task, "Service", "v1") | {"spec": spec}]


def _job(task: LaunchTask) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "train",
        "image": task.image or IMAGE,
        "command": ["bash", "-c", "\n".join(["set -e", *task.setup, *_run(task)])],
        "volumeMounts": [
            *(
                {"name": "files", "mountPath": path, "subPath": f"files{path}"}
                for path in task.send
            ),
            {"name": "memory", "mountPath": SHARED_MEMORY},
        ],
        "resources": _resources(task),
    }
    if task.variables:
        container["envFrom"] = [{"secretRef": {"name": task.name}}]
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [container],
        # GPUs of one machine talk through it; without a volume it has 64 MiB.
        "volumes": [*_volumes(task), {"name": "memory", "emptyDir": {"medium": "Memory"}}],
    }
    if task.nodes > 1:
        pod["subdomain"] = task.name
    spec: dict[str, Any] = {
        "completions": task.nodes,
        "parallelism": task.nodes,
        "completionMode": "Indexed",
        "backoffLimit": RESTARTS,
        "podFailurePolicy": _failures(task),
        "template": {"metadata": {"labels": {"app": task.name}}, "spec": pod},
    }
    hours = limit_hours(task)
    if hours:
        spec["activeDeadlineSeconds"] = hours * SECONDS_PER_HOUR
    return _named(task, "Job", "batch/v1") | {"spec": spec}


def _run(task: LaunchTask) -> list[str]:
    host = shlex.quote(f"{task.name}-0.{task.name}")
    return [*meeting(task, host, '"$JOB_COMPLETION_INDEX"'), line(task)]
