#!/usr/bin/python3
"""Holds the board simulator to its README: each way of a reset, the wedge, contention, replay."""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT = "TIMEOUT: device timeout, potential hang detected, the device is unrecoverable"
GATHER = """
import sys, torch, ttnn
device = ttnn.open_device(device_id=0)
done = 0
try:
    for _ in range(int(sys.argv[1])):
        values = torch.randn([1, 4096], dtype=torch.bfloat16)
        index = torch.randint(0, 4096, [1, 4096], dtype=torch.int64)
        on_board = ttnn.from_torch(values, ttnn.bfloat16, layout=ttnn.Layout.TILE, device=device)
        places = ttnn.from_torch(index, ttnn.uint32, layout=ttnn.Layout.TILE, device=device)
        result = ttnn.to_torch(ttnn.gather(on_board, dim=-1, index=places))
        expected = torch.gather(values, -1, index)
        assert all(result[0, i] == expected[0, i] == values[0, index[0, i]] for i in range(0, 4096, 512))
        done += 1
finally:
    print("done", done)
    if "again" in sys.argv:
        ttnn.synchronize_device(device)
    ttnn.close_device(device)
"""
HOLD = "import sys, ttnn; device = ttnn.open_device(device_id=0); print('open', flush=True); sys.stdin.read()"


class BoardSimTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="board_sim-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "host"

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TT_METAL_")}
        kept |= {"PYTHONPATH": str(HERE / "python"), "BOARD_SIM_ROOT": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        return kept | {"TT_METAL_OPERATION_TIMEOUT_SECONDS": "0.2"} | more

    def tool(self, name, *arguments, status=0, environment=None):
        """What it printed on standard output; it must end with `status`."""
        command = [HERE / "bin" / name, *map(str, arguments)]
        environment = environment or self.environment()
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        return ran.stdout

    def init(self, boards=1, seed=1, chance=0.0):
        self.tool("board_sim", "init", f"--boards={boards}", f"--seed={seed}", f"--chance={chance}", self.root)

    def python(self, script, *arguments, **more):
        command = [sys.executable, "-c", script, *map(str, arguments)]
        environment = self.environment(**more)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def start(self, script, *arguments, **more):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)], env=self.environment(**more), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def wait_for(self, stream, text):
        for line in stream:
            if text in line:
                return
        self.fail(f"the process ended without saying {text!r}")

    def state(self, board=0):
        return json.loads((self.root / f"boards/{board}/state").read_text(encoding="utf-8"))

    def node(self, board=0):
        return self.root / "dev/tenstorrent" / str(board)

    def resets(self):
        """What reset.log tells: (seconds, what) per line."""
        lines = (self.root / "reset.log").read_text(encoding="utf-8").splitlines()
        return [(float(line.split()[0]), line.split()[-1]) for line in lines]

    def wedge(self):
        """Makes a host whose board 0 is wedged: its first read-back hung."""
        self.init(chance=1.0)
        self.assertIn(TIMEOUT, self.python(GATHER, 1).stderr)
        self.assertTrue(self.state()["wedged"])
        self.tool("board_sim", "chance", 0, 0)

    def set_mode(self, mode, board=0):
        self.tool("board_sim", "mode", board, mode)


