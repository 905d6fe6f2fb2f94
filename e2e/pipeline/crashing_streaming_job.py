"""The streaming job that dies by SIGKILL, its JVM with it, at the stage of its second batch that CRASH_AT names."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import batch_writer
import streaming_job
from commit_log import CommitLog, Manifest

CRASH_AT = os.environ["CRASH_AT"]


def die() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def bronze_alone(*actions: Callable[[], None]) -> None:
    side_by_side(*actions[: 1 if batches_begun else None])
    if batches_begun:
        die()
    batches_begun.append(True)


def create(log: CommitLog, manifest: Manifest) -> bool:
    if manifest.sequence == 1 and CRASH_AT == "before the manifest":
        die()
    created = create_manifest(log, manifest)
    if manifest.sequence == 1 and CRASH_AT == "after the manifest":
        die()
    return created


batches_begun: list[bool] = []
side_by_side = batch_writer._side_by_side
create_manifest = CommitLog.create
if CRASH_AT == "after bronze":
    batch_writer._side_by_side = bronze_alone
CommitLog.create = create  # type: ignore[method-assign, assignment]
sys.exit(streaming_job.main(sys.argv[1:]))
