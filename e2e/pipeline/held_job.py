"""A job that waits at one call of one of its functions, so that a test can kill or stop it exactly there.

HOLD_JOB is the job's module, HOLD_AT the function (`module:name`), HOLD_CALL which of its calls, HOLD_WHEN before or
after it. While it waits, the file HOLD_FLAG is there; it goes on when the file is removed.
"""

from __future__ import annotations

import importlib
import itertools
import os
import sys
import time
from functools import reduce
from pathlib import Path
from typing import Any


def hold() -> None:
    flag = Path(os.environ["HOLD_FLAG"])
    flag.touch()
    while flag.exists():
        time.sleep(0.05)


module, path = os.environ["HOLD_AT"].split(":")
*parents, name = path.split(".")
owner = reduce(getattr, parents, importlib.import_module(module))
function = getattr(owner, name)
calls = itertools.count(1)


def held(*arguments: Any, **named: Any) -> Any:
    is_it = next(calls) == int(os.environ["HOLD_CALL"])
    if is_it and os.environ["HOLD_WHEN"] == "before":
        hold()
    result = function(*arguments, **named)
    if is_it and os.environ["HOLD_WHEN"] == "after":
        hold()
    return result


setattr(owner, name, held)
sys.exit(importlib.import_module(os.environ["HOLD_JOB"]).main(sys.argv[1:]))
