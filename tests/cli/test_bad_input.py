"""Wrong input of every kind: one line on standard error that says what, where and what to do, and the documented status."""

import base64
import http.client
import json
import urllib.parse

import pytest

from harness import KEY, PYTHON_IMAGE, QUEUE_CONFIG, FakeServer

OK, USAGE, CONFIG, AUTH, NOT_FOUND, INVALID, PROTO, NET, THROTTLED, REMOTE, LIMIT = 0, 2, 3, 4, 6, 8, 9, 10, 12, 13, 17


def write(place, text):
    (place.folder / "f.yaml").write_text(text)


# --- files

@pytest.mark.parametrize("text, said", [
    ("entity: ada\nqueues: [q]\nmax_job: 3\n", 'f.yaml:3:1: max_job: unknown key; did you mean "max_jobs"?'),
    ("queues: [q]\nvertex:\n  regoin: x\n", 'f.yaml:3:3: vertex.regoin: unknown key; did you mean "region"?'),
    ("queues: [q]\nmax_jobs: many\n", "f.yaml:2:1: max_jobs: expected integer, not string"),
    ("queues: [q]\nmax_jobs: -5\n", "f.yaml:2:1: max_jobs: -5 is negative; -1 means no limit"),
    ("queues: [q]\nmax_schedulers: -2\n", "f.yaml:2:1: max_schedulers: -2 is negative; -1 means no limit"),
    ("queues: [q]\nbase_url: http://x\n", "f.yaml:2:1: base_url: is not taken from here; set WANDB_BASE_URL or give --url"),
    ("queues: [q]\nbuilder: {type: kaniko}\n", "f.yaml:2:17: builder.type: "),
    ("queues: [q]\ngoogle:\n  allow_host: [x]\n", 'f.yaml:3:3: google.allow_host: unknown key; did you mean "allow_hosts"?'),
    ("queues: [q]\ngoogle:\n  endpoints: {sts: http://example.org}\n", "f.yaml:3:3: google.endpoints: sts: plain http to example.org"),
    ("queues: [q]\ngoogle:\n  secret_cache_seconds: 4000\n", "f.yaml:3:3: google.secret_cache_seconds: 4000 is not a number of seconds from 0 to 3600"),
    ("queues: [q]\nwandb:\n  api_key_secret: a/b\n", 'f.yaml:3:3: wandb.api_key_secret: "a/b" names no secret: expected NAME'),
    ("queues: [q]\nwandb:\n  api_key: x\n", "f.yaml:3:3: wandb.api_key: is not taken from here; set WANDB_API_KEY, or keep the key in Secret Manager"),
    ("entity: ada\n", "queues: [NAME] in f.yaml"),
    ("- a\n", "f.yaml: expected an object, not list"),
    ("queues: [q\nmax_jobs: 3\n", "f.yaml:2:9: "),
    ("queues: [q]\nqueues: [r]\n", "f.yaml:2:1: "),
])
def test_a_wrong_launch_config_is_refused_with_its_place(place, text, said):
    place.use("http://127.0.0.1:1")
    write(place, text)

    assert said in place.fails(CONFIG, "agent", "--config", "f.yaml")


def test_a_missing_launch_config_is_named(place):
    place.use("http://127.0.0.1:1")

    assert "the launch config file nowhere.yaml" in place.fails(CONFIG, "agent", "--config", "nowhere.yaml")


def test_a_launch_config_of_two_megabytes_is_over_the_cap(place):
    place.use("http://127.0.0.1:1")
    write(place, "a: " + "x" * 2_000_000)

    assert "f.yaml is longer than 1048576 bytes" in place.fails(LIMIT, "agent", "--config", "f.yaml")


def test_a_wrong_number_in_the_environment_is_named(place):
    place.use("http://127.0.0.1:1")

    line = place.fails(CONFIG, "agent", "-q", "q", WANDB_LAUNCH_MAX_JOBS="few")
    assert 'WANDB_LAUNCH_MAX_JOBS: "few" is not a whole number' in line


def test_bad_yaml_of_a_queue_config_is_shown_with_its_place(place):
    place.use("http://127.0.0.1:1")
    write(place, "spec:\n  worker_pool_specs: [\n    a: b\n")

    assert "f.yaml:4:1: " in place.fails(CONFIG, "queue", "create", "x", "--config", "f.yaml")


