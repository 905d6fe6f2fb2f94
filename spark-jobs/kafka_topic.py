"""What the brokers say of a topic, through the Kafka client that Spark's connector brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from job_log import JobError

_TIMEOUT_MS = 20_000
# What org.apache.kafka.common.Uuid.ZERO_UUID is as text: brokers before 2.8 give no other.
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"


@dataclass(frozen=True)
class TopicState:
    """A topic as its brokers describe it. By partition: the first offset that they still hold, and the one before
    which every record is committed or aborted.
    """

    id: str | None
    """Kafka's own id, another for each topic of one name; None when the brokers are too old to give one."""
    earliest: Mapping[int, int]
    latest: Mapping[int, int]


class KafkaTopic:
    """One topic, asked through an admin client that stays open."""

    def __init__(self, spark: SparkSession, bootstrap_servers: str, topic: str, options: Mapping[str, str]) -> None:
        """`options` are the Kafka client's own settings, e.g. security.protocol."""
        jvm: Any = spark._jvm
        self._jvm = jvm
        self.bootstrap_servers = bootstrap_servers
        self.topic = topic
        properties = jvm.java.util.Properties()
        for key, value in {**options, "bootstrap.servers": bootstrap_servers}.items():
            properties.setProperty(key, value)
        properties.setProperty("request.timeout.ms", str(_TIMEOUT_MS // 2))
        properties.setProperty("default.api.timeout.ms", str(_TIMEOUT_MS))
        try:
            self._admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
        except Py4JJavaError as error:
            raise self._unusable(error) from None

    def state(self) -> TopicState:
        """Raises JobError when the topic does not exist or the brokers do not answer."""
        try:
            names = self._jvm.java.util.Collections.singletonList(self.topic)
            described = self._admin.describeTopics(names).allTopicNames().get().get(self.topic)
            partitions = [info.partition() for info in described.partitions()]
            topic_id = str(described.topicId().toString())
            return TopicState(None if topic_id == _NO_ID else topic_id, self._offsets(partitions, "earliest"), self._offsets(partitions, "latest"))
        except Py4JJavaError as error:
            raise self._unusable(error) from None

    def _offsets(self, partitions: list[int], which: str) -> dict[int, int]:
        wanted = self._jvm.java.util.HashMap()
        keys = {p: self._jvm.org.apache.kafka.common.TopicPartition(self.topic, p) for p in partitions}
        spec = getattr(self._jvm.org.apache.kafka.clients.admin.OffsetSpec, which)()
        for key in keys.values():
            wanted.put(key, spec)
        committed = self._jvm.org.apache.kafka.common.IsolationLevel.READ_COMMITTED
        answer = self._admin.listOffsets(wanted, self._jvm.org.apache.kafka.clients.admin.ListOffsetsOptions(committed)).all().get()
        return {partition: int(answer.get(key).offset()) for partition, key in keys.items()}

    def close(self) -> None:
        self._admin.close()

    def _unusable(self, error: Py4JJavaError) -> JobError:
        cause = error.java_exception
        names, messages = [], []
        while cause is not None:
            names.append(cause.getClass().getSimpleName())
            messages.append(cause.getMessage())
            cause = cause.getCause()
        if "UnknownTopicOrPartitionException" in names:
            return JobError(f"--topic {self.topic}: {self.bootstrap_servers} has no such topic; create it or correct the name")
        if "TimeoutException" in names or "ConfigException" in names:
            return JobError(f"--bootstrap-servers {self.bootstrap_servers} does not answer ({messages[-1]}); correct the address or start the brokers")
        return JobError(f"--topic {self.topic} on {self.bootstrap_servers} cannot be used: {names[-1]}: {messages[-1]}")


def check_is_stored_topic(state: TopicState, topic: str, stored_id: str | None, stored: Mapping[int, int], commits: str) -> None:
    """Raises JobError when the topic is not the one whose records are `stored` (by partition the offset after the last).

    A topic is its id; without one, only that it holds less than is stored gives it away.
    """
    less = {p: (offset, state.latest.get(p, 0)) for p, offset in stored.items() if offset > state.latest.get(p, 0)}
    spans = ", ".join(f"partition {p}: {end} of {offset}" for p, (offset, end) in sorted(less.items()))
    if stored_id is not None and state.id is not None and state.id != stored_id:
        what = f"was deleted and created again: its id is {state.id}, what is stored is of {stored_id}"
    elif less:
        what = f"holds less than is stored of it ({spans}): it was deleted and created again, or its brokers have lost records"
    else:
        return
    raise JobError(
        f"--topic {topic} {what}; {commits} keeps the former records up to "
        + ", ".join(f"partition {p}: {offset - 1}" for p, offset in sorted(stored.items()))
        + ", none of the new ones is stored; to store those from the first on, give the job new folders beside the old ones: "
        "--bronze, --silver, --quarantine and --commits (the streaming job's bronze, silver, quarantine and commits in the chart)"
    )
