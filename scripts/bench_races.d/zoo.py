"""The zoo of races (tests/races): its programs built here, as commands, scripts and cases."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RACES = ROOT / "tests" / "races"
BUILD = ROOT / "build" / "races"
PYTHON = "/usr/bin/python3"  # pytest is its package

# As a plan would write it: iterations one after the other, the first failure's status.
SCRIPT = """#!/bin/bash
# ndrepro-contract: 1
iterations=1
while [ $# -gt 0 ]; do [ "$1" != --iterations ] || iterations=$2; shift; done
{before}[ "$iterations" != 1 ] || exec {command}
for ((ran = 1; ran <= iterations; ran++)); do
  {command} || exit $?
  echo "PASS iteration $ran/$iterations"
done
"""

# An unrelated failure in so many of a thousand runs, drawn by the run's own seed; not the low digits, which the
# program's own draws may use too. A program's decoy dies of another assertion, a script's of another exception.
DECOY = """seed=${{NDREPRO_SEED:-$RANDOM}}
if (((seed / 7919) % 1000 < {per_thousand})); then
  {failure}
fi
"""
OTHER_ASSERTION = """echo "decoy: licence.cpp:12: int main(): Assertion \\`licence_is_there()' failed." >&2
  kill -ABRT $$"""
OTHER_EXCEPTION = """cat >&2 <<'END'
Traceback (most recent call last):
  File "/opt/decoy/licence.py", line 12, in <module>
    raise ConnectionError("decoy: the licence server does not answer")
ConnectionError: decoy: the licence server does not answer
END
  exit 1"""


class Program:
    """One racy program of the zoo and its correct twin."""

    def __init__(self, name, kind, race_class, command):
        self.name, self.kind, self.race_class = name, kind, race_class
        self._command = command

    @property
    def is_native(self):
        return self.kind in ("native", "gtest", "static")

    def words(self, variant="wrong"):
        """The command of CI with absolute paths; `variant`: wrong, or right for the twin."""
        words = []
        for word in self._command.split():
            if word.startswith("./"):
                word = str(BUILD / variant) + word[1:]
            elif word.startswith("python/"):
                word = f"{RACES}/{word}"
            words.append(word)
        if words[0] == "python3":
            words[0] = PYTHON
        elif words[0] == "pytest":
            words[0:1] = [PYTHON, "-B", "-m", "pytest", "-p", "no:cacheprovider"]
        elif words[0] == "timeout":
            words[0] = "/usr/bin/timeout"
        return ["/usr/bin/env", "RACES_FIXED=1", *words] if variant == "right" and not self.is_native else words

    def script(self, variant="wrong", decoys_per_thousand=0):
        before = ""
        if decoys_per_thousand:
            failure = OTHER_ASSERTION if self.is_native else OTHER_EXCEPTION
            before = DECOY.format(per_thousand=decoys_per_thousand, failure=failure)
        return SCRIPT.format(command=" ".join(f"'{word}'" for word in self.words(variant)), before=before)

    def ci_log(self):
        return (RACES / "logs" / f"{self.name}.log").read_text()

    def bug_functions(self):
        for line in (RACES / "where.tsv").read_text().splitlines():
            if line.startswith(self.name + "\t"):
                return line.split("\t")[1].split()
        return []

    def run_ms(self, variant="wrong", runs=5):
        """Median duration of a run that nobody disturbs."""
        times = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="ndrepro-bench-") as folder:
                begin = time.monotonic()
                subprocess.run(self.words(variant), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               check=False)
                times.append((time.monotonic() - begin) * 1000)
        return statistics.median(times)


def programs(names=()):
    rows = [line.split("\t") for line in (RACES / "races.tsv").read_text().splitlines() if line and line[0] != "#"]
    known = [row[0] for row in rows]
    for name in names:
        if name not in known:
            raise SystemExit(f"bench-races: no program {name} in {RACES / 'races.tsv'}; there are: {' '.join(known)}")
    return [Program(*row) for row in rows if not names or row[0] in names]


def build():
    sources = [*(RACES / "native").iterdir(), RACES / "races.tsv", RACES / "build.sh"]
    newest = max(source.stat().st_mtime for source in sources)
    for variant, options in (("wrong", []), ("right", ["-DFIXED"])):
        built = [BUILD / variant / program.name for program in programs() if program.is_native]
        if all(file.exists() and file.stat().st_mtime > newest for file in built):
            continue
        subprocess.run([RACES / "build.sh", BUILD / variant, *options], check=True, stdout=sys.stderr)


def base_name(function):
    """draw, of (anonymous namespace)::Tickets::draw(int) const."""
    plain = re.sub(r"\(anonymous namespace\)::|<[^<>]*>", "", function)
    return plain.split("(")[0].strip().split("::")[-1].split(" ")[-1]


class Hunt:
    """What a finished campaign on a program found; `daemon` is a running one, of tests/program/daemon_under_test.py."""

    def __init__(self, daemon, program, budget_s, seed, case=None, script=None):
        name = case or program.name
        self.folder = daemon.add_case(name, script or program.script(), program.ci_log())
        self.campaign = daemon.finished(daemon.run(name, budget=f"{budget_s}s", seed=str(seed)))
        self.attempts = daemon.attempts(self.campaign["id"])
        self.outcome = self.campaign["outcome"]
        self.matched = sum(row["matched"] for row in self.attempts)
        self.runs = sum(row["runs"] for row in self.attempts)
        self.first = next((row for row in self.attempts if row["matched"]), None)

    def first_match_s(self):
        """From the campaign's start to the end of the first attempt that matched; nothing without one."""
        if self.first is None:
            return None
        return (self.first["ended_at_ms"] - self.campaign["started_at_ms"]) / 1000

    def where(self):
        """Base names of the functions that the report names, most likely first; nothing where it has no such part."""
        report = self.campaign.get("report")
        report = json.loads(report) if isinstance(report, str) else report or {}
        if "where" not in report:
            return None
        sites = (report["where"] or {}).get("sites", [])
        return [base_name(site.get("function") or "") for site in sites]


def traits():
    """What of the host matters to rates; no names, no dates."""
    models = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    python = subprocess.run([PYTHON, "-c", "import platform; print(platform.python_version())"], capture_output=True,
                            text=True, check=True).stdout.strip()
    return {"cpus": len(os.sched_getaffinity(0)), "model": models[0] if models else "", "kernel": os.uname().release,
            "python": python}
