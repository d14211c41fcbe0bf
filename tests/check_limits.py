#!/usr/bin/env python3
"""Sizes that keep code readable: lines, branches and parameters of a function, lines of a file.

Not counted among the parameters: the error that closes every fallible function, and the "..." behind a format.
Exceptions are lines "path[:function] limit reason" in tests/limits.txt; one that is no longer needed is a finding too.
"""
import os

import lizard
import tree

FUNCTION = {"lines": 60, "branches": 15, "parameters": 5}
FILE_LINES = {".c": 800, ".h": 200}
UNCOUNTED = (["struct", "err", "*", "e"], ["..."])
EXCEPTIONS = "tests/limits.txt"


def read_exceptions():
    allowed = {}
    for number, line in enumerate((tree.read(EXCEPTIONS) or "").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(None, 2)
        if len(parts) < 3:
            tree.finish([(EXCEPTIONS, number, "expected: path[:function] limit reason")])
        allowed[(parts[0], parts[1])] = number
    return allowed


def measure(name):
    """(what, limit's name, measured, limit, line) of everything over a limit in a file."""
    info = lizard.analyze_file(os.path.join(tree.ROOT, name))
    lines = len(tree.read(name).splitlines())
    most = FILE_LINES[os.path.splitext(name)[1]]
    if lines > most:
        yield name, "lines", lines, most, 1
    for f in info.function_list:
        own = [p for p in f.full_parameters if p.split() not in UNCOUNTED]
        measured = {"lines": f.length, "branches": f.cyclomatic_complexity, "parameters": len(own)}
        for what, most in FUNCTION.items():
            if measured[what] > most:
                yield f"{name}:{f.name}", what, measured[what], most, f.start_line


def main():
    allowed = read_exceptions()
    used, findings = set(), []
    for name in tree.files(".c", ".h"):
        for item, what, measured, most, line in measure(name):
            if (item, what) in allowed:
                used.add((item, what))
            else:
                findings.append((name, line, f"{item.partition(':')[2] or 'the file'} has {measured} {what}; "
                                             f"at most {most}"))
    for key, number in allowed.items():
        if key not in used:
            findings.append((EXCEPTIONS, number, f"{key[0]} keeps the limit of {key[1]}; remove this line"))
    tree.finish(findings)


if __name__ == "__main__":
    main()
