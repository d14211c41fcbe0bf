"""Random queue configs that Vertex AI accepts: arguments of the Python SDK, and a queue config that says the same.

The config is the arguments in another dress: keys in either spelling, fields in any of the places where the language
takes them, durations as text, environments as maps.
"""

import random
import re

GPUS = [("n1-standard-8", "NVIDIA_TESLA_T4", [1, 2, 4]), ("n1-standard-16", "NVIDIA_TESLA_V100", [1, 2, 4, 8]),
        ("n1-highmem-32", "NVIDIA_TESLA_P100", [1, 2, 4]), ("a2-highgpu-1g", "NVIDIA_TESLA_A100", [1]),
        ("a2-highgpu-8g", "NVIDIA_TESLA_A100", [8]), ("g2-standard-4", "NVIDIA_L4", [1]),
        ("a3-highgpu-8g", "NVIDIA_H100_80GB", [8])]
FLEX_GPUS = [g for g in GPUS if g[1] in ("NVIDIA_L4", "NVIDIA_TESLA_A100", "NVIDIA_H100_80GB")]
CPUS = ["n1-standard-4", "e2-standard-8", "n2-standard-16", "c2-standard-8"]
WORDS = ["train.py", "--rate", "0.1", "--epochs=3", "", "a b", "quo\"te", "l'apostrophe", "back\\slash", "naïve", "日本", "$(RATE)", "line\nbreak",
         "yes", "1e3", "null", "true", "0x10", "-", "{}", "#", "trailing "]


