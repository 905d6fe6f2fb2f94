"""A proxy on loopback that passes on what it gets, or disturbs it: one thread, any number of connections."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from local.process import free_port

_CHUNK = 65_536
_REQUEST = re.compile(rb"^(GET|PUT|POST|DELETE|HEAD|OPTIONS) (\S+) HTTP/1\.[01]\r\n")


@dataclass(frozen=True)
class Disturbance:
    """What happens to a request. `kind` is one of:

    reset: the connection is reset before the request is passed on.
    lose-answer: the request is passed on whole, its effect happens, and the connection is reset when the answer comes.
    status: HTTP only, the proxy itself answers with `status` and `body`.
    delay: the request waits `seconds`.
    throttle: both ways get `bytes_a_second`.
    slow-body: the answer comes in pieces of `bytes_a_second` each second.
    """

    kind: str
    share: float = 1.0
    """Of all requests that match, how many it hits."""
    match: bytes = b""
    """What the head of a request has to hold, as a regular expression; nothing matches everything."""
    seconds: float = 0.0
    bytes_a_second: int = 0
    status: str = "503 Slow Down"
    body: bytes = b""


class Proxy:
    """Listens on `port` until the process ends."""

    def __init__(self, name: str, target_port: Callable[[], int]) -> None:
        self.name = name
        self.port = free_port()
        self.hits = 0
        self._target_port = target_port
        self._disturbance: Disturbance | None = None
        self._random = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> Proxy:
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), name=f"proxy of {self.name}", daemon=True).start()
        started.wait(10)
        return self

    def disturb(self, disturbance: Disturbance | None, seed: int = 1) -> None:
        """From now on; None ends it. `hits` counts the requests that were disturbed."""
        self._random = random.Random(seed)
        if disturbance is not None:
            self.hits = 0
        self._disturbance = disturbance

    def drop_connections(self) -> None:
        """Resets every connection that is open."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._connections])

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=1 << 20))
        started.set()
        self._loop.run_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        try:
            await _Connection(self, reader, writer).serve(self._target_port())
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            _reset(writer)
            if task is not None:
                self._connections.discard(task)

    def chosen(self, head: bytes) -> Disturbance | None:
        """What happens to the request that begins so."""
        disturbance = self._disturbance
        if disturbance is None or not re.search(disturbance.match, head) or self._random.random() >= disturbance.share:
            return None
        self.hits += 1
        return disturbance


class _Connection:
    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client, self._to_client = reader, writer
        self._answered = True  # the next bytes of the client begin a request
        self._now: Disturbance | None = None

    async def serve(self, target_port: int) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", target_port, limit=1 << 20)
        ways = {asyncio.ensure_future(self._requests(to_server)), asyncio.ensure_future(self._answers(server))}
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            _reset(to_server)

    async def _requests(self, to_server: asyncio.StreamWriter) -> None:
        while data := await self._client.read(_CHUNK):
            if self._answered:
                self._answered = False
                self._now = self._proxy.chosen(data[:4096])
                if self._now is not None and self._now.kind == "reset":
                    raise ConnectionResetError
                if self._now is not None and self._now.kind == "status" and _REQUEST.match(data):
                    await self._refuse(data, self._now)
                    return
                if self._now is not None and self._now.kind == "delay":
                    await asyncio.sleep(self._now.seconds)
            if self._now is not None and self._now.kind == "throttle":
                await asyncio.sleep(len(data) / self._now.bytes_a_second)
            to_server.write(data)
            await to_server.drain()

    async def _refuse(self, data: bytes, disturbance: Disturbance) -> None:
        while b"\r\n\r\n" not in data:
            data += await self._client.read(_CHUNK)
        head, rest = data.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if length and not re.search(rb"(?i)\r\nexpect: *100", head):
            missing = int(length.group(1)) - len(rest)
            while missing > 0 and (more := await self._client.read(min(_CHUNK, missing))):
                missing -= len(more)
        answer = f"HTTP/1.1 {disturbance.status}\r\nContent-Type: application/xml\r\nContent-Length: {len(disturbance.body)}\r\nConnection: close\r\n\r\n"
        self._to_client.write(answer.encode() + (b"" if head.startswith(b"HEAD") else disturbance.body))
        await self._to_client.drain()
        self._to_client.write_eof()
        await asyncio.sleep(0.2)

    async def _answers(self, server: asyncio.StreamReader) -> None:
        while data := await server.read(_CHUNK):
            now = self._now
            if now is not None and now.kind == "lose-answer" and not data.startswith(b"HTTP/1.1 100"):
                raise ConnectionResetError
            self._answered = self._answered or not data.startswith(b"HTTP/1.1 100")
            if now is not None and now.kind in ("throttle", "slow-body"):
                for start in range(0, len(data), max(now.bytes_a_second // 10, 1)):
                    self._to_client.write(data[start : start + max(now.bytes_a_second // 10, 1)])
                    await self._to_client.drain()
                    await asyncio.sleep(0.1)
                continue
            self._to_client.write(data)
            await self._to_client.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with RST, so that the other side sees a cut connection and not an end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()