def test_all_faults_of_a_queue_config_are_shown_and_nothing_is_sent(place):
    write(place, QUEUE_CONFIG.read_text().replace("machine_type", "machine_typ").replace("replica_count: 1", "replica_count: one"))
    with FakeServer(200, "{}") as fake:
        place.use(fake.url)
        done = place.slipway("queue", "create", "x", "--config", "f.yaml")

    assert done.returncode == CONFIG
    assert fake.requests == []
    assert 'unknown key "machine_typ"; did you mean "machine_type"?' in done.stderr and "replica_count" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("slipway: f.yaml: ")


# --- names that are wrong, keys that are wrong

def test_names_that_do_not_exist(up):
    p = up.place
    for argv in (("queue", "show", "nix"), ("queue", "delete", "nix"), ("items", "nix"), ("launch", "-q", "nix", "-d", "x")):
        line = p.fails(NOT_FOUND, *argv)
        assert "nix" in line and "'slipway queue list' shows what there is" in line
    for argv in (("items", "show", "nix"), ("logs", "nix")):
        assert "no item \"nix\"; 'slipway items QUEUE' lists them" in p.fails(NOT_FOUND, *argv)
    assert "nix" in p.fails(NOT_FOUND, "stop", "nix")
    assert '"nobody"' in p.fails(NOT_FOUND, "agent", "-q", "q", "-e", "nobody", "--state-dir", "agent")


@pytest.mark.parametrize("name", ["", "a/b", ".a", "é", "a" * 65])
def test_a_bad_queue_name_is_refused_by_the_server(up, name):
    line = up.place.fails(INVALID, "queue", "create", "--config", QUEUE_CONFIG, "--", name)

    assert f"bad queue name '{name}'" in line and "1 to 64" in line
    assert [q["name"] for q in up.place.json("queue", "list")] == ["q"]


def test_a_wrong_resource_is_refused(up):
    line = up.place.fails(USAGE, "queue", "create", "x", "--config", QUEUE_CONFIG, "-r", "kubernetes")
    assert '"kubernetes" is neither gcp-vertex nor vertex' in line


def test_a_key_that_the_server_does_not_know(up):
    line = up.place.fails(AUTH, "queue", "list", WANDB_API_KEY=KEY)

    assert f"{up.url} refused the API key" in line and KEY not in line


def test_no_key_says_how_to_log_in(up):
    line = up.place.fails(AUTH, "queue", "list", WANDB_API_KEY=None)

    assert f"slipway login --url {up.url}" in line and "WANDB_API_KEY" in line


def test_login_with_a_wrong_key_saves_nothing(up):
    line = up.place.fails(AUTH, "login", KEY)

    assert "refused the API key" in line
    assert not (up.place.home / ".netrc").exists()


# --- servers that do not answer as they should

def test_a_server_that_is_down(place):
    place.use("http://127.0.0.1:1")

    line = place.fails(NET, "queue", "list")
    assert "http://127.0.0.1:1" in line and "is the queue server up" in line and "WANDB_BASE_URL" in line


@pytest.mark.parametrize("address, status", [("nonsense", CONFIG), ("ftp://x", CONFIG), ("http://queue.example.com", INVALID)])
def test_an_address_that_cannot_be_right(place, address, status):
    place.use(None)

    line = place.fails(status, "queue", "list", "--url", address)
    assert address.rpartition("/")[2] in line and "http" in line


API = "is it the address of a W&B API?"


@pytest.mark.parametrize("answer, status, said", [
    ((200, "<html><body>Hello</body></html>", "text/html"), PROTO, API),
    ((200, "{not json"), PROTO, API),
    ((200, ""), PROTO, API),
    ((200, "[]"), PROTO, API),
    ((200, '{"data": null}'), PROTO, API),
    ((404, "nope", "text/plain"), REMOTE, API),
    ((302, "", "text/plain"), PROTO, API),
    ((502, "<html>Bad Gateway</html>", "text/html"), REMOTE, "HTTP 502"),
    ((429, "slow down", "text/plain"), THROTTLED, "HTTP 429"),
    ((200, '{"errors": [{"message": "no such\\nfield"}]}'), INVALID, "no such field"),
    ((200, b'{"a":"' + b"x" * 17_000_000 + b'"}'), LIMIT, "the reply is longer than 16777216 bytes"),
], ids=["html", "not-json", "empty", "list", "no-data", "404", "redirect", "502", "429", "graphql-error", "too-large"])
@pytest.mark.parametrize("argv", [("queue", "list"), ("launch", "-q", "q", "-d", "x", "--wait")], ids=["list", "launch"])
def test_an_answer_that_is_not_one(place, answer, status, said, argv):
    with FakeServer(*answer) as fake:
        place.use(fake.url)
        line = place.fails(status, *argv)

    assert fake.url in line and said in line


