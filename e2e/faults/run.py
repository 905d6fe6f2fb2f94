"""One run of the suite: starts the system once, lets faults loose on it one after the other or in mixes, and checks after each."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import Any

from confluent_kafka import KafkaException

from e2e.faults.__main__ import options
from e2e.faults.bugs import Bug, BugError, bugs
from e2e.faults.checker import Violation, check
from e2e.faults.generator import Generator
from e2e.faults.ledger import Ledger
from e2e.faults.nemesis import FAULTS, Context, Fault, FaultError
from e2e.faults.system import Lane, Progress, Stores, Supervisor, try_progress
from local.clickhouse import ClickHouseError
from local.process import ComponentError, running
from local.spark import JOBS
from local.web_server import WebServer

_UNANSWERED = (OSError, HTTPException, KafkaException, ClickHouseError)
FAULT_ITSELF = "the fault itself"
_START_PATIENCE, _DRAIN_PATIENCE, _REFOLD_PATIENCE = 300, 120, 240
_TABLES_PATIENCE = 20
_NEWNS, _NEWUSER, _REC_PRIVATE = 0x00020000, 0x10000000, 0x44000  # linux/sched.h, linux/mount.h


@dataclass
class Result:
    """What became of one fault or mix."""

    name: str
    recovery_seconds: float | None = None
    violations: list[Violation] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.violations


class Suite:
    """The system, and the lane that the next fault gets."""

    def __init__(self, options: Namespace, folder: Path, bounded: bool, code: Path = JOBS) -> None:
        self.options = options
        self.folder = folder
        self.code = code
        self.started = time.monotonic()
        self.timeline: list[dict[str, Any]] = []
        self.results: list[Result] = []
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.stores = Stores(folder, bounded)
        self.supervisor = Supervisor()
        self.lane: Lane | None = None
        self.ended_lane = False
        self.generator: Generator | None = None
        self.web_server: WebServer | None = None
        self.hunting = bool(options.bugs or options.bug)
        self._lanes = 0

    def say(self, text: str) -> None:
        at = time.monotonic() - self.started
        self.timeline.append({"at": round(at, 1), "says": text})
        print(f"[{at:6.1f} s] {text}", flush=True)

    # ------------------------------------------------------------------------------------------------ lanes

    def fresh_lane(self, gold: bool = True, code_of: Mapping[str, Path] | None = None) -> Lane:
        """Ends the lane there is, and makes another, with traffic on it and the jobs at work."""
        self.end_lane()
        self._lanes += 1
        lane = Lane(self.stores, self.folder, f"l{self._lanes}", self.say, code=self.code, engine=self.options.engine)
        lane.code_of.update(code_of or {})
        lane.create()
        self.lane, self.ended_lane = lane, False
        self.supervisor.lanes.append(lane)
        lane.streaming.run()
        if gold:
            lane.gold.run()
        servers = [self.stores.kafka.bootstrap_servers, f"127.0.0.1:{self.stores.brokers.port}"]
        self.web_server = WebServer(lane.folder, servers[1], lane.topic).start() if gold else None
        seed = self.options.seed * 1_000 + self._lanes
        port = self.web_server.port if self.web_server else None
        self.generator = Generator(self.ledger, lane.topic, lane.partitions, servers, port, seed=seed, rate=self.options.rate, hostile_share=self.options.hostile)
        self.generator.resume()
        began = time.monotonic()
        while time.monotonic() < began + _START_PATIENCE:
            wanted = self.ledger.acknowledged_offsets(lane.topic)
            progress = try_progress(lane, {})
            ready = len(lane.reader.manifest_names()) >= 3 and (
                not gold or (isinstance(progress, Progress) and lane.reader.silver_rows() > 100 and progress.unfolded < lane.reader.silver_rows())
            )
            if wanted and ready:
                self.say(f"lane {lane.name} has begun after {time.monotonic() - began:.1f} s")
                return lane
            time.sleep(0.3)
        raise ComponentError(f"lane {lane.name} did not begin within {_START_PATIENCE} s; its folder is {lane.folder}")

    def end_lane(self) -> None:
        if self.generator is not None:
            self.generator.stop()
            self.generator = None
        if self.web_server is not None and self.web_server.process is not None:
            self.web_server.process.kill()
            self.web_server = None
        if self.lane is not None:
            self.lane.hold(graceful=False)
            self.supervisor.lanes.remove(self.lane)
            self.lane = None

    # ----------------------------------------------------------------------------------------------- faults

    def context(self, chance: random.Random) -> Context:
        if self.lane is None or self.generator is None:
            raise ComponentError("there is no lane")
        seconds = self.options.seconds if self.options.seconds else chance.uniform(8, 20)
        return Context(self.stores, self.lane, self.generator, self.ledger, self.web_server, chance, seconds, self.options.rounds, self.say)

    def run_fault(self, fault: Fault) -> Result:
        """One fault alone."""
        began = time.monotonic()
        if self.lane is None or (self.ended_lane and not fault.on_ended_lane):
            self.fresh_lane()
        result = Result(fault.name)
        self.say(f"== {fault.name}: {fault.does}")
        context = self.context(random.Random(f"{self.options.seed} {fault.name}"))
        if fault.ends_lane and not self.ended_lane:
            result.violations += self.settle_and_check()
        try:
            if not result.violations:
                fault.run(context)
                result.violations += context.violations
        except FaultError as error:
            result.violations.append(Violation(FAULT_ITSELF, str(error)))
        except (ComponentError, *_UNANSWERED) as error:
            result.violations.append(Violation("the servers", f"{type(error).__name__}: {error}"))
        self.stores.heal()
        self.finish(fault, result)
        result.seconds = time.monotonic() - began
        return result

    def hunt(self, bug: Bug) -> Result:
        """Runs the jobs with a deliberate bug under the faults that have to show it; not to see it is the failure."""
        began = time.monotonic()
        result = Result(f"bug {bug.name}")
        self.say(f"== bug {bug.name}: {bug.says}")
        seen: list[Violation] = []
        try:
            code_of = {bug.job: bug.put_into(self.folder / "bugs")}
            if bug.job == "gold" and self.lane is not None and not self.ended_lane:
                self.lane.code_of.update(code_of)
                self.lane.new_database()
                self.lane.gold.run()
                seen = self.recover(_REFOLD_PATIENCE)[1]
            else:
                self.fresh_lane(bug.job == "gold", code_of)
            for name in () if seen else bug.faults:
                seen = [one for one in self.run_fault(FAULTS[name]).violations if one.invariant != FAULT_ITSELF]
                if seen:
                    break
        except (BugError, ComponentError) as error:
            result.violations.append(Violation("the bug itself", str(error)))
        if seen:
            self.say(f"caught: {str(seen[0])[:600]}")
        self._forget(bug)
        if not seen and not result.violations:
            result.violations.append(Violation("the suite", f"it does not see the bug {bug.name} under {', '.join(bug.faults)}"))
        result.seconds = time.monotonic() - began
        return result

    def _forget(self, bug: Bug) -> None:
        """Ends a lane whose layers a bug may have spoilt; of gold's bugs a new database is enough."""
        if self.lane is None or bug.job == "streaming" or self.ended_lane:
            self.end_lane()
            return
        self.lane.gold.hold(graceful=False)
        self.lane.code_of["gold"] = self.code
        self._generator().resume()

    def finish(self, fault: Fault, result: Result) -> None:
        """Waits for recovery and checks, unless the lane is at its end."""
        if fault.ends_lane:
            if self.lane is not None and self.lane.streaming.process is not None and not result.violations:
                result.violations += self.settle_and_check()
            self.ended_lane = True
        elif not result.violations:
            result.recovery_seconds, late = self.recover(fault.patience)
            result.violations += late
            result.violations += self.settle_and_check() if not late else self.check_at_rest()
        if result.violations and not self.ended_lane and not self.hunting:
            self.end_lane()

    def run_mix(self, seed: int) -> Result:
        """Some faults on top of each other, each without waiting for the recovery from the one before."""
        began = time.monotonic()
        chance = random.Random(f"mix {seed}")
        possible = [fault for fault in FAULTS.values() if not fault.ends_lane and not (fault.name.startswith("disk-full") and not self.stores.bounded)]
        faults = chance.sample(possible, chance.randint(3, 5))
        if self.lane is None or self.ended_lane:
            self.fresh_lane()
        result = Result(f"mix {seed}: {', '.join(fault.name for fault in faults)}")
        self.say(f"== {result.name}")
        context = self.context(chance)
        for fault in faults:
            try:
                self.say(f"{fault.name}: {fault.does}")
                fault.run(context)
            except FaultError as error:
                self.say(f"{fault.name}: {error}")  # what it waits for may not come while another fault lasts
            except (ComponentError, *_UNANSWERED) as error:
                result.violations.append(Violation("the servers", f"{fault.name}: {type(error).__name__}: {error}"))
            self.stores.heal()
            result.violations += context.violations
            context.violations.clear()
            time.sleep(chance.uniform(0, 3))
        self.finish(max(faults, key=lambda fault: fault.patience), result)
        result.seconds = time.monotonic() - began
        return result

    def note(self, result: Result) -> None:
        self.results.append(result)
        recovered = "" if result.recovery_seconds is None else f", caught up after {result.recovery_seconds:.1f} s"
        self.say(f"{'ok' if result.passed else 'FAILED'} {result.name}{recovered} ({result.seconds:.0f} s)")
        for violation in result.violations:
            print(violation, flush=True)

    # ----------------------------------------------------------------------------------------------- checks

    def recover(self, patience: float) -> tuple[float | None, list[Violation]]:
        """How long it takes until both jobs have stored and counted all that was acknowledged at this moment."""
        lane, began = self._lane(), time.monotonic()
        wanted = self.ledger.acknowledged_offsets(lane.topic)
        stored: int | None = None
        progress: Progress | str = ""
        while time.monotonic() < began + patience:
            progress = try_progress(lane, wanted)
            if isinstance(progress, Progress) and progress.behind <= 0:
                if not lane.gold.wanted:
                    return time.monotonic() - began, []
                silver = lane.reader.silver_rows()
                stored = silver if stored is None else stored
                if silver - progress.unfolded >= stored:
                    return time.monotonic() - began, []
            time.sleep(0.2)
        return None, [self._late(f"both jobs have not caught up {patience:.0f} s after the fault", progress)]

    def settle_and_check(self) -> list[Violation]:
        """Pauses the traffic, waits until everything is stored and counted, and looks at every invariant."""
        lane, generator = self._lane(), self._generator()
        with_gold = lane.gold.wanted
        if not generator.pause():
            self.say("some records have no answer from Kafka; they are noted as unknown")
        deadline = time.monotonic() + _DRAIN_PATIENCE
        progress: Progress | str = ""
        while time.monotonic() < deadline:
            try:
                progress = try_progress(lane, lane.end_offsets())
            except KafkaException as error:
                progress = str(error)
            if isinstance(progress, Progress) and (progress.caught_up if with_gold else progress.behind <= 0):
                found = self._check_until_settled(with_gold)
                if not found:
                    generator.resume()
                return found
            time.sleep(0.3)
        return [*self._check(with_gold), self._late(f"not all is stored and counted {_DRAIN_PATIENCE} s after the last record", progress)]

    def _check_until_settled(self, with_gold: bool) -> list[Violation]:
        """A file's tables are filled one after the other, and the progress counts one of them: tables get some seconds to agree."""
        deadline = time.monotonic() + _TABLES_PATIENCE
        while True:
            found = self._check(with_gold)
            if time.monotonic() > deadline or not found or not all(one.invariant.endswith("= recount") for one in found):
                return found
            time.sleep(2)

    def check_at_rest(self) -> list[Violation]:
        """What is wrong besides that it is late: of the layers, and of the tables when gold has nothing left to do."""
        self._generator().pause(30)
        time.sleep(5)
        return [one for one in self._check(self._lane().gold.wanted) if not one.invariant.startswith("acknowledged")]

    def _check(self, with_gold: bool) -> list[Violation]:
        lane = self._lane()
        try:
            return check(self.ledger, lane.topic, lane.reader, lane.query if with_gold else None, lane.database, lane.business_time_zone)
        except _UNANSWERED as error:
            return [Violation("the checker", f"{type(error).__name__}: {error}")]

    def _late(self, says: str, progress: Progress | str) -> Violation:
        lane = self._lane()
        last = [f"{job.name}: {job.ends[-1].sentence[:300]}" for job in (lane.streaming, lane.gold) if job.ends]
        return Violation("recovery", f"{says}: {progress}", list(last))

    def _lane(self) -> Lane:
        if self.lane is None:
            raise ComponentError("there is no lane")
        return self.lane

    def _generator(self) -> Generator:
        if self.generator is None:
            raise ComponentError("there is no traffic")
        return self.generator

    # --------------------------------------------------------------------------------------------------- end

    def stop(self) -> None:
        self.stores.heal()
        self.end_lane()
        self.supervisor.stop()
        for process in reversed(running()):
            process.kill()
        self.stores.stop()

    def report(self) -> dict[str, Any]:
        """What a failure leaves: enough to see it, and to see it again."""
        failed = [result for result in self.results if not result.passed]
        return {
            "seed": self.options.seed,
            "replay": f"npm run faults -- --seed {self.options.seed} " + (f"--fault {failed[0].name}" if failed and failed[0].name in FAULTS else f"--mixes {self.options.mixes}"),
            "first_broken": None if not failed else {"fault": failed[0].name, **_as_json(failed[0].violations[0])},
            "results": [
                {
                    "fault": one.name,
                    "passed": one.passed,
                    "recovery_seconds": one.recovery_seconds,
                    "seconds": round(one.seconds, 1),
                    "violations": [_as_json(v) for v in one.violations],
                }
                for one in self.results
            ],
            "sent": dict(self.ledger.counts()),
            "timeline": self.timeline,
        }


