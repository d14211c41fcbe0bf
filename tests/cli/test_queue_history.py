"""`slipway queue history` and `rollback`: who changed a queue when and what, and the way back; on both kinds of store."""

import json

from harness import KEY

CONFIG = {"spec": {"worker_pool_specs": [{"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1,
                                          "container_spec": {"image_uri": "${image_uri}"}}],
                   "staging_bucket": "gs://bucket"}}


def config(place, machine):
    text = json.dumps(CONFIG).replace("n1-standard-4", machine)
    file = place.folder / f"{machine}.json"
    file.write_text(text)
    return file


def test_each_change_is_a_version_and_an_older_one_comes_back(place, options):
    place.ok("admin", "user", "create", "ada", "--admin", "--api-key", KEY, *options)
    bob = place.json("admin", "user", "create", "bob", "--admin", *options)["api_key"]
    server = place.start("server", "--port", "0", *options)
    place.use(server.url())
    for machine, priority in [("n1-standard-4", ()), ("n1-standard-8", ()), ("n1-standard-8", ())]:
        place.ok("queue", "create", "gpu", "--config", config(place, machine), *priority)
    place.ok("queue", "create", "gpu", "--config", config(place, "n1-standard-8"), "--priority", WANDB_API_KEY=bob)

    newest, second, first = place.json("queue", "history", "gpu")  # the third save changed nothing
    assert [v["version"] for v in (newest, second, first)] == [3, 2, 1]
    assert [v["createdBy"] for v in (newest, second, first)] == ["user bob", "user ada", "user ada"]
    assert first["changes"] == [] and newest["changes"] == [{"path": "prioritizationMode", "old": "DISABLED", "new": "V0"}]
    assert [(c["old"], c["new"]) for c in second["changes"]] == [("n1-standard-4", "n1-standard-8")]
    assert second["changes"][0]["path"].endswith("machine_spec.machine_type")

    assert place.json("queue", "rollback", "gpu", "--to", "1") == {"success": True, "version": 4}
    assert place.json("queue", "rollback", "gpu", "--to", "1") == {"success": True, "version": 4}, "it may be repeated"
    now = json.loads(place.ok("queue", "show", "gpu"))
    assert now["prioritizationMode"] == "DISABLED" and "n1-standard-4" in json.dumps(now)
    text = place.ok("queue", "history", "gpu", "--count", "1")
    assert "rolled back to 1" in text and "V0 -> DISABLED" not in text and '"V0" -> "DISABLED"' in text
    assert json.loads(place.ok("queue", "history", "gpu", "--version", "2"))["config"] == second["config"]
    log = [r for r in place.json("admin", "audit", "list", *options) if r["what"] == "queue.rollback"]
    assert [(r["who"], r["object"], r["detail"]) for r in log] == [("user ada", "queue ada/gpu", "to version 1")]

    assert "no version 9: its newest is 4" in place.fails(6, "queue", "rollback", "gpu", "--to", "9")
    assert "has no version 9" in place.fails(6, "queue", "history", "gpu", "--version", "9")
    assert 'no queue "cpu"' in place.fails(6, "queue", "history", "cpu")
    assert "--to N is missing" in place.fails(2, "queue", "rollback", "gpu")
