#!/usr/bin/env python3
"""What `./dev coverage` prints, and its verdict: lines and branches by folder, and the floors of the code that decides.

    coverage.py UNIT.json [ALL.json]

Both are JSON summaries of gcovr: after the unit tests, and after the simulation as well. Without the second only the
floors of the unit tests are checked. Not counted (an option of gcovr) are the branches of assert(), whose other side is a
dead program, of log lines, whose other side is a level that is off, and of STR_ARG(), where it is a text that is not there.
"""
import json
import os
import sys

# Pure code and small parts: unit tests alone have to reach this.
UNIT_FLOOR = {
    "src/launch/phase.c": 95,
    "src/launch/cause.c": 95,
    "src/launch/policy.c": 95,
    "src/launch/ladder.c": 95,
    "src/launch/places.c": 95,
    "src/agent/bucket.c": 95,
    "src/agent/gate.c": 95,
    "src/agent/hold.c": 95,
    "src/agent/outcome.c": 95,
}
# Fibers: the simulation adds what only a crash or a bad network brings about. Most of what stays open is a cancel that comes
# at just that call. The driver, which walks the phases, and what it keeps are tested as pure code is; for the others a floor
# is a few points below what is reached, for a change of the agent changes what the seeds meet.
ALL_FLOOR = {
    "src/agent/driver.c": 95,
    "src/agent/launches.c": 95,
    "src/agent/report.c": 85,
    "src/agent/stops.c": 85,
    "src/agent/submit.c": 90,
    "src/agent/taker.c": 80,
    "src/agent/watcher.c": 84,
}


def read(path):
    with open(path, encoding="utf-8") as f:
        return {x["filename"]: x for x in json.load(f)["files"]}


def add(files, what):
    return sum(f[what + "_covered"] for f in files), sum(f[what + "_total"] for f in files)


def percent(covered, total):
    return 100 * covered / total if total else 100.0


def shown(pair):
    return "%5.1f %% %11s" % (percent(*pair), "%d/%d" % pair)


def print_folders(stages):
    print("%-28s%s" % ("", "".join("  %-20s  %-20s" % (name + ": lines", "branches") for name, _ in stages)))
    every = stages[-1][1]
    folders = sorted({os.path.dirname(name) for name in every})
    for folder in folders + ["all"]:
        cells = []
        for _, files in stages:
            chosen = [f for name, f in files.items() if folder in ("all", os.path.dirname(name))]
            cells += [shown(add(chosen, "line")), shown(add(chosen, "branch"))]
        print("%-28s%s" % (folder, "".join("  %-20s" % c for c in cells)))


def check(title, floors, files):
    """Print one line a file; the files that are below their floor."""
    print("\n%s" % title)
    low = []
    for name, floor in floors.items():
        pair = add([files[name]], "branch")
        if percent(*pair) < floor:
            low.append(name)
        print("%-28s  %s  floor %d %%%s" % (name, shown(pair), floor, "  TOO LOW" if name in low else ""))
    return low


def main():
    unit = read(sys.argv[1])
    every = read(sys.argv[2]) if len(sys.argv) > 2 else None
    print_folders([("unit tests", unit)] + ([("and simulation", every)] if every else []))
    low = check("Branches of the state machine, the ladder and the retries, by unit tests alone (asserts not counted):", UNIT_FLOOR, unit)
    if every:
        low += check("Branches of the fibers that drive them, by unit tests and simulation:", ALL_FLOOR, every)
    if low:
        print("\nbranch coverage is too low: " + ", ".join(low))
    return 1 if low else 0


sys.exit(main())