def _as_json(violation: Violation) -> dict[str, Any]:
    return {"invariant": violation.invariant, "says": violation.says, "rows": [repr(row)[:2_000] for row in violation.rows]}


def own_mounts() -> bool:
    """Gives this process mounts of its own, which vanish with it. False when the machine does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEWNS) != 0:
        if libc.unshare(_NEWNS | _NEWUSER) != 0:
            return False
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        except OSError:
            return False
    return bool(libc.mount(b"none", b"/", None, _REC_PRIVATE, None) == 0)


def chosen_faults(options: Namespace, bounded: bool) -> list[Fault]:
    """Those that end a lane last, the others of a whole run in an order that the seed gives."""
    if options.fault:
        return [FAULTS[name] for name in options.fault]
    every = [fault for fault in FAULTS.values() if (fault.ci or not options.ci) and (bounded or not fault.name.startswith("disk-full"))]
    going_on, ending = [fault for fault in every if not fault.ends_lane], [fault for fault in every if fault.ends_lane]
    if not options.ci:
        random.Random(options.seed).shuffle(going_on)
    # The first one takes the lane that is there, those that can follow on what it leaves, and each other needs a new one.
    return going_on + ending[:1] + sorted(ending[1:], key=lambda one: not one.on_ended_lane)


def run(options: Namespace) -> int:
    """The whole run; the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    bounded = own_mounts()
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-faults-"))
    print(f"everything is in {folder}; seed {options.seed}", flush=True)
    if not bounded:
        print("this machine allows no mounts: full disks cannot be had here", flush=True)
    suite = Suite(options, folder, bounded, Path(options.code))
    interrupted = False
    try:
        suite.stores.start()
        if options.bugs or options.bug:
            for bug in (every for name, every in bugs().items() if not options.bug or name in options.bug):
                suite.note(suite.hunt(bug))
        else:
            _let_loose(suite, chosen_faults(options, bounded))
    except KeyboardInterrupt:
        interrupted = True
        print("\nstopping", flush=True)
    except ComponentError as error:
        suite.note(Result("start", violations=[Violation("the servers", str(error))]))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        suite.stop()
    failed = sum(not result.passed for result in suite.results)
    _write_report(suite, options.report, failed)
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
    if interrupted:
        return 130
    print(_recoveries(suite.results))
    print(f"{len(suite.results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def _let_loose(suite: Suite, faults: Sequence[Fault]) -> None:
    options = suite.options
    only_mixes = options.mixes and not options.fault
    for number, fault in enumerate(() if only_mixes else faults):
        if options.minutes and time.monotonic() > suite.started + options.minutes * 60:
            suite.say(f"{options.minutes:.1f} minutes are over; not tried: {', '.join(one.name for one in faults[number:])}")
            return
        suite.note(suite.run_fault(fault))
    for number in range(options.mixes or 0):
        suite.note(suite.run_mix(options.seed + number))
    number = 0
    while options.soak and time.monotonic() < suite.started + options.soak * 60:
        number += 1
        suite.note(suite.run_mix(options.seed * 1_000 + number))


def _write_report(suite: Suite, file: str | None, failed: int) -> None:
    if not file and not failed:
        return
    path = Path(file) if file else suite.folder / "report.json"
    path.write_text(json.dumps(suite.report(), indent=1) + "\n")
    print(f"the report is {path}" + (f"; the logs are in {suite.folder}" if failed else ""), flush=True)


def _recoveries(results: Sequence[Result]) -> str:
    lines = [f"  {one.name:<34} {one.recovery_seconds:5.1f} s" for one in results if one.recovery_seconds is not None]
    return "\n".join(["caught up after", *lines]) if lines else ""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Lists, or runs."""
    chosen = options()
    if chosen.list:
        print("\n".join(f"{fault.name:<34} {fault.does}" for fault in FAULTS.values()))
        return 0
    unknown = [name for name in chosen.fault or () if name not in FAULTS]
    if unknown:
        print(f"--fault {unknown[0]}: there is no such fault; --list names them", file=sys.stderr)
        return 2
    absent = [name for name in chosen.bug or () if name not in bugs()]
    if absent:
        print(f"--bug {absent[0]}: there is no such bug; there are {', '.join(bugs())}", file=sys.stderr)
        return 2
    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
