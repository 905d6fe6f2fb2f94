"""Spark on this machine: the jobs as processes of their own, and what a session in this process needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import fetch
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
        "spark.driver.extraClassPath": f"{fetch.artifacts()['spark-connectors'].folder}/*",
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
) -> Process:
    """Starts a job with spark-submit on `local[cores]`; its log and scratch files are in `folder`.

    stop() lets it finish its batch, as Kubernetes' SIGTERM does; kill() is a crash.
    """
    properties = _properties(folder, {**local_conf(folder, object_store), **(conf or {})})
    spark_submit = Path(_spark_home()) / "bin" / "spark-submit"
    command = [spark_submit, "--master", f"local[{cores}]", "--driver-memory", memory, "--properties-file", properties, job, *arguments]
    return Process(f"the {job.stem.replace('_', ' ')}", command, folder / f"{job.stem}.log", {**environment(object_store), **(extra_environment or {})}, cwd=folder)


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


def _spark_home() -> str:
    import pyspark

    return os.path.dirname(pyspark.__file__)
