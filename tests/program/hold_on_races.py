#!/usr/bin/env python3
"""ndrepro-hold on programs of the zoo and on small ones of its own: it finds what a plain loop does not, leaves correct
programs alone, and whoever starts it sees no difference. usage: hold_on_races.py [TEST...]"""
import os
import pathlib
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import daemon_under_test as world

HOLD = str(world.BIN / "ndrepro-hold")
BUILD = world.SOURCE / "tests" / "races" / "build.sh"
BREAKPOINTS = ["--breakpoints", "8", "--hold-us", "1500"]
CALLS = ["--calls", "0.3", "--call-us", "2000"]
FOUND = {"counter_two_locks": BREAKPOINTS, "flag_before_value": BREAKPOINTS, "lock_file_stale": CALLS}
RUNS = 600
CANNOT = 125

# Threads with and without blocked signals, a fork without exec among them, children with threads, a shell: each checks
# what it did.
MANY = r"""
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
std::mutex mutex;
long guarded = 0;
int wrong = 0;
long work(int count) {
  long sum = 0;
  std::vector<int> kept;
  for (int i = 0; i < count; ++i) { kept.push_back(i); sum += kept[i] ^ i; }
  std::map<std::string, int> places;
  for (int i = 0; i < 50; ++i) places[std::to_string(i)] += i;
  for (auto& [name, place] : places) sum += place;
  return sum;
}
bool child_gives(int wanted) {
  const pid_t child = fork();
  if (child == 0) {
    long sum = 0;
    std::thread([&] { sum = work(100); }).join();
    _exit(sum == 1225 ? wanted : 99);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == wanted;
}
#ifdef __SANITIZE_ADDRESS__
constexpr int forking = -1;  // its allocator may be locked by another thread at the fork, and stays so in the child
#else
constexpr int forking = 3;
#endif
int main() {
  signal(SIGUSR1, [](int) {});
  std::vector<std::thread> threads;
  for (int number = 0; number < 8; ++number) {
    threads.emplace_back([number] {
      sigset_t all;
      sigfillset(&all);
      if (number % 2) pthread_sigmask(SIG_BLOCK, &all, nullptr);
      for (int i = 0; i < 50; ++i) {
        const bool right = work(100) == 1225 && (i != 25 || number != forking || child_gives(7));
        const std::lock_guard<std::mutex> hold(mutex);
        ++guarded;
        wrong += !right;
        if (i % 10 == 0) kill(getpid(), SIGUSR1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) wrong += !child_gives(5);
  wrong += system("/bin/sh -c 'exit 5'") != 5 << 8;
  return guarded == 400 && wrong == 0 ? 0 : 1;
}
"""


def held(options: list[str], command: list[str], **how) -> subprocess.CompletedProcess:
    return subprocess.run([HOLD, *options, "--", *command], **{"timeout": 60, "check": False, "capture_output": True, **how})


def failures(program: pathlib.Path, options: list[str], runs: int, until_found: bool = False) -> int:
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        keep = ["--index", folder] if "--breakpoints" in options else []
        for seed in range(runs):
            ended = held([*options, *keep, "--seed", str(seed)], [str(program)], cwd=folder)
            assert ended.returncode != CANNOT, ended.stderr
            failed += ended.returncode != 0
            if failed and until_found:
                break
    return failed


def build_many(folder: str, *options: str) -> str:
    source, program = pathlib.Path(folder, "many.cpp"), pathlib.Path(folder, "many")
    source.write_text(MANY, "utf-8")
    subprocess.run(["g++", "-std=c++20", "-g", "-pthread", *options, str(source), "-o", str(program)], check=True)
    return str(program)


def what_a_plain_loop_does_not_find_is_found_and_twins_are_left_alone():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        wrong, right = pathlib.Path(folder, "wrong"), pathlib.Path(folder, "right")
        subprocess.run([str(BUILD), str(wrong), *FOUND], check=True)
        subprocess.run([str(BUILD), str(right), "-DFIXED", *FOUND], check=True)
        for name, options in FOUND.items():
            assert failures(wrong / name, options, RUNS, until_found=True), f"{name}: not found in {RUNS} runs"
            assert failures(right / name, options, 100) == 0, f"the twin of {name} fails"


def a_correct_program_of_many_threads_and_children_stays_right():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        for build in (["-O0"], ["-O2"], ["-O1", "-static"]):
            program = build_many(folder, *build)
            for options in (["--breakpoints", "1000"], ["--breakpoints", "100", "--calls", "0.1", "--call-us", "300"]):
                for seed in range(4):
                    ended = held([*options, "--hold-us", "300", "--seed", str(seed)], ["/usr/bin/env", program])
                    assert ended.returncode == 0, (build, options, seed, ended)


def a_sanitized_program_stays_right_and_names_narrow_the_breakpoints():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        program, names, report = build_many(folder, "-O1", "-fsanitize=address"), pathlib.Path(folder, "names"), pathlib.Path(folder, "report")
        report.mkdir()
        names.write_text("child_gives(int)\n", "utf-8")
        options = ["--breakpoints", "20", "--hold-us", "300", "--seed", "1", "--report", str(report), "--near", str(names)]
        ended = held(options, [program])
        assert ended.returncode == 0, ended
        symbols = subprocess.run(["nm", "-C", "-S", program], check=True, capture_output=True, text=True).stdout
        begin, size = (int(number, 16) for number in next(line for line in symbols.splitlines() if "child_gives(int)" in line and " T " in line).split()[:2])
        planted = 0
        for file in report.iterdir():
            content = file.read_bytes()
            for at in range(48 + 256 * 32, len(content), 40):
                address, _, _, module, offset = struct.unpack_from("<5Q", content, at)
                if address and module < 32 and content[48 + 256 * module + 8 :].startswith(program.encode() + b"\0"):
                    planted += begin <= offset < begin + size
        assert planted > 0