def camel(key):
    return re.sub(r"_([a-z])", lambda m: m.group(1).upper(), key)


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def maybe(self, chance=0.5):
        return self.r.random() < chance

    def words(self, most=4):
        return [self.r.choice(WORDS) for _ in range(self.r.randint(0, most))]

    def machine(self, gpu, wants_tpu):
        if wants_tpu:
            return {"machine_type": "ct5lp-hightpu-4t", "tpu_topology": "2x2"}
        if not gpu:
            return {"machine_type": self.r.choice(CPUS)}
        name, kind, counts = gpu
        m = {"machine_type": name, "accelerator_type": kind, "accelerator_count": self.r.choice(counts)}
        return m

    def env(self):
        names = self.r.sample(["RATE", "DATA", "lower", "_UNDER", "X1", "EMPTYISH", "PATH_LIKE"], self.r.randint(0, 4))
        values = [w for w in WORDS if w]
        return [{"name": n, "value": self.r.choice(values)} for n in names]

    def task(self):
        if self.maybe(0.2):
            spec = {"executor_image_uri": "us-docker.pkg.dev/vertex-ai/training/tf-cpu.2-14.py310:latest",
                    "package_uris": ["gs://bucket/pkg-1.tar.gz"], "python_module": "trainer.task"}
            kind = "python_package_spec"
        else:
            spec = {"image_uri": "us-docker.pkg.dev/acme/train:1"}
            kind = "container_spec"
            if self.maybe():
                spec["command"] = self.words(2)
        if self.maybe():
            spec["args"] = self.words()
        if self.maybe():
            spec["env"] = self.env()
        return {kind: spec}

    def pool(self, first, gpu, wants_tpu):
        p = {"machine_spec": self.machine(gpu, wants_tpu), "replica_count": 1 if first else self.r.randint(1, 8)}
        p.update(self.task())
        if self.maybe(0.4):
            p["disk_spec"] = {"boot_disk_type": self.r.choice(["pd-ssd", "pd-standard"]),
                              "boot_disk_size_gb": self.r.randint(100, 4000)}
        return p

    def pools(self, flex):
        wants_tpu = not flex and self.maybe(0.05)
        gpu = self.r.choice(FLEX_GPUS) if flex else self.r.choice(GPUS) if self.maybe(0.6) else None
        pools = [self.pool(True, gpu, wants_tpu)]
        if not wants_tpu:
            for _ in range(self.r.choice([0, 0, 0, 1, 2, 3])):
                same = gpu if flex or self.maybe() else None
                pools.append({} if not flex and len(pools) > 1 and self.maybe(0.3) else self.pool(False, same, False))
        if pools[-1] == {}:
            pools.pop()
        if flex:  # one machine for all
            for p in pools:
                p["machine_spec"] = dict(pools[0]["machine_spec"])
        return pools

    def arguments(self):
        """(arguments of CustomJob(), arguments of submit())"""
        flex = self.maybe(0.1)
        spec = {"display_name": self.r.choice(["job", "Job with spaces", "x" * 128, "名前"]), "worker_pool_specs": self.pools(flex),
                "staging_bucket": self.r.choice(["gs://acme-staging", "gs://acme-staging/", "acme-staging", "gs://acme-staging/a/b"])}
        run = {}
        if self.maybe():
            spec["base_output_dir"] = "gs://acme-models/out"
        if self.maybe(0.4):
            spec["labels"] = {k: self.r.choice(["", "v", "value-1", "with_under"]) for k in self.r.sample(["team", "env", "cost-center"], 2)}
        if self.maybe(0.3):
            spec["encryption_spec_key_name"] = "projects/k/locations/us-central1/keyRings/r/cryptoKeys/c"
        if self.maybe(0.5):
            run["service_account"] = "training@acme-ml.iam.gserviceaccount.com"
            if self.maybe():
                run["tensorboard"] = "projects/123/locations/us-central1/tensorboards/4567"
        if self.maybe(0.3):
            run["network"] = "projects/123456/global/networks/ml"
        if self.maybe(0.6):
            run["timeout"] = self.r.choice([600, 3600, 86400, 604800])
        if flex:
            run["scheduling_strategy"] = "FLEX_START"
            if self.maybe():
                run["max_wait_duration"] = self.r.choice([0, 3600, 43200])
        elif self.maybe(0.3):
            run["scheduling_strategy"] = self.r.choice(["SPOT", "STANDARD"])
        for flag in ("restart_job_on_worker_restart", "enable_web_access", "disable_retries"):
            if self.maybe(0.3):
                run[flag] = self.maybe()
        if self.maybe(0.1):
            run["psc_interface_config"] = {"network_attachment": "projects/p/regions/us-central1/networkAttachments/n"}
        return spec, run

    # The same in another dress.

    def dressed(self, value, under=None):
        if isinstance(value, list):
            return [self.dressed(v) for v in value]
        if not isinstance(value, dict):
            return value
        if under == "labels":
            return dict(value)
        out = {}
        for key, inner in value.items():
            if key == "env" and self.maybe(0.3):
                out["env"] = {e["name"]: e["value"] for e in inner}
                continue
            out[camel(key) if self.maybe(0.4) else key] = self.dressed(inner, key)
        return out

    def moved(self, spec, run):
        """Some of submit()'s arguments go to other places that mean the same."""
        spec, run = dict(spec), dict(run)
        scheduling = {}
        if "timeout" in run and self.maybe(0.3):
            scheduling["timeout"] = f"{run.pop('timeout')}s"
        if "scheduling_strategy" in run and self.maybe(0.3):
            scheduling["strategy"] = run.pop("scheduling_strategy")
        if "max_wait_duration" in run and self.maybe(0.3):
            scheduling["max_wait_duration"] = {"seconds": run.pop("max_wait_duration")}
        if scheduling:
            spec["scheduling"] = scheduling
        for key in ("service_account", "network", "tensorboard", "enable_web_access", "psc_interface_config", "timeout"):
            if key in run and self.maybe(0.3):
                spec[key] = run.pop(key)
        if "encryption_spec_key_name" in spec and self.maybe(0.3):
            spec["encryption_spec"] = {"kms_key_name": spec.pop("encryption_spec_key_name")}
        if self.maybe(0.2):
            spec["job_spec"] = {"worker_pool_specs": spec.pop("worker_pool_specs")}
        return spec, run

    def config(self, spec, run):
        spec, run = self.moved(spec, run)
        block = {"spec": self.dressed(spec), "run": self.dressed(run)}
        wrapper = self.r.choice([None, "vertex", "gcp-vertex"])
        return {wrapper: block} if wrapper else block
