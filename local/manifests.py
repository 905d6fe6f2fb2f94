"""What the program synthesized: dist/."""

from __future__ import annotations

from typing import Any

import yaml

from local import fetch

Manifest = dict[str, Any]


def of_kind(kind: str) -> list[Manifest]:
    """Every object of a kind that `kubectl apply -f dist/` applies."""
    files = sorted((fetch.REPOSITORY / "dist").glob("*.yaml"))
    documents = (document for file in files for document in yaml.load_all(file.read_text(), yaml.CSafeLoader))
    return [document for document in documents if document["kind"] == kind]


def named(kind: str, start: str) -> Manifest:
    """The one object of a kind whose name begins so: the names of Jobs and ConfigMaps end with a hash."""
    (found,) = [one for one in of_kind(kind) if one["metadata"]["name"].startswith(start)]
    return found
