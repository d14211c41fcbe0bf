"""Help and shell completion say the same as the option table, for every verb."""

import re
import shutil
import subprocess

import pytest

from harness import BINARY, Place


def overview():
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True, timeout=10).stdout
    return re.findall(r"^  ([a-z][a-z -]*?)  +\S", text[text.index("commands:"):], re.M)


VERBS = overview()
GROUPS = sorted({verb.rsplit(" ", n)[0] for verb in VERBS for n in range(1, verb.count(" ") + 1)} - set(VERBS))


def options_of(help_text):
    """(--name, -l or None) of each row of a verb's help."""
    part = help_text[help_text.index("\noptions:\n"):help_text.index("\nexamples:\n")]
    return [(name, letter) for letter, name in re.findall(r"^  (?:(-\w), |    )(--[\w-]+)", part, re.M)]


def test_there_are_verbs_and_groups():
    assert len(VERBS) >= 19 and "queue create" in VERBS
    assert "queue" in GROUPS and "admin user" in GROUPS


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_usage_options_and_an_example(place, verb):
    text = place.ok(*verb.split(), "--help")

    assert text.startswith(f"slipway {verb} - ")
    assert f"usage: slipway {verb}" in text
    examples = text[text.index("\nexamples:\n"):]
    assert "slipway" in examples
    assert all(len(line) <= 120 for line in text.splitlines())
    assert text == place.ok("help", *verb.split()) == place.ok(*verb.split(), "-h")
    assert ("--help", "-h") in options_of(text)


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_lists_its_verbs(place, group):
    text = place.ok(*group.split(), "--help")

    assert text == place.ok("help", *group.split())
    assert all(verb in text for verb in VERBS if verb.startswith(group + " "))


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """complete(WORD...): what bash offers for the last word of "slipway WORD..."."""
    folder = tmp_path_factory.mktemp("bash")
    p = Place(folder)
    (folder / "work").mkdir()
    (folder / "completion").write_text(p.ok("completion", "bash"))
    (folder / "work/queue.yaml").touch()

    def complete(*words):
        script = ('. ../completion; cd ../work; COMP_WORDS=(slipway "$@"); COMP_CWORD=$#; _slipway; printf "%s\\n" "${COMPREPLY[@]}"')
        done = p.run("bash", "-c", f"cd work; {script}", "bash", *words)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout.split()

    yield complete
    shutil.rmtree(folder)


def test_the_completions_are_valid_shell(place):
    for shell in ("bash", "zsh"):
        if not shutil.which(shell):
            pytest.skip(f"{shell} is not here")
        done = place.run(shell, "-n", stdin=place.ok("completion", shell))
        assert done.returncode == 0 and done.stderr == "", done.stderr


def test_bash_registers_the_function(place):
    done = place.run("bash", "-c", '. /dev/stdin; complete -p slipway', stdin=place.ok("completion", "bash"))
    assert done.stdout.strip() == "complete -o bashdefault -F _slipway slipway"


def test_bash_completes_verbs_word_by_word(bash):
    assert set(bash("")) == {verb.split()[0] for verb in VERBS} | {"help"}
    assert sorted(bash("laun")) == ["launch", "launch-agent"]
    assert set(bash("queue", "")) == {verb.split()[1] for verb in VERBS if verb.startswith("queue ")}
    assert bash("queue", "sho") == ["show"]
    assert sorted(bash("admin", "")) == ["audit", "backup", "copy", "export", "key", "prune", "restore", "retention", "service", "session", "team", "user"]
    assert sorted(bash("admin", "user", "")) == ["create", "disable", "enable", "link", "links", "list", "role", "unlink"]
    assert "show" in bash("items", "")
    assert bash("frobnicate", "") == []


@pytest.mark.parametrize("verb", VERBS)
def test_bash_completes_every_option_of_a_verb_and_no_other(place, bash, verb):
    said = {word for pair in options_of(place.ok(*verb.split(), "--help")) for word in pair if word} - {"-h"}

    assert {word for word in bash(*verb.split(), "-")} == said
    assert bash(*verb.split(), "--hel") == ["--help"]


def test_bash_completes_files_and_words(bash):
    assert bash("queue", "create", "x", "--config", "qu") == ["queue.yaml"]
    assert bash("completion", "z") == ["zsh"]


def test_zsh_loads_the_completion(place):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not here")
    (place.folder / "completion").write_text(place.ok("completion", "zsh"))
    done = place.run("zsh", "-f", "-c", "source ./completion; print -r -- $_comps[slipway]; whence -w _slipway")

    assert done.returncode == 0, done.stderr
    assert "_bash_complete" in done.stdout and "_slipway: function" in done.stdout
