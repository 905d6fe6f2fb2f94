"""The object store through S3A's own client: what Hadoop's file system API does not offer.

S3A of Hadoop 3.3.4 has no conditional PUT and lists whole folders only. Its AWS client does both; it comes with
the file system's credentials, endpoint and retries, so there is no second place to configure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from job_log import JobError


@dataclass(frozen=True)
class StoredObject:
    """An object's s3a:// URL and its size in bytes; as it was listed also when it was written, in milliseconds since 1970."""

    url: str
    bytes: int
    written_ms: int = field(default=0, compare=False)


class DamagedObjectError(JobError):
    """An object whose content is not what its checksum says."""


class ObjectStore:
    """The buckets that a Spark session reaches through s3a://."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._jvm = jvm
        self._hadoop: Any = spark._jsc.hadoopConfiguration()
        self._clients: dict[str, Any] = {}
        self._json: Any = jvm.com.fasterxml.jackson.databind.ObjectMapper()

    def check(self, url: str, option: str) -> None:
        """Raises JobError when the bucket of `url` (the value of `option`) cannot be read."""
        bucket, _ = _split(url, option)
        try:
            request = self._jvm.com.amazonaws.services.s3.model.ListObjectsV2Request().withBucketName(bucket).withMaxKeys(1)
            self._client(bucket).listObjectsV2(request)
        except Py4JJavaError as error:
            raise JobError(f"{option} {url} cannot be used: {_reason(error, bucket)}") from None

    def create(self, url: str, content: bytes) -> bool:
        """Creates an object. False, and nothing written, when there is one with other content already."""
        bucket, key = _split(url)
        model = self._jvm.com.amazonaws.services.s3.model
        while True:
            metadata = model.ObjectMetadata()
            metadata.setContentLength(len(content))
            request = model.PutObjectRequest(bucket, key, self._jvm.java.io.ByteArrayInputStream(content), metadata)
            request.putCustomRequestHeader("If-None-Match", "*")
            try:
                self._client(bucket).putObject(request)
                return True
            except Py4JJavaError as error:
                status = _status(error)
                if status == 412:
                    # The client repeats a PUT whose answer was lost: then the object is our own.
                    return self.read(url) == content
                if status != 409:  # 409: another conditional PUT of this key is under way, the outcome is open
                    raise JobError(f"{url} cannot be written: {_reason(error, bucket)}") from None

    def put(self, url: str, content: bytes) -> None:
        """Writes an object, whatever is there."""
        bucket, key = _split(url)
        model = self._jvm.com.amazonaws.services.s3.model
        metadata = model.ObjectMetadata()
        metadata.setContentLength(len(content))
        try:
            self._client(bucket).putObject(model.PutObjectRequest(bucket, key, self._jvm.java.io.ByteArrayInputStream(content), metadata))
        except Py4JJavaError as error:
            raise JobError(f"{url} cannot be written: {_reason(error, bucket)}") from None

    def find(self, url: str) -> bytes | None:
        """An object's content, None when there is no such object; only for small objects."""
        bucket, key = _split(url)
        try:
            stream = self._client(bucket).getObject(bucket, key).getObjectContent()
            try:
                return bytes(self._jvm.com.amazonaws.util.IOUtils.toByteArray(stream))
            finally:
                stream.close()
        except Py4JJavaError as error:
            if _code(error) == "NoSuchKey":
                return None
            if any("verify integrity" in str(cause.getMessage()) for cause in _causes(error)):
                raise DamagedObjectError(f"{url} is damaged: what comes is not what was stored, by its checksum") from None
            raise JobError(f"{url} cannot be read: {_reason(error, bucket)}") from None

    def read(self, url: str) -> bytes:
        """An object's content; only for small objects. Raises JobError when there is no such object."""
        content = self.find(url)
        if content is None:
            raise JobError(f"{url} is not there; restore it from a backup")
        return content

    def list(self, prefix: str, start_after: str | None = None, limit: int | None = None, with_markers: bool = False) -> Iterator[StoredObject]:
        """Objects whose URL begins with `prefix`, in order, those after the URL `start_after`, at most `limit`.

        S3A's markers of folders, whose names end with a slash, are left out unless they are asked for.
        """
        bucket, key = _split(prefix)
        request = self._jvm.com.amazonaws.services.s3.model.ListObjectsV2Request().withBucketName(bucket).withPrefix(key)
        if start_after is not None:
            request = request.withStartAfter(_split(start_after)[1])
        if limit is not None:
            request = request.withMaxKeys(limit)
        found = 0
        while True:
            try:
                answer = self._client(bucket).listObjectsV2(request)
            except Py4JJavaError as error:
                raise JobError(f"{prefix} cannot be listed: {_reason(error, bucket)}") from None
            # As one text: a call into the JVM for each object took longer than the listing.
            for summary in json.loads(self._json.writeValueAsString(answer.getObjectSummaries())):
                if with_markers or not summary["key"].endswith("/"):
                    yield StoredObject(f"s3a://{bucket}/{summary['key']}", summary["size"], int(summary["lastModified"]))
                    found += 1
            if not answer.isTruncated() or (limit is not None and found >= limit):
                return
            request = request.withContinuationToken(answer.getNextContinuationToken())

    def delete(self, urls: Iterable[str]) -> None:
        """Deletes objects; one that is not there is no error."""
        for url in urls:
            bucket, key = _split(url)
            try:
                self._client(bucket).deleteObject(bucket, key)
            except Py4JJavaError as error:
                raise JobError(f"{url} cannot be deleted: {_reason(error, bucket)}") from None

    def _client(self, bucket: str) -> Any:
        if bucket not in self._clients:
            root = self._jvm.java.net.URI(f"s3a://{bucket}/")
            file_system = self._jvm.org.apache.hadoop.fs.FileSystem.get(root, self._hadoop)
            self._clients[bucket] = file_system.getAmazonS3ClientForTesting("conditional PUT")
        return self._clients[bucket]


