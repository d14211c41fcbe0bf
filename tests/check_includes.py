#!/usr/bin/env python3
"""Includes point one way: which folder of src/ may use which, and who may see a third-party header."""
import os
import re

import tree

GROUND = {"base"}
WORLD = GROUND | {"io"}
MAY_USE = {
    "base": set(),
    "launch": GROUND,
    "io": GROUND,
    "google": WORLD,
    "wandb": WORLD,
    "build": WORLD | {"google", "wandb"},
    "agent": WORLD | {"google", "wandb", "build", "launch"},
    "server": WORLD | {"launch", "google"},
    "emulator": WORLD | {"launch"},
}
THIRD_PARTY = [  # pattern of the header, the folders that may include it
    (r"jansson\.h", "base"), (r"yaml\.h", "base"), (r"argon2\.h", "base"), (r"openssl/.*", "base io/real"), (r"ut(hash|list|array)\.h", "base"),
    (r"uv(/.*)?\.h", "io"), (r"curl/.*", "io"), (r"llhttp\.h", "io/real"), (r"sqlite3\.h", "io"),
    (r"archive(_entry)?\.h", "build"), (r"libpq-fe\.h", "io"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def check_own(name, module, header):
    """What is wrong with `#include "header"` in file `name` of folder `module`, or None."""
    if not os.path.isfile(os.path.join(tree.ROOT, "src", header)):
        return f'"{header}" is no file below src/; write the path from there'
    target = header.split("/")[0]
    if module in MAY_USE and target != module and target not in MAY_USE[module]:
        return f"src/{module} must not use src/{target}"
    if module != target and header.endswith("_internal.h"):
        return f'"{header}" is private to src/{target}'
    return None


def check_system(name, header):
    for pattern, owners in THIRD_PARTY:
        if re.fullmatch(pattern, header) and not any(name.startswith(f"src/{o}/") for o in owners.split()):
            return f"<{header}> belongs to src/{' and src/'.join(owners.split())} alone"
    return None


def check_file(name):
    module = name.split("/")[1] if name.startswith("src/") else ""
    own = name[len("src/"):-len(".c")] + ".h" if name.endswith(".c") else ""
    first = True
    for number, line in enumerate(tree.read(name).splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quoted, header = found.group(1) == '"', found.group(2)
        private = os.path.dirname(header) == os.path.dirname(own) and header.endswith("_internal.h")
        if first and os.path.isfile(os.path.join(tree.ROOT, "src", own)) and header != own and not private:
            yield name, number, f'the file\'s own header "{own}" comes first'
        first = False
        wrong = check_own(name, module, header) if quoted else check_system(name, header)
        if wrong:
            yield name, number, wrong


def main():
    findings = []
    for name in tree.files(".c", ".h"):
        if name.startswith("src/"):
            folder = name.split("/")[1]
            if folder not in MAY_USE and folder != "cli":
                findings.append((name, 1, f"src/{folder} is not in the table of tests/check_includes.py"))
            findings += check_file(name)
    tree.finish(findings)


if __name__ == "__main__":
    main()