def a_command_ends_as_without_it():
    for options in ([], BREAKPOINTS, CALLS):
        assert held(options, ["/bin/sh", "-c", "exit 3"]).returncode == 3
        assert held(options, ["/bin/sh", "-c", "kill -SEGV $$"]).returncode == -signal.SIGSEGV
        assert held(options, ["/bin/sh", "-c", "kill -KILL $$"]).returncode == -signal.SIGKILL
        ended = held(options, ["/bin/sh", "-c", "cat; echo err >&2; /bin/sh -c 'echo grandchild'"], input=b"given\n")
        assert (ended.stdout, ended.stderr) == (b"given\ngrandchild\n", b"err\n"), ended
        assert held(options, ["/nowhere/nothing"]).returncode == 127
        assert held(options, ["/etc/passwd"]).returncode == 126
    assert held(["--loud", "1"], ["true"]).returncode == CANNOT
    assert subprocess.run([HOLD, "--check"], check=False, capture_output=True).returncode == 0


def signals_and_stops_reach_the_command():
    script = "trap 'echo told; exit 9' TERM; echo ready; while :; do sleep 0.01; done"
    for options in (BREAKPOINTS, CALLS):
        run = subprocess.Popen([HOLD, *options, "--", "/bin/sh", "-c", script], stdout=subprocess.PIPE)
        assert run.stdout.readline() == b"ready\n"
        run.terminate()
        assert run.communicate(timeout=60)[0] == b"told\n" and run.returncode == 9, run.returncode
    script = "sleep 60 & kill -STOP $!; while kill -0 $! && ! grep -q 'State:.[tT]' /proc/$!/status; do :; done; kill -CONT $!; kill $!; wait $!; exit $?"
    assert held(CALLS, ["/bin/bash", "-c", script]).returncode == 128 + signal.SIGTERM


def it_takes_the_command_along_when_it_is_killed():
    run = subprocess.Popen([HOLD, *CALLS, "--", "/bin/sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE)
    child = int(run.stdout.readline())
    run.kill()
    run.wait()
    deadline = time.monotonic() + 30
    while pathlib.Path(f"/proc/{child}").exists() and "Z" not in pathlib.Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the command outlived its tracer"
        os.sched_yield()


def a_report_says_where_it_held():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        subprocess.run([str(BUILD), folder, "counter_two_locks"], check=True)
        report = pathlib.Path(folder, "report")
        report.mkdir()
        held([*BREAKPOINTS, "--seed", "1", "--report", str(report)], [f"{folder}/counter_two_locks"])
        files = list(report.iterdir())
        assert len(files) == 1 and files[0].name.startswith("hold-"), files
        content = files[0].read_bytes()
        magic, points, delays, delayed_ns, lost, modules = struct.unpack_from("<6Q", content)
        assert magic.to_bytes(8, "little").rstrip(b"\0") == b"ndr-ns1", hex(magic)
        assert points > 0 and delays > 0 and delayed_ns > 0 and lost == 0 and modules > 0, (points, delays, lost, modules)
        paths = [content[48 + 256 * i + 8 : 48 + 256 * (i + 1)].rstrip(b"\0").decode() for i in range(modules)]
        assert f"{folder}/counter_two_locks" in paths, paths


def what_arming_costs_is_printed():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        subprocess.run([str(BUILD), folder, "-DFIXED", "counter_two_locks"], check=True)
        command = [f"{folder}/counter_two_locks"]
        arms = {
            "plain": command,
            "traced": [HOLD, "--", *command],
            "8 breakpoints, no hold": [HOLD, "--breakpoints", "8", "--hold-us", "0", "--index", folder, "--", *command],
            "8 breakpoints, no index": [HOLD, "--breakpoints", "8", "--hold-us", "0", "--", *command],
            "calls filtered": [HOLD, "--calls", "0.0001", "--", *command],
        }
        took = {name: [] for name in arms}
        for _ in range(60):
            for name, words in arms.items():
                began = time.perf_counter()
                assert subprocess.run(words, check=False, capture_output=True).returncode == 0, name
                took[name].append(time.perf_counter() - began)
        for name, times in took.items():
            print(f"  {name}: {statistics.median(times) * 1000:.2f} ms")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    if subprocess.run([HOLD, "--check"], check=False).returncode != 0:
        sys.exit(77)
    world.main([
        what_a_plain_loop_does_not_find_is_found_and_twins_are_left_alone,
        a_correct_program_of_many_threads_and_children_stays_right,
        a_sanitized_program_stays_right_and_names_narrow_the_breakpoints, a_command_ends_as_without_it,
        signals_and_stops_reach_the_command, it_takes_the_command_along_when_it_is_killed, a_report_says_where_it_held,
        what_arming_costs_is_printed,
    ])
