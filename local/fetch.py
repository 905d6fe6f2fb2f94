"""Fetches what the local pipeline runs on, once, into one cache folder. Standard library only: it runs before anything is installed.

Every artifact has its own folder, named after a hash of the files that pin it, and is complete when the folder holds the
file `.complete`. An interrupted fetch leaves a folder without that file, which the next one removes. A file lock an artifact
lets any number of processes ask at once. Ctrl-C ends what is under way in every thread, and what is waited for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.process import Process

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
POLICY_REQUIREMENTS = REPOSITORY / "e2e" / "policy" / "requirements.txt"

VERSITYGW_VERSION = "v1.8.0"
# The last commits of the archived projects: the module proxy does not know their releases by name.
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MINIO_CLIENT_VERSION = "v0.0.0-20250313080218-cf909e1063a9"
KUBE_SCORE_VERSION = "v1.20.0"
OLDEST_PYTHON = (3, 10)
JAVA_VERSION = 17  # the Java of the image apache/spark:3.5.7-java17-python3
_SECONDS_OF_SILENCE = 60
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class FetchError(Exception):
    """What is missing and how to get it, in one sentence."""


def cache_folder() -> Path:
    """`$LAKEHOUSE_CACHE`, else `cdk8s-lakehouse` in `$XDG_CACHE_HOME` or `~/.cache`."""
    if chosen := os.environ.get("LAKEHOUSE_CACHE"):
        return Path(chosen).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cdk8s-lakehouse"


@dataclass(frozen=True)
class Artifact:
    """One thing to fetch: where it goes, what it needs and how it is made."""

    name: str
    about: str
    folder: Path
    needs: tuple[str, ...]
    build: Callable[[Path, Callable[[list[str]], None]], None]
    by_name_only: bool = False  # one test's alone: not among "all"

    @property
    def complete(self) -> bool:
        return (self.folder / ".complete").exists()


def _pinned(*files: Path, also: str = "") -> str:
    digest = hashlib.sha256(also.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _build_python(folder: Path, run: Callable[[list[str]], None]) -> None:
    requirements = HERE / "requirements.txt"
    run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    # pyspark comes as source: what builds it is pinned like the rest, so it is installed first and build isolation is off.
    lines = requirements.read_text().split("\n")
    tools = folder / "build-tools.txt"
    blocks = re.split(r"\n(?=[a-z])", "\n".join(line for line in lines if not line.lstrip().startswith("#")))
    tools.write_text("\n".join(block for block in blocks if re.match(r"(setuptools|wheel|packaging)==", block)) + "\n")
    run([*pip, "-r", str(tools)])
    run([*pip, "--no-build-isolation", "-r", str(requirements)])


def _maven(project: str) -> Callable[[Path, Callable[[list[str]], None]], None]:
    def build(folder: Path, run: Callable[[list[str]], None]) -> None:
        folder.mkdir()
        run(["mvn", "-B", "-ntp", "-f", str(HERE / "maven" / project / "pom.xml"), MAVEN_COPY, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"])

    return build


def _build_clickhouse(folder: Path, run: Callable[[list[str]], None]) -> None:
    folder.mkdir()
    for file in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "clickhouse-library" / file, folder)
    run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"])


def _build_object_store(folder: Path, run: Callable[[list[str]], None]) -> None:
    folder.mkdir()
    run(["env", f"GOBIN={folder}", "go", "install", "-trimpath", f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW_VERSION}"])


def _build_minio(folder: Path, run: Callable[[list[str]], None]) -> None:
    folder.mkdir()
    for module, version in (("minio", MINIO_VERSION), ("mc", MINIO_CLIENT_VERSION)):
        run(["env", f"GOBIN={folder}", "go", "install", "-trimpath", f"github.com/minio/{module}@{version}"])


def _build_kube_score(folder: Path, run: Callable[[list[str]], None]) -> None:
    folder.mkdir()
    run(["env", f"GOBIN={folder}", "go", "install", "-trimpath", f"github.com/zegl/kube-score/cmd/kube-score@{KUBE_SCORE_VERSION}"])


def _build_policy_tools(folder: Path, run: Callable[[list[str]], None]) -> None:
    run([sys.executable, "-m", "venv", str(folder)])
    run(
        [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
            "-r",
            str(POLICY_REQUIREMENTS),
        ]
    )


def artifacts() -> dict[str, Artifact]:
    """Everything there is to fetch, by name."""
    cache = cache_folder()
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    requirements, library = HERE / "requirements.txt", HERE / "clickhouse-library" / "package-lock.json"
    kafka, spark = HERE / "maven" / "kafka" / "pom.xml", HERE / "maven" / "spark" / "pom.xml"
    return {
        artifact.name: artifact
        for artifact in (
            Artifact("python", "Spark and the test tools", cache / f"python{python}-{_pinned(requirements, also=sys.base_prefix)}", ("python",), _build_python),
            Artifact("kafka", "the Kafka broker", cache / f"kafka-{_pinned(kafka)}", ("java", "mvn"), _maven("kafka")),
            Artifact("spark-connectors", "Spark's connectors to Kafka and S3", cache / f"spark-connectors-{_pinned(spark)}", ("java", "mvn"), _maven("spark")),
            Artifact("clickhouse", "the ClickHouse server", cache / f"clickhouse-{_pinned(library)}", ("npm",), _build_clickhouse),
            Artifact("object-store", "the S3 server", cache / f"versitygw-{VERSITYGW_VERSION}", ("go",), _build_object_store),
            Artifact("minio", "MinIO and its client", cache / f"minio-{_pinned(also=MINIO_VERSION + MINIO_CLIENT_VERSION)}", ("go",), _build_minio, by_name_only=True),
            Artifact("kube-score", "kube-score", cache / f"kube-score-{KUBE_SCORE_VERSION}", ("go",), _build_kube_score, by_name_only=True),
            Artifact(
                "policy-tools",
                "checkov and kubernetes-validate",
                cache / f"policy-tools-python{python}-{_pinned(POLICY_REQUIREMENTS, also=sys.base_prefix)}",
                ("python",),
                _build_policy_tools,
                by_name_only=True,
            ),
        )
    }


def python() -> Path:
    """The interpreter that has Spark, the clients and the test tools."""
    return artifacts()["python"].folder / "bin" / "python"


def java() -> str:
    """`$JAVA_HOME/bin/java`, else `java` of the PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def _missing_python() -> str | None:
    if sys.version_info < OLDEST_PYTHON:
        found = platform.python_version()
        return f"Python {found} at {sys.executable} is too old: 3.10 or newer is needed, install it and put it first in the PATH"
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "Python's venv module is missing: install it (Debian and Ubuntu: apt install python3-venv)"
    return None


