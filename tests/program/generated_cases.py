#!/usr/bin/env python3
"""From nothing but logs/ and a repository: each original of tests/cases/originals is generated, checked, run, and
reproduced by a campaign. usage: generated_cases.py [TEST...]"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import time

import daemon_under_test as world

ORIGINALS = world.SOURCE / "tests" / "cases" / "originals"
SIMULATOR = world.SOURCE / "tests" / "board_sim"
CHANCE = "0.3"  # of a read-back that hangs: neither certain nor rare within one run
LEAST_REMOVED = 0.6  # of the statements of an original, on average over the slices


def originals() -> list[tuple[str, bool]]:
    """(name, whether it uses a board) of each."""
    rows = [line.split("\t") for line in (ORIGINALS / "cases.tsv").read_text().splitlines() if not line.startswith("#")]
    return [(name, float(chance) > 0) for name, chance, _ in rows]


class Checkout:
    """A copy of the originals' repository, built, with a simulated board of its own."""

    def __init__(self, folder: pathlib.Path):
        self.path = folder / "checkout"
        shutil.copytree(ORIGINALS, self.path, ignore=shutil.ignore_patterns("build", "__pycache__", "logs", ".ndrepro"))
        subprocess.run([str(self.path / "scripts" / "build.sh")], check=True)
        self.host = folder / "host"
        self.board(CHANCE)

    def board(self, chance: str):
        shutil.rmtree(self.host, ignore_errors=True)
        made = [str(SIMULATOR / "bin" / "board_sim"), "init", "--boards", "1", "--chance", chance, str(self.host)]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)

    def environment(self) -> dict[str, str]:
        return {"BOARD_SIM_ROOT": str(self.host), "PYTHONPATH": f"{self.path}:{SIMULATOR}/python"}

    def case(self, folder: pathlib.Path, logs: list[pathlib.Path], boards: bool = False) -> pathlib.Path:
        """A case folder as a user begins it: logs/, and where the repository is."""
        (folder / "logs").mkdir(parents=True)
        for log in logs:
            shutil.copy(log, folder / "logs")
        settings = {"repository": str(self.path), "boards": ["0"] if boards else [], "environment": self.environment()}
        (folder / "case.yaml").write_text(json.dumps(settings))
        return folder


def ndreprod(expected: int, *arguments: str):
    ended = subprocess.run([str(world.BIN / "ndreprod"), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == expected, (arguments, ended.returncode, ended.stdout[-3000:], ended.stderr[-1000:])
    return ended.stdout


def lint(case: pathlib.Path) -> list[dict]:
    """What lint finds beside the note that nothing has run yet."""
    found = json.loads(ndreprod(0, "lint", "--json", str(case)))
    return [finding for finding in found["findings"] if finding["rule"] != "no-run-log"]


def run(case: pathlib.Path, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(case / "run_test.sh"), "--iterations", "3"], cwd="/", capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **more},
    )


def what_is_generated_is_sound_and_passes_on_a_healthy_board():
    removed = []
    with world.Daemon() as daemon:  # for its folder alone
        checkout = Checkout(daemon.folder)
        checkout.board("0")
        for name, on_board in originals():
            case = checkout.case(daemon.cases / name, [ORIGINALS / "logs" / f"{name}.log"])
            told = ndreprod(0, "generate", str(case))
            assert "created run_test.sh" in told, told
            assert lint(case) == [], (name, lint(case))
            again = ndreprod(0, "generate", str(case))
            assert "created" not in again and "updated" not in again, (name, again)
            strategy = [line for line in told.splitlines() if line.startswith("slice: ")]
            for line in strategy:
                kept, _, total, _ = line.removeprefix("slice: ").split(" ")
                removed.append(1 - int(kept) / int(total))
            if on_board:  # a race may fail in any run
                ended = run(case)
                assert ended.returncode == 0, (name, ended.stdout[-3000:], ended.stderr[-1000:])
                assert "PASS iteration 3/3" in ended.stdout and "Test PASSED" in ended.stdout, (name, ended.stdout[-2000:])
    average = sum(removed) / len(removed)
    print(f"{len(removed)} slices remove {average:.0%} of the statements on average")
    assert average >= LEAST_REMOVED, removed
    pytests = [name for name, _ in originals() if (ORIGINALS / "logs" / f"{name}.log").read_text("utf-8").find(".py::") >= 0]
    assert len(pytests) - len(removed) <= 0.2 * len(pytests), (pytests, removed)


