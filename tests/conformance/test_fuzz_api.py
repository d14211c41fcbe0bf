"""schemathesis' requests at the server: none makes it fail. `./dev fuzz-api` sends more."""

import os
import signal
import subprocess

from conftest import ROOT

PYTHON = ROOT / ".venvs/schemathesis/bin/python"
EXAMPLES = os.environ.get("SLIPWAY_FUZZ_EXAMPLES", "10")  # of each of the 46 fields; 460 requests take 15 s
SEED = os.environ.get("SLIPWAY_FUZZ_SEED", "1")


def test_no_request_that_the_schema_allows_makes_the_server_fail(system):
    options = ["--examples", EXAMPLES, "--seed", SEED]
    fuzz = subprocess.Popen([PYTHON, ROOT / "tests/conformance/fuzz_api.py", system.url, system.key, *options],
                            cwd=system.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        told = fuzz.communicate(timeout=600 + int(EXAMPLES) * 10)[0]
    finally:
        if fuzz.poll() is None:
            fuzz.send_signal(signal.SIGKILL)
            fuzz.wait()
    print(told)
    assert fuzz.returncode == 0, told
    assert "Mutation.popFromRunQueue" in told
    assert system.process.poll() is None
    log = (system.folder / "up.log").read_text()
    assert '"severity":"ERROR"' not in log and "Sanitizer" not in log