def _missing_java() -> str | None:
    remedy = f"install a JDK {JAVA_VERSION} (Debian and Ubuntu: apt install openjdk-{JAVA_VERSION}-jdk-headless) or point JAVA_HOME at one"
    try:
        answer = subprocess.run([java(), "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return f"Java is missing: {remedy}"
    match = re.search(r'version "((?:1\.)?\d+)', answer)
    if match is None or match[1] != str(JAVA_VERSION):
        return f"Java {match[1] if match else 'of an unknown version'} is not the Java {JAVA_VERSION} that Spark's image has: {remedy}"
    return None


def _missing_program(program: str, remedy: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(program) else f"{program} is missing from the PATH: {remedy}"


PREREQUISITES: dict[str, Callable[[], str | None]] = {
    "python": _missing_python,
    "java": _missing_java,
    "mvn": _missing_program("mvn", "install Maven 3.8 or newer (Debian and Ubuntu: apt install maven)"),
    "npm": _missing_program("npm", "install Node.js 20 or newer, which brings it"),
    "go": _missing_program("go", "install Go 1.25 or newer"),
}


@contextmanager
def _locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        if not _taken(lock):
            say("another process fetches it, waiting")
            while not _taken(lock):
                _sleep(0.5)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_printing = threading.Lock()
_interrupted = threading.Event()


def _sleep(seconds: float) -> None:
    """Ends early, with an error, when the command is interrupted: a signal reaches the main thread alone."""
    if _interrupted.wait(seconds):
        raise FetchError("interrupted")


def _fetch(artifact: Artifact) -> None:
    started = time.monotonic()

    def say(text: str) -> None:
        with _printing:
            print(f"[{time.monotonic() - started:4.0f} s] {artifact.name}: {text}", file=sys.stderr, flush=True)

    cache = artifact.folder.parent
    with _locked(cache / f".{artifact.folder.name}.lock", say):
        if artifact.complete:
            return
        log = cache / f"{artifact.folder.name}.log"
        log.unlink(missing_ok=True)

        def run(command: list[str]) -> None:
            with log.open("a") as output:
                output.write(f"$ {' '.join(command)}\n")
            process = Process(artifact.about, command, log)
            told = time.monotonic()
            try:
                while process.exit_code is None:
                    _sleep(0.1)
                    if time.monotonic() - told > _SECONDS_OF_SILENCE:
                        told = time.monotonic()
                        say(f"still at it; {log} has the details")
            finally:
                process.kill()
            if process.exit_code != 0:
                raise FetchError(
                    f"{artifact.about} could not be fetched ({_reason(log)}): check the connection to the package registries and run it again; the whole output is in {log}"
                )

        say(f"fetching {artifact.about}")
        shutil.rmtree(artifact.folder, ignore_errors=True)
        artifact.build(artifact.folder, run)
        (artifact.folder / ".complete").touch()
        say("done")


def _reason(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if not line.startswith("$ ")]
    telling = [line for line in lines if re.search(r"error|could not|no such host|unable|refused|timed? ?out", line, re.IGNORECASE)]
    return (telling or lines or ["no output"])[-1 if not telling else 0][:200]


def ensure(*names: str) -> None:
    """Fetches the named artifacts, or all of them, several at once. Cached ones cost a look at the disk.

    Raises FetchError with every missing prerequisite, or with everything that could not be fetched.
    """
    known = artifacts()
    wanted = [known[name] for name in names] or [artifact for artifact in known.values() if not artifact.by_name_only]
    missing = [artifact for artifact in wanted if not artifact.complete]
    if not missing:
        return
    needs = list(dict.fromkeys(need for artifact in missing for need in artifact.needs))
    if absent := [text for need in needs if (text := PREREQUISITES[need]()) is not None]:
        raise FetchError("\n".join(absent))
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise FetchError(f"{platform.system()} on {platform.machine()} is not supported: the ClickHouse library is published for Linux on x86_64, run it there")
    print(f"fetching {len(missing)} of {len(wanted)} parts into {cache_folder()} (once, some minutes)", file=sys.stderr)
    with ThreadPoolExecutor(len(missing)) as pool:
        try:
            failures = [failure for failure in pool.map(_attempt, missing) if failure is not None]
        except KeyboardInterrupt:
            _interrupted.set()
            raise
    if failures:
        raise FetchError("\n".join(dict.fromkeys(failures)))


def _attempt(artifact: Artifact) -> str | None:
    try:
        _fetch(artifact)
    except FetchError as failure:
        return str(failure)
    except OSError as error:
        return f"{artifact.folder.parent} can not be written ({error.strerror}): mend that, or set LAKEHOUSE_CACHE to another folder"
    return None


def fetched(*names: str) -> int:
    """`ensure` for a command: the exit code, 0 when everything is there, and what is wrong on standard error."""
    try:
        ensure(*names)
    except FetchError as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped: the parts that are done stay, the next run fetches the others", file=sys.stderr)
        return 130
    return 0


def main() -> int:
    """`python3 -m local.fetch NAME…` fetches the named parts and prints their folders, one a line; without names, everything."""
    if code := fetched(*sys.argv[1:]):
        return code
    for name in sys.argv[1:]:
        print(artifacts()[name].folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
