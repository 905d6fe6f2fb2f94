"""`python clickhouse_process.py LIBRARY FOLDER HTTP_PORT TCP_PORT`: becomes a ClickHouse server until a signal ends it.

libchdb holds clickhouse-local whole, which listens for as long as a query runs: this one reads a FIFO that never ends.
"""

from __future__ import annotations

import ctypes
import os
import sys


def main(library: str, folder: str, http_port: str, tcp_port: str) -> int:
    fifo = os.path.join(folder, "running")
    if not os.path.exists(fifo):
        os.mkfifo(fifo)
    os.open(fifo, os.O_RDWR)  # held open for writing by this very process, so that its reader never sees an end
    query = f"SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT * FROM file('{fifo}', LineAsString) FORMAT Null"
    arguments = ["clickhouse", "--config-file", f"{folder}/config.xml", "--path", f"{folder}/data"]
    arguments += ["--listen_host", "127.0.0.1", "--http_port", http_port, "--tcp_port", tcp_port, "--query", query]
    clickhouse = ctypes.CDLL(library)
    argv = (ctypes.c_char_p * (len(arguments) + 1))(*(argument.encode() for argument in arguments), None)
    return int(clickhouse.chdb_query_cmdline(len(arguments), argv) is None)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
