"""What people do by hand: the same command in a loop, several at a time, beside a load. Until it fails, or for so long."""
import os
import subprocess
import tempfile
import time

# Nothing is checked but the exit status, and a hang counts as little as a pass until a limit of the command's own ends
# it: so a find here needs no match, which is generous.
PLAIN_LOOP = 'while "$@" >/dev/null 2>&1; do :; done'
# -I{}: no argument is added. Chunks of about a second, since xargs tells of a failure only at its end.
XARGS_LOOP = 'while seq {chunk} | xargs -P4 -I{{}} "$@" >/dev/null 2>&1; do :; done'


def until_failed(script, words, cap_s):
    """Seconds to the first failure; nothing when none came within `cap_s`."""
    with tempfile.TemporaryDirectory(prefix="ndrepro-bench-", ignore_cleanup_errors=True) as folder:
        begin = time.monotonic()
        loop = subprocess.Popen(["/bin/bash", "-c", script, "bash", *words], cwd=folder, start_new_session=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={**os.environ, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"})
        try:
            loop.wait(cap_s)
            return time.monotonic() - begin
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(loop.pid, 9)  # also what the last runs left behind
            except ProcessLookupError:
                pass
            loop.wait()


def plain_loop(words, run_ms, cap_s):
    del run_ms
    return until_failed(PLAIN_LOOP, words, cap_s)


def xargs_loop(words, run_ms, cap_s):
    chunk = int(min(max(2000 / max(run_ms, 1), 4), 2000))
    return until_failed(XARGS_LOOP.format(chunk=chunk), words, cap_s)


def stressed_loop(words, run_ms, cap_s):
    load = subprocess.Popen(["stress-ng", "--cpu", str(os.cpu_count()), "--quiet"], start_new_session=True,
                            stdout=subprocess.DEVNULL)
    try:
        return plain_loop(words, run_ms, cap_s)
    finally:
        os.killpg(load.pid, 15)
        load.wait()


PEERS = {"plain loop": plain_loop, "xargs -P4": xargs_loop, "stress-ng + loop": stressed_loop}
