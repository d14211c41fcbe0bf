"""A small real training job for the demo: logistic regression by gradient descent on data it makes. Standard library only.

It learns: the loss falls from about 0.69 (a coin) towards the noise in the data. On a job with several worker pools each
replica trains on its own shard and says which one it is, from Vertex AI's CLUSTER_SPEC.
"""

import argparse
import json
import math
import os
import random
import sys
import time


def make_data(rows, seed):
    rng = random.Random(seed)
    weights = [2.0, -1.5, 0.75]
    data = []
    for _ in range(rows):
        x = [rng.gauss(0, 1) for _ in weights]
        p = 1 / (1 + math.exp(-sum(w * v for w, v in zip(weights, x))))
        data.append((x, 1 if rng.random() < p else 0))
    return data


def epoch(weights, data, rate):
    """One pass of full-batch gradient descent; returns the mean loss before the step."""
    gradient = [0.0] * len(weights)
    loss = 0.0
    for x, y in data:
        p = 1 / (1 + math.exp(-sum(w * v for w, v in zip(weights, x))))
        loss -= math.log(p if y else 1 - p)
        for i, v in enumerate(x):
            gradient[i] += (p - y) * v
    for i, g in enumerate(gradient):
        weights[i] -= rate * g / len(data)
    return loss / len(data)


def place():
    """(pool, index, replicas in all) from CLUSTER_SPEC; a lone process is its own chief."""
    spec = json.loads(os.environ.get("CLUSTER_SPEC", "{}"))
    task = spec.get("task", {"type": "workerpool0", "index": 0})
    cluster = spec.get("cluster", {"workerpool0": ["localhost"]})
    return task["type"], int(task["index"]), sum(len(hosts) for hosts in cluster.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2.0)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--pause", type=float, default=0.15, help="seconds between epochs, so that there is a log to follow")
    parser.add_argument("--role", default="", help="as the queue config gives it; CLUSTER_SPEC is what counts")
    parser.add_argument("--fail", action="store_true", help="end with an error after the first epoch")
    args = parser.parse_args()

    pool, index, replicas = place()
    print(f"{pool}-{index} of {replicas}: training on {args.rows} rows", flush=True)
    data = make_data(args.rows, seed=f"{pool}/{index}")
    weights = [0.0, 0.0, 0.0]
    for n in range(1, args.epochs + 1):
        loss = epoch(weights, data, args.rate)
        print(f"epoch {n}/{args.epochs} loss {loss:.4f}", flush=True)
        if args.fail:
            raise RuntimeError("the learning rate file is missing: /data/rate.json (a failure on purpose)")
        time.sleep(args.pause)
    print("weights " + " ".join(f"{w:.2f}" for w in weights), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