def each_bug_is_reproduced_by_a_campaign():
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        daemon.config.write_text(
            f"boards: {{nodes: {checkout.host}/dev/tenstorrent, proc: {checkout.host}/proc, settle_seconds: 0,\n"
            f"         reset_command: [{SIMULATOR}/bin/tt-smi, -r]}}\n")
        daemon.start()
        for name, on_board in originals():
            case = checkout.case(daemon.cases / name, [ORIGINALS / "logs" / f"{name}.log"], on_board)
            ndreprod(0, "generate", str(case))
            daemon.post("/v1/cases", {"folder": str(case)})
            daemon.post(f"/v1/cases/{name}/analysis")
            answer = daemon.finished(daemon.run(name, budget="40s", confirmations=1))
            assert answer["outcome"] in ("reproduced", "deterministic"), (name, answer["outcome"], answer["report"])
            grades = {row["match_grade"] for row in daemon.attempts(answer["id"]) if row["matched"]}
            assert grades and grades <= {"exact", "same_site"}, (name, grades)
            print(f"{name}: {answer['outcome']}, {', '.join(sorted(grades))}")


def generated_files_are_as_they_were():
    """tests/data/generated/ is what is generated for each original; NDREPRO_UPDATE_GOLDENS=1 writes it anew."""
    goldens = world.SOURCE / "tests" / "data" / "generated"
    with world.Daemon() as daemon:
        differing = []
        for name, _ in originals():
            case = daemon.cases / name
            (case / "logs").mkdir(parents=True)
            shutil.copy(ORIGINALS / "logs" / f"{name}.log", case / "logs")
            shutil.copytree(ORIGINALS, case / "checkout", ignore=shutil.ignore_patterns("build", "__pycache__", "logs"))
            (case / "case.yaml").write_text("repository: checkout\n")  # relative: the same on each machine
            files = [file["path"] for file in json.loads(ndreprod(0, "generate", "--json", str(case)))["files"]]
            assert files and lint(case) == [], (name, files, lint(case))
            for file in files:
                golden = goldens / name / file
                if os.environ.get("NDREPRO_UPDATE_GOLDENS"):
                    golden.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(case / file, golden)
                if not golden.is_file() or golden.read_text() != (case / file).read_text():
                    differing.append(f"{name}/{file}")
            assert sorted(str(f.relative_to(goldens / name)) for f in (goldens / name).rglob("*") if f.is_file()) == sorted(files)
    assert not differing, f"not as in {goldens}: {differing}; look, then NDREPRO_UPDATE_GOLDENS=1 {sys.argv[0]}"


