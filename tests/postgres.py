#!/usr/bin/env python3
"""A private PostgreSQL server for tests: in a temporary folder, on a Unix socket only, ended with whoever started it.

    postgres.py PROGRAM [ARG...]    run a program with SLIPWAY_TEST_POSTGRES naming the server

Debian's packages have it; the server refuses to run as root, so root starts it as the user "postgres".
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BIN = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))


@contextlib.contextmanager
def private_server(durable=False):
    """The server's address, as libpq takes it. Not @durable: nothing is synced, which is quicker."""
    assert BIN, "PostgreSQL is missing: install the Debian package postgresql"
    folder = tempfile.mkdtemp(prefix="slipway-pg-")
    user = "postgres" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    options = dict(user=user, group=user, extra_groups=[]) if user else {}
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=60", f"fsync={'on' if durable else 'off'}"]
    server = None
    try:
        subprocess.run([BIN[-1] / "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "slipway", "--no-sync", "--encoding=UTF8",
                        "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder, **options)
        with open(f"{folder}/log", "w") as log:
            server = subprocess.Popen([BIN[-1] / "postgres", "-D", f"{folder}/data", *(w for s in settings for w in ("-c", s))],
                                      stdout=log, stderr=log, cwd=folder, **options)
        url = f"postgresql://slipway@/postgres?host={folder}"
        deadline = time.monotonic() + 30
        while subprocess.run([BIN[-1] / "pg_isready", "-q", "-d", url]).returncode != 0:
            assert server.poll() is None and time.monotonic() < deadline, pathlib.Path(f"{folder}/log").read_text()
            time.sleep(0.05)
        yield url
    finally:
        if server:
            server.send_signal(signal.SIGINT)  # the fast way: who is connected is sent away
            server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with private_server() as url:
        sys.exit(subprocess.run(sys.argv[1:], env=dict(os.environ, SLIPWAY_TEST_POSTGRES=url)).returncode)
