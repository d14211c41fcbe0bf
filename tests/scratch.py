"""Where programs that tests start put what they call temporary: one folder for all of a run of pytest, gone at its end. (Clients of W&B
that are killed leave folders and sockets behind; these need a short name, so it is none of pytest's.)

For a conftest.py: `from scratch import pytest_configure, pytest_unconfigure`; environments that tests write have TMPDIR in them."""

import os
import shutil
import tempfile


def pytest_configure(config):
    if "PYTEST_XDIST_WORKER" in os.environ:  # its parent has made it
        return
    tempfile.gettempdir()  # where pytest's own folders are stays as it is
    config.scratch = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="slipway-")
    os.chmod(config.scratch, 0o711)  # PostgreSQL, which root may not run, has a folder of its own in it


def pytest_unconfigure(config):
    if hasattr(config, "scratch"):
        shutil.rmtree(config.scratch, ignore_errors=True)
