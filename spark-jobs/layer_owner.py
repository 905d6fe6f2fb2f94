"""A layer's folder belongs to one commit log: `_owner.json` in it, created once and conditionally, says to which.

Two logs with one folder would each take the other's files for those of a crashed attempt and remove them. So a folder must
not lie inside another log's either.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from job_log import JobError, say
from object_store import ObjectStore

NAME = "_owner.json"


@dataclass(frozen=True)
class LogIdentity:
    """A commit log: the id that it got at its first start, where it is, and the topic that it is of."""

    log: str
    commits: str
    topic: str
    topic_id: str | None

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self)) + "\n").encode()


def claim(store: ObjectStore, commits: str, layers: Mapping[str, str], topic: str, topic_id: str | None) -> LogIdentity:
    """Claims the layers' folders (URL by name) for the commit log, and gives its identity. Once more is no harm.

    Raises JobError when one belongs to another log. A log that has lost its own marker takes it from the layers.
    """
    commits, folders = _folder(commits), {name: _folder(url) for name, url in layers.items()}
    found = {name: _read(store, url) for name, url in folders.items()}
    former = next((one for one in found.values() if one is not None and one.commits == commits), None)
    had_commits = _read(store, commits) is not None
    identity = _created(store, commits, former or LogIdentity(uuid.uuid4().hex, commits, topic, topic_id))
    if identity.commits != commits:
        raise JobError(
            f"--commits {commits} was begun as {identity.commits} and copied; start the job with --commits {identity.commits}, or remove {commits}{NAME} if the former is gone for good"
        )
    if identity.topic != topic:
        raise JobError(f"--commits {commits} holds topic {identity.topic}, not --topic {topic}; give each topic its own commit log")
    made = [] if had_commits else [commits]
    # In one order whoever claims: of two jobs that begin at once and share several folders, one gets all of them.
    for name, url in sorted(folders.items(), key=lambda item: item[1]):
        owner = found[name] or _created(store, url, identity)
        if found[name] is None and owner == identity:
            made.append(url)
        if owner.log != identity.log:
            raise JobError(
                f"--{name} {url} belongs to the commit log {owner.commits} of topic {owner.topic} (log {owner.log}), not to --commits {commits} (log {identity.log}); "
                f"give each commit log its own --{', --'.join(layers)} (the streaming job's {', '.join(layers)} in the chart)"
            )
        if found[name] is not None:
            # Again, so that it does not expire with the data.
            store.put(f"{url}{NAME}", identity.to_json())
    try:
        _check_no_other_log_around(store, {"commits": commits, **folders}, made, identity)
    except JobError:
        # A folder that is outside of another's was the other's to have.
        store.delete(f"{url}{NAME}" for url in made)
        raise
    return identity


def _check_no_other_log_around(store: ObjectStore, folders: Mapping[str, str], made: Sequence[str], identity: LogIdentity) -> None:
    """Raises JobError when a folder lies inside one of another log, or one that is new has one of another log inside.

    Of two that begin at once each sees the other's marker, because it looks after it has made its own.
    """
    advice = "give each commit log folders of its own, none inside another's"
    for above in sorted({parent for url in folders.values() for parent in _above(url)} - set(folders.values())):
        # Listed, because the credentials of a job do not reach beyond its folders.
        if not any(one.url == f"{above}{NAME}" for one in store.list(f"{above}{NAME}", limit=1)):
            continue
        owner = _read(store, above)
        if owner is not None and owner.log != identity.log:
            name, url = next((name, url) for name, url in folders.items() if url.startswith(above))
            raise JobError(f"--{name} {url} lies inside {above}, which belongs to the commit log {owner.commits} of topic {owner.topic} (log {owner.log}); {advice}")
    for name, url in folders.items():
        for found in store.list(url) if url in made else ():
            below = found.url.removesuffix(NAME)
            owner = _read(store, below) if found.url.endswith(f"/{NAME}") and below != url else None
            if owner is not None and owner.log != identity.log:
                raise JobError(f"--{name} {url} has {below} inside, which belongs to the commit log {owner.commits} of topic {owner.topic} (log {owner.log}); {advice}")


def _above(folder: str) -> list[str]:
    """The folders that a folder lies in, from the bucket on."""
    bucket, *names = folder.removeprefix("s3a://").rstrip("/").split("/")
    return ["s3a://" + "/".join([bucket, *names[:length]]) + "/" for length in range(len(names))]


def _created(store: ObjectStore, folder: str, identity: LogIdentity) -> LogIdentity:
    """The marker of a folder, which is this one when there was none."""
    if store.create(f"{folder}{NAME}", identity.to_json()):
        say("claimed a folder", folder=folder, log=identity.log)
        return identity
    owner = _read(store, folder)
    return owner if owner is not None else _created(store, folder, identity)


def _read(store: ObjectStore, folder: str) -> LogIdentity | None:
    content = store.find(f"{folder}{NAME}")
    if content is None:
        return None
    try:
        body = json.loads(content)
        return LogIdentity(str(body["log"]), str(body["commits"]), str(body["topic"]), body["topic_id"])
    except (ValueError, KeyError, TypeError):
        raise JobError(f"{folder}{NAME} is damaged ({len(content)} bytes); remove it, the job whose commit log the folder belongs to writes it again at its start") from None


def _folder(url: str) -> str:
    return url.rstrip("/") + "/"