# --- what our server refuses

def post(url, body, **headers):
    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
    connection.request("POST", "/graphql", body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def basic(key):
    return "Basic " + base64.b64encode(f"api:{key}".encode()).decode()


@pytest.mark.parametrize("body", ["", "{", "nonsense", "[]", "5", '{"query": 5}', "\xff\xfe"])
def test_the_server_answers_400_to_a_body_that_is_no_request(up, body):
    status, text = post(up.url, body.encode("latin-1"), Authorization=basic(up.key))

    assert status == 400
    assert json.loads(text)["errors"][0]["message"]


def test_the_server_answers_413_to_a_body_over_the_cap(up):
    status, _ = post(up.url, b'{"query": "' + b"x" * 40_000_000 + b'"}', Authorization=basic(up.key))

    assert status == 413
    assert up.place.json("queue", "list")


def test_the_server_answers_401_without_a_key(up):
    status, text = post(up.url, b'{"query": "{ viewer { id } }"}', Authorization=basic(KEY))

    assert status == 401
    assert "key" in json.loads(text)["errors"][0]["message"]


# --- command lines

@pytest.mark.parametrize("argv, said", [
    ("lanch", 'no command "lanch"; did you mean "launch"?'),
    ("queue lst", 'no command "queue lst"; did you mean "queue list"?'),
    ("itmes q", 'no command "itmes"; did you mean "items"?'),
    ("queue", '"queue" is the beginning of a command; go on with: create, '),
    ("admin user", '"admin user" is the beginning of a command; go on with: create'),
    ("queue frobnicate", 'no command "queue frobnicate"; after "queue" comes one of: create, '),
    ("frobnicate", "'slipway --help' lists them"),
    ("--verison", 'did you mean "--version"?'),
    ("queue create --confg x", "unknown option --confg; did you mean --config?"),
    ("launch --frobnicate", "unknown option --frobnicate; see 'slipway launch --help'"),
    ("launch -z", "unknown option -z; see 'slipway launch --help'"),
    ("launch --queue", "--queue needs a value: --queue NAME"),
    ("agent -q", "-q needs a value: -q NAME"),
    ("launch --wait=1", "--wait takes no value"),
    ("launch -d x", "--queue NAME is missing"),
    ("launch -q q", "give --image IMAGE"),
    ("items", "QUEUE is missing; usage: slipway items QUEUE"),
    ("items show", "ITEM is missing; usage: slipway items show ITEM"),
    ("queue create x", "--config FILE is missing"),
    ("version x", 'too many words from "x" on; usage: slipway version'),
    ("items q -o yaml", '--output: "yaml" is neither text nor json'),
    ("items q -n 0", "--limit: 0 is not between 1 and 1000"),
    ("agent -j -2", "--max-jobs: -2 is not between -1 and 1000000"),
    ("agent -j x", '--max-jobs: "x" is not a whole number'),
    ("completion fish", 'completion for "fish" is not known'),
    ("server --host 0.0.0.0", "--public"),
    ("emulator --speed 0", '--speed: "0" is not a number above 0'),
    ("help frobnicate", 'no command "frobnicate"'),
])
def test_a_wrong_command_line(place, argv, said):
    place.use("http://127.0.0.1:1")

    assert said in place.fails(USAGE, *argv.split())


def test_a_launch_that_was_refused_leaves_nothing_in_the_queue(up):
    before = up.place.json("items", "q")["totalCount"]

    up.place.fails(CONFIG, "launch", "-q", "q", "-c", "{bad")
    up.place.fails(USAGE, "launch", "-q", "q", "-d", PYTHON_IMAGE, "-P", "urgent")
    up.place.fails(INVALID, "launch", "-q", "q", "-d", PYTHON_IMAGE, "-P", "high")

    assert up.place.json("items", "q")["totalCount"] == before
