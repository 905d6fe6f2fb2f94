"""The three buckets of the lake and the locations in them."""

from __future__ import annotations

from dataclasses import dataclass

from local.object_store import ObjectStore


@dataclass(frozen=True)
class Lake:
    """Where the jobs write: the chart's buckets raw-data, silver and gold, with a prefix when several share a server."""

    object_store: ObjectStore
    prefix: str = ""

    @classmethod
    def create(cls, object_store: ObjectStore, prefix: str = "") -> Lake:
        """Makes the buckets."""
        for bucket in ("raw-data", "silver", "gold"):
            object_store.create_bucket(prefix + bucket)
        return cls(object_store, prefix)

    def _url(self, bucket: str, path: str) -> str:
        return f"s3a://{self.prefix}{bucket}/{path}"

    @property
    def bronze(self) -> str:
        return self._url("raw-data", "user-activity/")

    @property
    def silver(self) -> str:
        return self._url("silver", "user-activity-v2/")

    @property
    def quarantine(self) -> str:
        return self._url("silver", "quarantine/user-activity/")

    @property
    def commits(self) -> str:
        return self._url("silver", "commits/user-activity/")

    @property
    def streaming_checkpoint(self) -> str:
        return self._url("silver", "checkpoints/user-activity/")

    @property
    def gold_checkpoint(self) -> str:
        return self._url("gold", "checkpoints/user-activity/")
