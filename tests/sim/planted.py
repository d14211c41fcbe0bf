"""Does the simulation find bugs? Each patch of planted/ is one bug of a kind that launchers have had; put into a copy of the
tree, it must fail a seed.

    planted.py [--seeds N] [--jobs JOBS] [NAME...]
    planted.py --check       only: does each patch still apply?

Those of planted/wandb are looked for in worlds with a W&B server (sim_launch --wandb).

Prints a line per bug: the seed that found it. Exit status 1 when one was not found or does not apply any more.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLANTED = ROOT / "tests/sim/planted"
BATCH = 100  # seeds of one run: a run ends at its first failure


def run(*argv, **options):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, **options)


class Copy:
    """A copy of the tree with a build folder of its own, which is built anew after each patch."""

    def __init__(self, folder, jobs):
        self.folder = folder
        self.jobs = jobs
        files = run("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
        for name in filter(None, files):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        done = run("meson", "setup", folder / "build", folder, "-Dbuildtype=debugoptimized")
        assert done.returncode == 0, done.stdout + done.stderr

    def build(self):
        """What the compiler says when it fails; else nothing."""
        done = run("ninja", "-C", self.folder / "build", "-j", self.jobs, "tests/sim/sim_launch")
        return done.stdout + done.stderr if done.returncode else ""

    def patch(self, patch, *options):
        return run("git", "apply", "--unsafe-paths", "--directory", self.folder, *options, patch, cwd="/").returncode == 0

    def failure_of(self, start, n, mode):
        """The seed of this batch that fails, or None."""
        try:
            done = run(self.folder / "build/tests/sim/sim_launch", *mode, "--seeds", n, "--from", start, cwd=self.folder, timeout=600)
        except subprocess.TimeoutExpired:
            return start  # a world that never ends is a failure as well
        if done.returncode == 0:
            return None
        named = re.search(r"seed (\d+)", done.stdout + done.stderr)
        return int(named.group(1)) if named else start

    def first_failure(self, seeds, *mode):
        """The first seed that fails, or None; as many batches at a time as there are jobs."""
        starts = range(1, seeds + 1, BATCH)
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for i in range(0, len(starts), self.jobs):
                found = pool.map(lambda start: self.failure_of(start, min(BATCH, seeds + 1 - start), mode), starts[i:i + self.jobs])
                failed = [seed for seed in found if seed is not None]
                if failed:
                    return failed[0]
        return None


def mode_of(patch):
    return ("--wandb",) if patch.parent.name == "wandb" else ()


def title(patch):
    return patch.read_text().splitlines()[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    patches = sorted(PLANTED.glob("**/*.patch"))
    chosen = [p for p in patches if not options.names or p.stem in options.names]
    unknown = set(options.names) - {p.stem for p in patches}
    if unknown:
        sys.exit(f"planted.py: no such bug: {', '.join(sorted(unknown))}; there are: {', '.join(p.stem for p in patches)}")
    if options.check:
        stale = [p.stem for p in chosen if run("git", "-C", ROOT, "apply", "--check", p).returncode != 0]
        if stale:
            print(f"tests/sim/planted: does not apply any more, write anew: {', '.join(stale)}")
        return 1 if stale else 0
    missed = 0
    with tempfile.TemporaryDirectory(prefix="slipway-planted-") as folder:
        copy = Copy(pathlib.Path(folder), options.jobs)
        errors = copy.build()
        assert not errors, errors
        for mode in sorted({mode_of(patch) for patch in chosen}):
            seed = copy.first_failure(min(BATCH, options.seeds), *mode)
            if seed is not None:
                words = " ".join(["sim_launch", *mode, f"--from {seed} --seeds 1 --verbose"])
                sys.exit(f"planted.py: seed {seed} fails without any planted bug: {words}")
        for patch in chosen:
            if not copy.patch(patch):
                missed += 1
                print(f"{patch.stem}: FAILED: the patch does not apply", flush=True)
                continue
            errors = copy.build()
            seed = None if errors else copy.first_failure(options.seeds, *mode_of(patch))
            missed += seed is None
            found = (f"found by seed {seed}" if seed is not None
                     else f"FAILED: does not build\n{errors}" if errors else f"FAILED: not found in {options.seeds} seeds")
            print(f"{patch.stem}: {found} ({title(patch)})", flush=True)
            assert copy.patch(patch, "--reverse")
    print(f"{len(chosen) - missed} of {len(chosen)} planted bugs found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
