"""Spark on this machine: the jobs as processes of their own, and what a session in this process needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local import fetch, manifests
from local.object_store import ObjectStore
from local.process import Process

JOBS = fetch.REPOSITORY / "spark-jobs"
DEFAULTS = JOBS / "spark-defaults.conf"


def default_conf() -> dict[str, str]:
    """The settings that stand in spark-jobs/spark-defaults.conf, as the cluster's jobs have them."""
    conf = {}
    for line in DEFAULTS.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            key, value = line.split(None, 1)
            conf[key] = value.strip()
    return conf


def local_conf(folder: Path, object_store: ObjectStore | None = None) -> dict[str, str]:
    """The jobs' settings, and what differs on one machine: connectors from the cache, local folders, no UI."""
    return {
        **default_conf(),
        "spark.driver.extraClassPath": _connectors(),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder / "spark"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        # One machine: what does not answer is down, so a job says so soon instead of after minutes of retries.
        "spark.hadoop.fs.s3a.attempts.maximum": "3",
        "spark.hadoop.fs.s3a.retry.limit": "3",
        **(object_store.spark_conf() if object_store else {}),
    }


def environment(object_store: ObjectStore | None = None) -> dict[str, str]:
    """What a job finds in its environment: the interpreter, the modules beside it and the S3 credentials."""
    python = str(fetch.python())
    home = os.environ.get("JAVA_HOME")
    return {
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "PYTHONPATH": str(JOBS),
        "SPARK_LOCAL_IP": "127.0.0.1",
        **({"JAVA_HOME": home} if home else {}),
        **(object_store.environment if object_store else {}),
    }


@dataclass(frozen=True)
class Pods:
    """A driver and executors in processes of their own, in place of one process for all."""

    executors: int
    driver_memory: str
    executor_memory: str

    @classmethod
    def of_chart(cls, application: str, executors: int) -> Pods:
        """With the heaps that the SparkApplication of this name has in dist/."""
        spec = manifests.named("SparkApplication", application)["spec"]
        return cls(executors, spec["driver"]["memory"], spec["executor"]["memory"])

    @property
    def conf(self) -> dict[str, str]:
        return {"spark.executor.memory": self.executor_memory, "spark.executor.extraClassPath": _connectors()}

    @property
    def master(self) -> str:
        """Spark's own small cluster, whose workers are in the driver's process: one executor of one task slot on each."""
        return f"local-cluster[{self.executors},1,{_mebibytes(self.executor_memory)}]"


def submit(
    job: Path,
    arguments: Sequence[str],
    folder: Path,
    *,
    object_store: ObjectStore | None = None,
    conf: Mapping[str, str] | None = None,
    extra_environment: Mapping[str, str] | None = None,
    cores: int = 2,
    memory: str = "2g",
    pods: Pods | None = None,
) -> Process:
    """Starts a job with spark-submit on `local[cores]`, or on pods; its log and scratch files are in `folder`.

    stop() lets it finish its batch, as Kubernetes' SIGTERM does; kill() is a crash.
    """
    properties = _properties(folder, {**local_conf(folder, object_store), **(pods.conf if pods else {}), **(conf or {})})
    home = _links_to(_spark_home(), folder / "spark-home") if pods else _spark_home()
    size = ["--master", pods.master, "--driver-memory", pods.driver_memory] if pods else ["--master", f"local[{cores}]", "--driver-memory", memory]
    command = [home / "bin" / "spark-submit", *size, "--properties-file", properties, job, *arguments]
    variables = {**environment(object_store), "SPARK_HOME": str(home), **(extra_environment or {})}
    return Process(f"the {job.stem.replace('_', ' ')}", command, folder / f"{job.stem}.log", variables, cwd=folder)


def session_environment(folder: Path, object_store: ObjectStore | None = None, cores: int = 2, memory: str = "2g") -> dict[str, str]:
    """With this in its environment, a session that this process makes has what submit() gives a job."""
    properties = _properties(folder, local_conf(folder, object_store))
    arguments = f"--master local[{cores}] --driver-memory {memory} --properties-file {properties} pyspark-shell"
    return {**environment(object_store), "PYSPARK_SUBMIT_ARGS": arguments}


def _properties(folder: Path, settings: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "spark.conf"
    properties.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    return properties


def _connectors() -> str:
    return f"{fetch.artifacts()['spark-connectors'].folder}/*"


def _mebibytes(jvm_size: str) -> int:
    return int(jvm_size[:-1]) * {"m": 1, "g": 1024}[jvm_size[-1]]


def _spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


def _links_to(home: Path, folder: Path) -> Path:
    """A Spark home for one job: its workers write beside Spark's programs."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in home.iterdir():
        if not (folder / entry.name).exists():
            (folder / entry.name).symlink_to(entry)
    return folder