def _split(url: str, option: str = "the location") -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "s3a" or not parts.netloc:
        raise JobError(f"{option} is {url!r}; it must be an object-store location such as s3a://bucket/path/")
    return parts.netloc, parts.path.lstrip("/")


def _causes(error: Py4JJavaError) -> Iterator[Any]:
    cause = error.java_exception
    while cause is not None:
        yield cause
        cause = cause.getCause()


def _status(error: Py4JJavaError) -> int | None:
    for cause in _causes(error):
        if "AmazonS3Exception" in cause.getClass().getName():
            return int(cause.getStatusCode())
    return None


def _code(error: Py4JJavaError) -> str | None:
    for cause in _causes(error):
        if "AmazonS3Exception" in cause.getClass().getName():
            return str(cause.getErrorCode())
    return None


def _reason(error: Py4JJavaError, bucket: str) -> str:
    for cause in _causes(error):
        if "AmazonS3Exception" in cause.getClass().getName():
            code, status = cause.getErrorCode(), cause.getStatusCode()
            if status == 404:
                return f"bucket {bucket!r} does not exist; create it or correct the location"
            if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidAccessKeyID"):
                return f"the object store refuses the credentials ({code}); correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            if status in (401, 403):
                return f"the credentials have no right to bucket {bucket!r} ({code}); grant it or correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            return f"the object store answers {status} {code}"
        name = cause.getClass().getName()
        if "NoAuthWithAWS" in name or "NoAwsCredentials" in name:
            return "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        if name in ("java.net.UnknownHostException", "java.net.ConnectException", "java.net.SocketTimeoutException") or "ConnectTimeout" in name:
            return f"the object store cannot be reached ({cause.getMessage()}); correct spark.hadoop.fs.s3a.endpoint"
    return str(error.java_exception.getMessage()).splitlines()[0]
