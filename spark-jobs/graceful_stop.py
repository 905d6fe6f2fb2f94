"""SIGTERM lets the batch under way end, then stops the query.

In a pod spark-submit is the JVM, and Python its child: the signal reaches the JVM, whose shutdown hooks would take
the Spark context from under the batch. A hook of a higher priority than Spark's own waits first. Where Python is
the parent (tests, a notebook) the signal reaches Python, and a handler does the same.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ClassVar

from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from job_log import JobError, say

# Spark's own hook, SparkContext.stop, has 50; higher runs earlier (org.apache.spark.util.ShutdownHookManager).
_PRIORITY = 100
_POLL_SECONDS = 0.2
_REPORTS_FAILURE = "org.apache.spark.sql.execution.streaming.MicroBatchExecution"
# What the hook's own wait may be late by, before Hadoop calls it hung and prints a stack trace.
_SLACK_SECONDS = 10


class _StepCut(BaseException):
    """A step has gone on for too long after a stop was asked for. No error that a step may handle."""


def _cut(number: int, frame: FrameType | None) -> None:
    raise _StepCut


class GracefulStop:
    """Holds a lock while a batch runs; whoever asks to stop waits for it and then lets no batch begin."""

    def __init__(self, spark: SparkSession, timeout_seconds: int) -> None:
        self.requested = threading.Event()
        self._ended = threading.Event()
        self._batch = threading.Lock()
        self._closed = False
        self._next_waits = False
        self._hook_waits = False
        self._cuts_step = False
        self._timeout_seconds = timeout_seconds
        self._handler_before = signal.signal(signal.SIGTERM, self._on_signal)
        self._spark = spark
        self._hook = self._add_jvm_hook()

    def __enter__(self) -> GracefulStop:
        # Once a stop is asked for no batch begins, also when this thread would get the lock before the one that stops.
        while self.requested.is_set() or not self._batch.acquire(timeout=_POLL_SECONDS):
            if self._closed:  # the query's stop waits for this thread
                self.let_the_job_say_it()
                raise JobError("stopping")
            self._next_waits = self.requested.is_set()
            time.sleep(_POLL_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._batch.release()
        if isinstance(error, JobError):
            self.let_the_job_say_it()

    def let_the_job_say_it(self) -> None:
        """Spark prints how a query failed with two stack traces; the job has one sentence that says it."""
        log: Any = self._spark._jvm.org.apache.logging.log4j  # type: ignore[union-attr]
        log.core.config.Configurator.setLevel(_REPORTS_FAILURE, log.Level.OFF)

    def wait(self, query: StreamingQuery) -> None:
        """Returns when the query has ended, by itself or because it was asked to. Raises what ended it."""
        while not query.awaitTermination(1):
            if self.requested.is_set():
                is_complete = self._batch.acquire(timeout=self._timeout_seconds)
                if is_complete:
                    self._wait_for_sparks_own_commit(query)
                self._closed = True
                say("stopping", batch="complete" if is_complete else f"cut after {self._timeout_seconds} s, the next start reads it again")
                query.stop()
                return

    def loop(self, step: Callable[[], bool], idle_seconds: float) -> None:
        """Repeats a step until a stop is asked for, at once when it had something to do. Raises what ends a step.

        A step that goes on for longer than the timeout after that is cut.
        """
        handler_before = signal.signal(signal.SIGALRM, _cut)
        self._cuts_step = True
        try:
            while not self.requested.is_set():
                if not step():
                    self._sleep(idle_seconds)
            say("stopping", batch="complete")
        except _StepCut:
            say("stopping", batch=f"cut after {self._timeout_seconds} s, the next start reads it again")
        finally:
            self._cuts_step = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler_before)
            self.close()

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.requested.is_set() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(_POLL_SECONDS, left))

    def _request(self) -> None:
        self.requested.set()
        if self._cuts_step:
            signal.setitimer(signal.ITIMER_REAL, self._timeout_seconds)

    def _wait_for_sparks_own_commit(self, query: StreamingQuery) -> None:
        """After the batch Spark notes it in the checkpoint; a stop in between would have the next start look at it again."""
        deadline = time.monotonic() + self._timeout_seconds
        while query.status["isTriggerActive"] and not self._next_waits and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """The query has ended: the JVM may go, or the hook is taken back."""
        self._ended.set()
        signal.signal(signal.SIGTERM, self._handler_before)
        if self._hook_waits:
            time.sleep(1)  # its answer has to leave before this process does
        if not self.requested.is_set():
            self._hooks().removeShutdownHook(self._hook)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._request()

    def run(self) -> None:
        """The JVM's shutdown hook (java.lang.Runnable)."""
        self._hook_waits = True
        self._request()
        self._ended.wait(self._timeout_seconds)

    def _hooks(self) -> Any:
        jvm: Any = self._spark._jvm
        return jvm.org.apache.hadoop.util.ShutdownHookManager.get()

    def _add_jvm_hook(self) -> Any:
        jvm: Any = self._spark._jvm
        ensure_callback_server_started(self._spark.sparkContext._gateway)  # type: ignore[no-untyped-call]
        # A thread that is never started: a Runnable with Java's own equals and hashCode.
        hook = jvm.java.lang.Thread(self)
        self._hooks().addShutdownHook(hook, _PRIORITY, self._timeout_seconds + _SLACK_SECONDS, jvm.java.util.concurrent.TimeUnit.SECONDS)
        return hook

    class Java:
        implements: ClassVar = ["java.lang.Runnable"]
