"""tests/tree.py: what the checks share: which files there are, and C text without its comments and strings."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(*suffixes):
    """Paths of tracked (and new, not ignored) files below the root, those with one of the suffixes when given."""
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         cwd=ROOT, check=True, capture_output=True).stdout.decode()
    names = sorted(set(n for n in out.split("\0") if n))
    return [n for n in names if (not suffixes or n.endswith(suffixes)) and os.path.isfile(os.path.join(ROOT, n))]


def read(name):
    """The text of a file, or None when it is not text."""
    with open(os.path.join(ROOT, name), "rb") as f:
        data = f.read()
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


_TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text):
    """C text with block comments and literals blanked; line and column of the rest stay."""
    return _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def finish(findings):
    """Print "file:line: message" for each finding and end the process: 1 when there are any."""
    for name, line, message in sorted(findings):
        print(f"{name}:{line}: {message}")
    sys.exit(1 if findings else 0)