def a_caller_may_set_a_variable_of_ci():
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        checkout.board("1")
        case = checkout.case(daemon.cases / "gather", [ORIGINALS / "logs" / "gather.log"])
        ndreprod(0, "generate", str(case))
        limit = "TT_METAL_OPERATION_TIMEOUT_SECONDS"
        began = time.monotonic()
        ended = subprocess.run(
            [str(case / "run_test.sh"), "--set", f"{limit}=3"], capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "NDREPRO_SET_MINE": "a b'c"},
        )
        assert ended.returncode == 1, (ended.returncode, ended.stderr)
        assert time.monotonic() - began >= 3, "the board gave up after CI's limit of 1 s"
        assert f"set by the caller: {limit}=3\n" in ended.stdout and f"  {limit}=3\n" in ended.stdout, ended.stdout[:3000]
        assert "set by the caller: MINE=a\\ b\\'c\n" in ended.stdout, ended.stdout[:3000]
        for arguments, words in ((["--set", "SCRIPT_DIR=/x"], "needs that name itself"), (["--iterations=x"], "whole number")):
            ended = subprocess.run([str(case / "run_test.sh"), *arguments], capture_output=True, text=True, timeout=60, check=False)
            assert ended.returncode == 4 and words in ended.stderr, (arguments, ended.returncode, ended.stderr)
        ended = subprocess.run(["sh", str(case / "run_test.sh"), "--help"], capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0 and "--iterations N" in ended.stdout, ended.stderr


def what_is_missing_is_told_by_its_name():
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        case = checkout.case(daemon.cases / "ring", [ORIGINALS / "logs" / "ring.log"])
        (case / "case.yaml").write_text(f"repository: {checkout.path}\n")  # and nothing of the simulator
        ndreprod(0, "generate", str(case))
        ended = run(case)
        assert ended.returncode == 4 and "No module named 'ttnn': build the checkout, or give" in ended.stderr, (ended.returncode, ended.stderr)
        queue = checkout.case(daemon.cases / "queue", [ORIGINALS / "logs" / "queue-test.log"])
        ndreprod(0, "generate", str(queue))
        shutil.rmtree(checkout.path / "build")
        daemon.start()
        daemon.post("/v1/cases", {"folder": str(queue)})
        daemon.post("/v1/cases/queue/analysis")
        answer = daemon.finished(daemon.run("queue", budget="30s"))
        assert answer["outcome"] == "setup_error", answer
        assert "take_queue_tests is no program: build it" in json.dumps(answer), answer


def a_limit_leaves_no_process_behind():
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        case = checkout.case(daemon.cases / "ranks", [ORIGINALS / "logs" / "ranks.log"])
        ndreprod(0, "generate", str(case))
        (checkout.path / "ranks" / "exchange_test.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
        limited = [str(case / "run_test.sh"), "--timeout", "1", "--iterations", "2"]
        ended = subprocess.run(limited, capture_output=True, text=True, timeout=60, check=False)  # reads until nobody could write
        assert ended.returncode == 124 and "begun" in ended.stdout, (ended.returncode, ended.stdout[-500:])


def a_test_that_is_not_there_and_a_stop_are_told():
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        queue = checkout.case(daemon.cases / "queue", [ORIGINALS / "logs" / "queue-test.log"])
        ndreprod(0, "generate", str(queue))
        ended = run(queue, NDREPRO_FILTER="TakeQueue.Renamed")
        assert ended.returncode == 4 and "has no test TakeQueue.Renamed" in ended.stderr, (ended.returncode, ended.stderr)
        ranks = checkout.case(daemon.cases / "ranks", [ORIGINALS / "logs" / "ranks.log"])
        ndreprod(0, "generate", str(ranks))
        (checkout.path / "ranks" / "exchange_test.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
        process = subprocess.Popen([str(ranks / "run_test.sh")], stdout=subprocess.PIPE, text=True, start_new_session=True)
        while "begun" not in process.stdout.readline():
            pass
        process.terminate()
        assert process.wait(world.TIME_LIMIT) != 0
        process.stdout.read()  # to its end: nobody is left who could write


def what_was_edited_by_hand_stays():
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        case = checkout.case(daemon.cases / "gather", [ORIGINALS / "logs" / "gather.log"])
        ndreprod(0, "generate", str(case))
        test = next((case / "tests").glob("test_*_stress.py"))
        mine = test.read_text() + "# mine\n"
        test.write_text(mine)
        (case / "README.md").write_text((case / "README.md").read_text().replace("No attempt has been made yet.", "| a | b |"))
        told = ndreprod(0, "generate", str(case))
        assert f"wrote tests/{test.name}.new" in told and "unchanged README.md" in told, told
        assert test.read_text() == mine
        assert (test.parent / f"{test.name}.new").read_text() == mine.removesuffix("# mine\n")


def the_corpus_runs_on_the_board_simulator():
    corpus = os.environ.get("NDREPRO_CORPUS")
    if not corpus:
        raise world.Skipped("NDREPRO_CORPUS is not set")
    with world.Daemon() as daemon:
        checkout = Checkout(daemon.folder)
        checkout.board("0")
        checkout.path = pathlib.Path(corpus) / "repo"
        labels = json.loads((pathlib.Path(corpus) / "dev" / "labels.json").read_text())
        files = {label["case"]: label["files"] for label in labels}
        tests = json.loads((checkout.path / "expected.json").read_text())["tests"]
        wanted = [
            facts["case"] for file in tests.values() if file["framework"] == "pytest"
            for facts in file["functions"].values() if "case" in facts
        ]
        assert wanted
        for name in wanted:
            case = checkout.case(daemon.cases / name.lower(), [pathlib.Path(corpus) / "dev" / log for log in files[name]])
            ndreprod(0, "generate", str(case))
            assert lint(case) == [], (name, lint(case))
            ended = run(case, PYTEST_ADDOPTS="-p board_sim_fixtures", NDREPRO_ITERATIONS="3")
            assert ended.returncode == 0, (name, ended.stdout[-3000:], ended.stderr[-1000:])
            assert "PASS iteration 3/3" in ended.stdout, (name, ended.stdout[-2000:])


# Sources whose slices were once wrong: name -> (file, source, further files). Each fails always, in its last statement.
ODD_ORIGINALS = {
    "threads": ("test_a.py", '''
        import threading

        class Counter:
            value = 0
            def add(self, count):
                for _ in range(count):
                    self.value += 1

        def test_it():
            counter = Counter()
            threads = [threading.Thread(target=counter.add, args=(5,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert counter.value == 11
    ''', {}),
    "raises": ("test_a.py", '''
        import pytest

        def test_it():
            items = [1]
            with pytest.raises(IndexError):
                items[0]
    ''', {}),
    "environment": ("test_a.py", '''
        import os

        def test_it(monkeypatch, tmp_path):
            monkeypatch.setenv("MODE", "fast")
            (tmp_path / "a").write_text(os.environ["MODE"])
            with open(tmp_path / "b", "w") as file:
                file.write("b")
            assert (tmp_path / "a").read_text() + (tmp_path / "b").read_text() == "slow"
    ''', {}),
    "alias": ("test_a.py", '''
        def push(items, item):
            items.append(item)
            return len(items)

        def test_it():
            table = {"rows": []}
            rows = table["rows"]
            size = push(rows, 1)
            rows.append(2)
            assert len(table["rows"]) == 3
    ''', {}),
    "third-call": ("test_a.py", '''
        def step(state):
            state["n"] += 1
            if state["n"] == 3:
                raise RuntimeError("third")
            return True

        def test_it():
            state = {"n": 0}
            while step(state):
                pass
    ''', {}),
    "generator": ("test_a.py", '''
        def check(n):
            if n == 3:
                raise RuntimeError("third")
            return True

        def test_it():
            assert all(check(n) for n in range(5))
    ''', {}),
    "nested": ("test_a.py", '''
        def test_it():
            def inner(n):
                assert n < 3
            for n in range(5):
                inner(n)
    ''', {}),
    "module-state": ("test_a.py", '''
        from __future__ import annotations
        import sys, os
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "."))
        TABLE = {}
        TEXT = """a



        b"""
        for name in ("a", "b"):
            TABLE[name] = name * 2

        def register(name):
            def keep(function):
                TABLE[name] = function
                return function
            return keep

        @register("add")
        def add(a: Unknown, b):
            return a + b

        def setup_module():
            TABLE["ready"] = True

        def test_it(n=3):
            assert TABLE["ready"] and TABLE["a"] == "aa" and TEXT.count("\\\\n") == 4
            total = TABLE["add"](n, 1)
            assert total == 5
    ''', {}),
    "class": ("test_a.py", '''
        import pytest

        class TestIt:
            @pytest.fixture(autouse=True)
            def ready(self):
                self.base = 2

            @property
            def twice(self):
                return 2 * self.base

            @pytest.mark.parametrize("k", [(1, 2)])
            def test_it(self, k):
                y = self.twice + k[0]
                assert y == 6
    ''', {}),
    "relative": ("pkg/test_a.py", '''
        try:
            from .parts import part
        except ImportError:
            part = None

        def test_it():
            from . import parts
            value = parts.part()
            assert value == part() + 1
    ''', {"pkg/__init__.py": "", "pkg/parts.py": "def part():\n    return 1\n"}),
    "odd-lines": ("test-a/x-test_a.py", '''
        import pytest

        @pytest.mark.parametrize("n", ["iteration2"])
        def test_it(n):
            a = 1; b = 2
            assert a == b
    ''', {}),
}


def odd_originals_fail_where_they_fail():
    with world.Daemon() as daemon:
        for name, (path, source, more) in ODD_ORIGINALS.items():
            checkout = daemon.folder / "checkouts" / name
            for file, text in {path: textwrap.dedent(source), "pytest.ini": "[pytest]\npython_files = *.py\n", **more}.items():
                (checkout / file).parent.mkdir(parents=True, exist_ok=True)
                (checkout / file).write_text(text)
            original = subprocess.run(
                ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v", path], cwd=checkout, capture_output=True,
                text=True, timeout=60, check=False,
            )
            case = daemon.cases / name
            (case / "logs").mkdir(parents=True)
            (case / "logs" / "ci.log").write_text(original.stdout)
            (case / "case.yaml").write_text(f"repository: {checkout}\n")
            ndreprod(0, "generate", str(case))
            ended = run(case)
            assert ended.returncode == 1, (name, ended.stdout[-3000:], ended.stderr[-1000:])
            (daemon.folder / "run.log").write_text(ended.stdout)
            wanted = json.loads(ndreprod(0, "analyze", "--json", str(case / "logs" / "ci.log")))
            assert wanted["is_failure"] and wanted["failing_statement"], (name, original.stdout)
            seen = json.loads(ndreprod(0, "analyze", "--json", str(daemon.folder / "run.log")))
            for field in ("failing_statement", "exception", "failure_type"):
                assert seen[field] == wanted[field], (name, field, seen[field], wanted[field], ended.stdout[-2000:])


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    world.main([
        what_is_generated_is_sound_and_passes_on_a_healthy_board, each_bug_is_reproduced_by_a_campaign,
        generated_files_are_as_they_were, a_caller_may_set_a_variable_of_ci, what_is_missing_is_told_by_its_name,
        a_limit_leaves_no_process_behind, a_test_that_is_not_there_and_a_stop_are_told,
        what_was_edited_by_hand_stays, odd_originals_fail_where_they_fail, the_corpus_runs_on_the_board_simulator,
    ])