class Resets(BoardSimTest):
    def test_ok_heals_a_wedged_board(self):
        self.wedge()
        printed = self.tool("tt-smi", "-r", self.node())
        self.assertIn("[0]\n", printed)
        self.assertIn("Re-initializing boards after reset....", printed)
        self.assertNotIn("failed", printed)
        self.assertFalse(self.state()["wedged"])
        self.assertEqual([what for _, what in self.resets()], ["begin", "ok"])

    def test_fail_says_so_and_heals_nothing(self):
        self.wedge()
        self.set_mode("fail")
        self.assertIn("Reset failed.", self.tool("tt-smi", "-r", "0", status=1))
        self.assertTrue(self.state()["wedged"])
        self.assertEqual([what for _, what in self.resets()], ["begin", "failed"])

    def test_lying_ends_with_0_and_heals_nothing(self):
        self.wedge()
        self.set_mode("lying")
        self.assertIn("Reset failed.", self.tool("tt-smi", "-r", "0"))
        self.assertTrue(self.state()["wedged"])

    def test_gone_looks_like_success_but_takes_the_node(self):
        self.init(boards=2)
        self.set_mode("gone", 1)
        self.assertNotIn("failed", self.tool("tt-smi", "-r", "0,1"))
        self.assertTrue(self.node(0).exists())
        self.assertFalse(self.node(1).exists())
        self.assertEqual(len(json.loads(self.tool("tt-smi", "-s"))["device_info"]), 1)
        self.assertIn("No chips detected", self.python(HOLD.replace("=0", "=1")).stderr)
        self.tool("board_sim", "restore", 1)
        self.assertEqual(len(json.loads(self.tool("tt-smi", "-s"))["device_info"]), 2)

    def test_slow_takes_its_time(self):
        self.wedge()
        self.set_mode("slow:0.4")
        self.tool("tt-smi", "-r")
        (begin, _), (end, _) = self.resets()
        self.assertGreaterEqual(end - begin, 0.39)
        self.assertFalse(self.state()["wedged"])

    def test_hang_never_ends_by_itself(self):
        self.wedge()
        self.set_mode("hang")
        process = subprocess.Popen(
            [HERE / "bin/tt-smi", "-r", "0"], env=self.environment(), stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(process.communicate)
        self.assertIn("Resetting", process.stdout.readline())
        self.assertEqual(select.select([process.stdout], [], [], 0.3)[0], [])
        process.kill()
        self.assertEqual(process.wait(), -signal.SIGKILL)
        self.assertEqual([what for _, what in self.resets()], ["begin"])
        self.assertTrue(self.state()["wedged"])

    def test_only_the_targets_are_reset(self):
        self.init(boards=3)
        cases = (
            (["1"], "1"), (["0,2"], "02"), (["0", "2"], "02"), (["0000:0c:00.0"], "2"),
            ([f"{self.node(0)},/dev/tenstorrent/1"], "01"), (["all"], "012"), ([], "012"),
        )
        for targets, wanted in cases:
            before = [self.state(board)["generation"] for board in range(3)]
            self.tool("tt-smi", "-r", *targets)
            reset = "".join(str(board) for board in range(3) if self.state(board)["generation"] > before[board])
            self.assertEqual(reset, wanted, targets)

    def test_wrong_targets_are_refused_in_red(self):
        self.init()
        for targets in (["7"], ["/dev/tenstorrent/7"], ["0", "0000:0a:00.0"], ["nonsense"]):
            self.assertIn("\x1b[31m", self.tool("tt-smi", "-r", *targets, status=1))
        self.tool("tt-smi", "-wr", "all", status=2)
        self.tool("tt-smi", status=1)
        self.assertEqual(self.state()["generation"], 0)

    def test_the_host_is_found_from_a_target(self):
        self.init()
        cleaned = self.environment()
        del cleaned["BOARD_SIM_ROOT"]
        self.tool("tt-smi", "-r", self.node(), environment=cleaned)
        self.assertEqual(self.state()["generation"], 1)
        self.tool("tt-smi", "-r", "0", status=1, environment=cleaned)
        self.tool("tt-smi", "-r", "/dev/tenstorrent/0", status=1, environment=cleaned)
        self.assertEqual(self.state()["generation"], 1)

    def test_tables_show_the_boards(self):
        self.init(boards=2)
        self.assertEqual(self.tool("tt-smi", "-ls").count("n150"), 4)


class Operations(BoardSimTest):
    def test_a_healthy_board_gathers_right(self):
        self.init()
        ran = self.python(GATHER, 20)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("done 20", ran.stdout)
        self.assertEqual(self.state()["operations"], {"from_torch": 40, "gather": 20, "to_torch": 20})

    def test_a_hang_waits_and_throws_the_block(self):
        self.init(chance=1.0)
        timed = "import atexit, time\nbegin = time.monotonic()\n"
        timed += "atexit.register(lambda: print('took', time.monotonic() - begin))\n"
        ran = self.python(timed + GATHER, 1, TT_METAL_OPERATION_TIMEOUT_SECONDS="0.5")
        block = (
            "RuntimeError: TT_THROW @ /project/tt_metal/impl/dispatch/system_memory_manager.cpp:627: tt::exception\n"
            f"info:\n{TIMEOUT}\nbacktrace:\n --- "
        )
        self.assertIn(block, ran.stderr)
        self.assertRegex(ran.stderr, r"\| critical \|          Always \| TT_THROW: TIMEOUT: .* \(assert\.hpp:104\)")
        self.assertGreaterEqual(float(ran.stdout.split("took ")[1]), 0.5)

    def test_without_a_timeout_a_hang_lasts_until_it_is_stopped(self):
        self.init(chance=1.0)
        for limit in ("0", ""):
            process = self.start("print('begin', flush=True)" + GATHER, 1, TT_METAL_OPERATION_TIMEOUT_SECONDS=limit)
            self.wait_for(process.stderr, "opening device 0, seed 1, draw")
            self.assertEqual(select.select([process.stderr], [], [], 0.6)[0], [])
            process.send_signal(signal.SIGINT)
            self.assertIn("KeyboardInterrupt", process.communicate()[1])
            self.tool("tt-smi", "-r")

    def test_the_wedge_persists_until_a_reset(self):
        self.wedge()
        for _ in range(2):
            refused = self.python(GATHER, 1, TT_METAL_OPERATION_TIMEOUT_SECONDS="60").stderr
            self.assertRegex(refused, "Timed out while waiting for active ethernet core 25-[0-9]+ to become active again")
        self.tool("tt-smi", "-r", "0")
        self.assertEqual(self.python(GATHER, 1).returncode, 0)

    def test_later_operations_fail_at_once(self):
        self.init(chance=1.0)
        ran = self.python(GATHER, 1, "again")
        self.assertEqual(ran.stderr.count("| critical |"), 2)
        self.assertEqual(ran.stderr.count(f"info:\n{TIMEOUT}"), 2)

    def test_a_reset_under_an_open_device_loses_it(self):
        self.init()
        process = self.start(HOLD + "; ttnn.synchronize_device(device)")
        self.wait_for(process.stdout, "open")
        self.tool("tt-smi", "-r", "0")
        self.assertIn("RuntimeError: TT_THROW @ ", process.communicate()[1])

    def test_two_processes_contend(self):
        self.init()
        pids = self.root / "proc/driver/tenstorrent/0/pids"
        process = self.start(HOLD)
        self.wait_for(process.stdout, "open")
        self.assertEqual(pids.read_text(encoding="utf-8"), f"{process.pid}\n")
        self.assertTrue((self.root / f"proc/{process.pid}/stat").exists())
        second = self.python(GATHER, 1)
        self.assertIn("Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)\n", second.stderr)
        self.assertIn("RuntimeError: TT_FATAL @ ", second.stderr)
        self.assertEqual(pids.read_text(encoding="utf-8"), f"{process.pid}\n")
        process.kill()
        process.wait()
        self.assertEqual(self.python(GATHER, 1).returncode, 0)
        self.assertEqual(pids.read_text(encoding="utf-8"), "")
        self.assertFalse((self.root / f"proc/{process.pid}").is_symlink())

    def test_a_process_stays_shown_while_another_board_is_open(self):
        self.init(boards=2)
        process = self.start(
            "import sys, ttnn; both = [ttnn.open_device(device_id=i) for i in (0, 1)]; ttnn.close_device(both[0]); "
            "print('closed', flush=True); sys.stdin.read(); ttnn.close_device(both[1]); print('closed', flush=True)"
        )
        self.wait_for(process.stdout, "closed")
        self.assertTrue((self.root / f"proc/{process.pid}").is_symlink())
        process.communicate()
        self.assertFalse((self.root / f"proc/{process.pid}").is_symlink())

    def test_a_seed_replays(self):
        draws = []
        for seed in (7, 7, 8):
            self.root = self.root.with_name(f"host-{len(draws)}")
            self.init(seed=seed, chance=0.05)
            self.assertIn(TIMEOUT, self.python(GATHER, 1000, TT_METAL_OPERATION_TIMEOUT_SECONDS="0.01").stderr)
            draws.append(self.state()["draws"])
        self.assertEqual(draws[0], draws[1])
        self.assertNotEqual(draws[0], draws[2])

    def test_the_import_is_cheap(self):
        self.init()
        script = "import time; begin = time.process_time(); import ttnn; print(time.process_time() - begin)"
        self.assertLess(float(self.python(script).stdout), 0.2)


class Hosts(BoardSimTest):
    def test_a_host_is_not_made_twice_and_nonsense_is_refused(self):
        self.init()
        self.tool("board_sim", "init", self.root, status=1)
        self.tool("board_sim", "mode", 0, "quick", status=2)
        self.tool("board_sim", "mode", 4, "ok", status=1)
        shown = json.loads(self.tool("board_sim", "show"))
        self.assertEqual((shown["board"], shown["present"], shown["mode"], shown["seed"]), (0, True, "ok", 1))


if __name__ == "__main__":
    unittest.main()
