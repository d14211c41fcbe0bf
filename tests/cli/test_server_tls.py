"""`slipway server` over TLS: who can talk to it, and what it says of certificates that will not do."""

import os
import ssl
import subprocess
import urllib.request

import pytest

from harness import QUEUE_CONFIG


def certificate(folder, name="server"):
    """A certificate for 127.0.0.1 signed by itself, and its key, readable by their owner."""
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem],
                   check=True, capture_output=True)
    os.chmod(key, 0o600)
    return pem, key


@pytest.fixture
def served(place):
    pem, key = certificate(place.folder)
    process = place.start("server", "--data", "d", "--port", "0", "--tls-cert", pem, "--tls-key", key)
    return process, process.wait_out(r"(https://\S+)\n").group(1), pem


def login_key(process):
    return process.wait_out(r"\n  (\w{40,})\n").group(1)


def test_people_who_trust_the_certificate_are_served(place, served):
    process, url, pem = served
    with urllib.request.urlopen(f"{url}/healthz", context=ssl.create_default_context(cafile=pem), timeout=10) as reply:
        assert reply.read() == b"ok\n"
    place.use(url, key=login_key(process), entity="admin")
    place.ok("queue", "create", "q1", "--config", QUEUE_CONFIG, SSL_CERT_FILE=str(pem))
    assert "q1" in place.ok("queue", "list", SSL_CERT_FILE=str(pem))
    assert "server.tls_key_not_private" not in process.log()


def test_people_who_do_not_trust_it_are_told_so(place, served):
    process, url, _ = served
    place.use(url, key=login_key(process), entity="admin")
    line = place.slipway("queue", "list").stderr
    assert "certificate" in line


def test_a_key_that_others_may_read_is_warned_of(place):
    pem, key = certificate(place.folder)
    os.chmod(key, 0o640)
    process = place.start("server", "--data", "d", "--port", "0", "--tls-cert", pem, "--tls-key", key)
    process.wait_out("https://")
    assert "server.tls_key_not_private" in process.log() and str(key) in process.log()


@pytest.mark.parametrize("what", ["one alone", "missing", "not a certificate", "of another"])
def test_certificates_that_will_not_do_are_refused(place, what):
    pem, key = certificate(place.folder)
    other_pem, other_key = certificate(place.folder, "other")
    arguments, status, words = {
        "one alone": (["--tls-cert", pem], 2, ["--tls-key is missing"]),
        "missing": (["--tls-cert", place.folder / "none.pem", "--tls-key", key], None, ["none.pem", "No such file"]),
        "not a certificate": (["--tls-cert", key, "--tls-key", key], None, [str(key), "not a PEM certificate"]),
        "of another": (["--tls-cert", pem, "--tls-key", other_key], None, [str(pem), "does not belong to the certificate"]),
    }[what]
    done = place.slipway("server", "--data", "d", "--port", "0", *arguments)
    assert done.returncode == status or (status is None and done.returncode not in (0, 2)), done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
