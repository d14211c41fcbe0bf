#!/usr/bin/env python3
"""What can be seen in the text alone: banned functions, comment style, white space, line length, host names."""
import re

import tree

MAX_COLUMNS = 110
BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol|sscanf|gmtime|localtime"
                    r"|system|popen)\s*\(")
# The store's SQL runs on SQLite and on PostgreSQL; the first word of each has another way that both know.
ONLY_SQLITE = re.compile(r"\b(INSERT OR|REPLACE INTO|ON CONFLICT DO UPDATE|ifnull\(|instr\(|char\(10|RAISE\(|rowid\b(?! *\)? *;))")
UNNUMBERED = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")
# Package registries are reached by their own clients, never by an address of ours. Split so that this file is clean.
HOSTS = re.compile(r"py" r"pi\.org|pythonh" r"osted\.org|npm" r"js\.|deb" r"ian\.org|pro" r"xy\.golang\.org")
NOT_OURS = re.compile(r"^LICENSE$|/corpus/|^tests/requirements|package-lock\.json$|\.svg$|\.patch$")


def check_c(name, text):
    code = tree.code_of(text)
    if not text.startswith("/*"):
        yield name, 1, "the file does not open with a comment that says what it is"
    for number, line in enumerate(code.splitlines(), 1):
        if "//" in line:
            yield name, number, "a // comment; committed ones are /* */"
        found = BANNED.search(line)
        if found:
            yield name, number, f"{found.group(1)}() is banned"
    if name.startswith("src/server/store/"):
        for number, line in enumerate(text.splitlines(), 1):
            if ONLY_SQLITE.search(line):
                yield name, number, f"{ONLY_SQLITE.search(line).group(1)}: PostgreSQL does not know it"


def check_lines(name, text):
    narrow = name.endswith((".c", ".h", ".py", "meson.build"))
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            yield name, number, "white space at the end of the line"
        if narrow and "\t" in line:
            yield name, number, "a tab"
        if name.endswith((".c", ".h")) and len(line) > MAX_COLUMNS:
            yield name, number, f"{len(line)} columns; at most {MAX_COLUMNS}"
        if UNNUMBERED.search(line) and name != "tests/check_text.py":
            yield name, number, "a TODO without its issue: TODO(#12)"
        if HOSTS.search(line):
            yield name, number, "the host name of a package registry"


def check_end(name, text):
    if text and not text.endswith("\n"):
        yield name, len(text.splitlines()), "no line feed at the end of the file"


def main():
    findings = []
    for name in tree.files():
        text = None if NOT_OURS.search(name) else tree.read(name)
        if text is None:
            continue
        findings += check_lines(name, text)
        findings += check_end(name, text)
        if name.endswith((".c", ".h")):
            findings += check_c(name, text)
    tree.finish(findings)


if __name__ == "__main__":
    main()
