"""`python3 -m local.python ARGUMENTS`: fetches everything, then becomes the fetched Python with these arguments.

`--only NAME…--` fetches just the named parts, e.g. `python3 -m local.python --only python -- -m mypy`.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from local import fetch


def main(arguments: list[str]) -> int:
    names: list[str] = []
    if arguments[:1] == ["--only"]:
        end = arguments.index("--")
        names, arguments = arguments[1:end], arguments[end + 1 :]
    if code := fetch.fetched(*names):
        return code
    return become(arguments)


def become(arguments: list[str]) -> NoReturn:
    """Replaces this process by the fetched Python, in the repository's folder with its packages on the path."""
    interpreter = str(fetch.python())
    os.execv(interpreter, [interpreter, *arguments])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
