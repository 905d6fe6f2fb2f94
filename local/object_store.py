"""An S3 server (versitygw) that keeps each bucket as a folder."""

from __future__ import annotations

import secrets
from pathlib import Path
from types import TracebackType

from pyarrow.fs import FileSelector, FileType, S3FileSystem

from local import fetch
from local.process import Process, answers, free_port


class ObjectStore:
    """Started by `with`, or by start(); keeps its port and its objects over a kill() and another start()."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.access_key = "local"
        self.secret_key = secrets.token_hex(16)
        self.process: Process | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The credentials under the names that every S3 client reads."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def spark_conf(self) -> dict[str, str]:
        """What Spark needs to reach this server through s3a://, credentials excepted (they are in the environment)."""
        return {
            "spark.hadoop.fs.s3a.endpoint": self.endpoint,
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
            # Hadoop 3.3.4 hangs on this server's answer to bulk deletes of directory markers.
            "spark.hadoop.fs.s3a.directory.marker.retention": "keep",
        }

    def start(self) -> ObjectStore:
        (self.folder / "buckets").mkdir(parents=True, exist_ok=True)
        server = fetch.artifacts()["object-store"].folder / "versitygw"
        command = [server, "--port", f"127.0.0.1:{self.port}", "--quiet", "--keep-alive", "posix", self.folder / "buckets"]
        environment = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}
        self.process = Process("the S3 server", command, self.folder / "object-store.log", environment)
        self.process.wait_until(lambda: answers(self.port), 30)
        return self

    def files(self) -> S3FileSystem:
        """The objects as a file system; paths begin with the bucket."""
        return S3FileSystem(
            access_key=self.access_key,
            secret_key=self.secret_key,
            endpoint_override=self.endpoint,
            region="us-east-1",
            allow_bucket_creation=True,
            allow_bucket_deletion=True,
            allow_delayed_open=True,  # a small file is one PUT, not a multipart upload
        )

    def create_bucket(self, name: str) -> None:
        self.files().create_dir(name)

    def list(self, url: str) -> list[str]:
        """The URLs (s3a://bucket/key) of all objects under a location, sorted; none when the location does not exist."""
        found = self.files().get_file_info(FileSelector(path_of(url), recursive=True, allow_not_found=True))
        return sorted(f"s3a://{info.path}" for info in found if info.type == FileType.File)

    def read(self, url: str) -> bytes:
        with self.files().open_input_stream(path_of(url)) as stream:
            return bytes(stream.read())

    def copy(self, source: str, target: str) -> None:
        """Copies one object within the server, in one request: it refuses the end of some multipart uploads."""
        self.files().copy_file(path_of(source), path_of(target))

    def delete(self, url: str) -> None:
        """Deletes one object, or everything under a location."""
        files = self.files()
        if files.get_file_info(path_of(url)).type == FileType.File:
            files.delete_file(path_of(url))
            return
        found = files.get_file_info(FileSelector(path_of(url), recursive=True, allow_not_found=True))
        # The server keeps folders, and refuses to delete one that holds something: the deepest go first.
        for info in sorted(found, key=lambda info: info.path.count("/"), reverse=True):
            if info.type == FileType.File:
                files.delete_file(info.path)
            else:
                files.delete_dir(info.path)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        """SIGKILL, as a machine that dies."""
        if self.process is not None:
            self.process.kill()

    def __enter__(self) -> ObjectStore:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def path_of(url: str) -> str:
    """`bucket/key` of an s3a:// URL."""
    return url.removeprefix("s3a://").rstrip("/")
