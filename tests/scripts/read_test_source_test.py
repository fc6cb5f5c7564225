#!/usr/bin/env python3
"""The reader of test sources: facts of invented tests, slices that are run, hostile input."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import types

# The script as it is in the checkout, or the one file that the build makes of it.
SCRIPT = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "scripts" / "read_test_source.py"

checks = 0
failures = []


def check(what, holds):
    global checks
    checks += 1
    if not holds:
        failures.append(what)
        print(f"FAILED {what}")


class Sources:
    """A checkout of the given files, in a folder of its own."""

    def __init__(self, **files):
        self.folder = tempfile.TemporaryDirectory(prefix="ndrepro-test-")
        for name, text in files.items():
            path = pathlib.Path(self.folder.name, name.replace("__", "/").replace("_py", ".py").replace("_cpp", ".cpp"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), "utf-8")

    def ask(self, test=None, frames=(), line=0, files=()):
        question = {"root": self.folder.name, "files": list(files), "test": test, "frames": list(frames), "line": line}
        answer = subprocess.run(
            [sys.executable, "-I", "-S", str(SCRIPT)], input=json.dumps(question), capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise SystemExit(f"the reader ended with {answer.returncode}: {answer.stderr}")
        return json.loads(answer.stdout)

    def function(self, path, name, **question):
        return self.ask(**question)["tests"].get(path, {}).get("functions", {}).get(name, {})


MIXER = """\
    import random

    import pytest
    import board

    from tools.compare import close_enough

    SIZES = [(1, 64), (2, 128)]
    pytestmark = [pytest.mark.slow, pytest.mark.use_module_device]


    def blend(parts, weight):
        total = 0
        for part in parts:
            total += part * weight
        return total


    @pytest.fixture
    def warm():
        yield 1


    @pytest.mark.timeout(90)
    @pytest.mark.parametrize("rows, width", SIZES, ids=["small", "wide"])
    @pytest.mark.parametrize("fast", [True, False])
    @pytest.mark.parametrize("weight", [pytest.param(3, id="three"), 5])
    def test_blend(device, warm, rows, width, fast, weight):
        random.seed(rows)
        noise = [random.random() for _ in range(width)]
        unused = sorted(noise)
        print(unused)
        parts = []
        for row in range(rows):
            parts.append(row + width)
        assert len(parts) == rows
        if weight > 100:
            pytest.skip("too heavy")
        total = blend(parts, weight)
        answer = board.send(total)
        assert answer == total
"""


def mixer():
    return Sources(
        tests__unit__test_mixer_py=MIXER,
        tests__conftest_py="""\
            import pytest


            @pytest.fixture(scope="module")
            def device(request):
                yield object()


            @pytest.fixture(autouse=True)
            def quiet():
                pass
            """,
        tools__compare_py="def close_enough(a, b):\n    return a == b\n",
    )


def a_test_is_described_with_its_fixtures_and_parameters():
    facts = mixer().function("tests/unit/test_mixer.py", "test_blend", test="tests/unit/test_mixer.py::test_blend[three-False-wide]")
    check("the device comes from a fixture of module scope", facts["fixture_kind"] == "fixture:device (module scope: use_module_device)")
    check("parameters are written out", facts["params"]["rows, width"] == [[1, 64], [2, 128]])
    check("pytest.param counts as its values", facts["params"]["weight"] == [3, 5])
    check("the id gives its parameters", facts["parameters"] == {"weight": 3, "fast": False, "rows, width": [2, 128]})
    check("marks of the module come first", facts["markers"] == ["slow", "use_module_device"])
    check("the limit is a number", facts["timeout_s"] == 90)
    check("a fixture has its place", facts["fixtures"]["device"]["defined"] == "tests/conftest.py:5")
    check("a fixture has its scope", facts["fixtures"]["device"]["scope"] == "module")
    check("an autouse fixture takes part", "quiet" in facts["fixtures"])
    check("what pytest has is named so", facts["fixtures"]["request"]["defined"] == "pytest")
    check("the flow ends with tear-down", facts["flow"][-1] == "tear down device" and any("test test_blend" in s for s in facts["flow"]))
    check("helpers have their places", facts["helpers"] == {"blend": "tests/unit/test_mixer.py:12"})


def every_fact_has_its_place():
    answer = mixer().ask(test="tests/unit/test_mixer.py::test_blend[three-False-wide]")
    base = "/tests/tests~1unit~1test_mixer.py/functions/test_blend"
    for name in ("fixture", "fixture_kind", "params/weight", "markers", "timeout_s", "fixtures", "helpers"):
        origin = answer["origins"].get(f"{base}/{name}", {})
        check(f"{name} has a place", origin.get("file") == "tests/unit/test_mixer.py" and origin.get("line", 0) > 0)


def a_slice_reaches_the_failing_statement_with_the_same_values():
    sources = mixer()
    lines = (pathlib.Path(sources.folder.name) / "tests/unit/test_mixer.py").read_text().splitlines()
    failing = next(number for number, line in enumerate(lines, 1) if "board.send" in line)
    facts = sources.function(
        "tests/unit/test_mixer.py", "test_blend", test="tests/unit/test_mixer.py::test_blend[three-False-wide]", line=failing
    )
    check("the failing statement is whole", facts["failing_statement"] == "answer = board.send(total)")
    part = facts["slice"]
    kept = [number for begin, end in part["functions"]["test_blend"]["lines"] for number in range(begin, end + 1)]
    text = "\n".join(lines[number - 1] for number in kept)
    check("logging is dropped", "print" not in text)
    check("what nothing needs is dropped", "unused" not in text)
    check("what draws random numbers stays, as the next one depends on it", "noise" in text)
    check("a check that computes nothing is dropped", "assert" not in text)
    check("seeds stay", "random.seed" in text)
    check("guards stay", "pytest.skip" in text)
    check("the slice is smaller than the test", part["kept"] < part["of"])
    check("helpers that it calls are named", any(lines[begin - 1].startswith("def blend") for begin, _ in part["definitions"]))
    check("it is safe", part["unsafe"] == [])
    check("sliced and whole test send the same", sent_by(lines, part, kept) == sent_by(lines, None, None))


def sent_by(lines, part, kept):
    """What the board is sent by the whole test, or by its slice."""
    sent = []
    begin = next(i for i, line in enumerate(lines) if line.startswith("def test_blend"))
    if kept is None:
        body, around = lines[begin + 1 :], lines[:begin]
        around = [line for line in around if "parametrize" not in line and "mark." not in line and "tools" not in line]
    else:
        body = [lines[number - 1] for number in kept]
        around = [lines[number - 1] for first, last in part["imports"] + part["definitions"] for number in range(first, last + 1)]
        around = [line for line in around if not line.startswith("from tools")]
    board = types.ModuleType("board")
    board.send = lambda total: sent.append(total) or total
    pytest = types.ModuleType("pytest")
    pytest.skip, pytest.fixture = (lambda reason: None), (lambda function: function)
    modules = dict(sys.modules)
    sys.modules.update(board=board, pytest=pytest)
    scope = {"print": lambda *words: None}
    exec("\n".join(around + ["def run(device, warm, rows, width, fast, weight):"] + body), scope)
    scope["run"](None, 1, 2, 128, False, 3)
    sys.modules.clear()
    sys.modules.update(modules)
    return sent


def loops_carry_what_a_later_statement_changes():
    sources = Sources(
        test_loop_py="""\
            def test_loop(device):
                level = 1
                other = 5
                for step in range(3):
                    device.raise_to(level)
                    level = level * 2
                    other = other + 1
            """
    )
    facts = sources.function("test_loop.py", "test_loop", test="test_loop.py::test_loop", line=5)
    lines = {n for begin, end in facts["slice"]["functions"]["test_loop"]["lines"] for n in range(begin, end + 1)}
    check("the next round's value belongs to it", 6 in lines and 2 in lines)
    check("a neighbour does not", 3 not in lines and 7 not in lines)


def a_device_is_opened_directly_or_by_an_indirect_fixture():
    sources = Sources(
        test_open_py="""\
            import pytest
            import ttnn

            ARGS = {"l1_small_size": 8 * 1024}


            def start():
                return ttnn.open_mesh_device(mesh_shape=ttnn.MeshShape(1, 2), trace_region_size=4096)


            def test_direct():
                device = start()


            @pytest.mark.parametrize("device_params", [ARGS], indirect=True)
            @pytest.mark.parametrize("mesh_device", [(2, 4)], indirect=["mesh_device"])
            def test_mesh(mesh_device, device_params):
                pass


            def test_none(tmp_path):
                pass


            class TestBox:
                @pytest.mark.slow
                def test_in_class(self, device):
                    pass
            """
    )
    functions = sources.ask()["tests"]["test_open.py"]["functions"]
    check("by a helper", functions["test_direct"]["fixture_kind"] == "direct:ttnn.open_mesh_device")
    check("with its arguments", functions["test_direct"]["open_args"]["trace_region_size"] == 4096)
    check("by an indirect fixture", functions["test_mesh"]["fixture_kind"] == "fixture:mesh_device (indirect)")
    check("whose parameters are looked up", functions["test_mesh"]["params"]["device_params"] == [{"l1_small_size": 8192}])
    check("both are indirect", sorted(functions["test_mesh"]["indirect"]) == ["device_params", "mesh_device"])
    check("or not at all", functions["test_none"]["fixture_kind"] == "none" and functions["test_none"]["fixture"] is None)
    check("methods are tests too", functions["TestBox::test_in_class"]["markers"] == ["slow"])


def ids_in_other_spellings_are_understood():
    sources = Sources(
        test_ids_py="""\
            import pytest
            import lib


            @pytest.mark.parametrize("shape", [(1, 2), (3, 4)])
            @pytest.mark.parametrize("kind", [lib.small, lib.large])
            @pytest.mark.parametrize("count", [7, 8])
            def test_ids(count, kind, shape):
                pass


            @pytest.mark.parametrize("n", make_numbers())
            def test_unknown(n):
                pass
            """
    )

    def parameters(test):
        return sources.function("test_ids.py", test.split("[")[0], test="test_ids.py::" + test).get("parameters")

    check("as pytest numbers objects", parameters("test_ids[8-kind1-shape0]") == {"count": 8, "kind": "lib.large", "shape": [1, 2]})
    check("by names and values", parameters("test_ids[count=7-kind=Kind.LARGE-shape=(3, 4)]") == {"count": 7, "kind": "lib.large", "shape": [3, 4]})
    check("with a part of another's in front", parameters("test_ids[silicon-7-kind0-shape1]") == {"count": 7, "kind": "lib.small", "shape": [3, 4]})
    check("what fits nothing is not guessed", parameters("test_ids[9-kind0-shape0]") is None)
    check("what is computed is not guessed", parameters("test_unknown[3]") is None)


def unsafe_slices_say_why():
    sources = Sources(
        test_unsafe_py="""\
            from helpers import *


            def test_unsafe(device):
                global level
                level = 3
                exec("device.go()")
                device.stop(level)
            """
    )
    reasons = " ".join(sources.function("test_unsafe.py", "test_unsafe", test="test_unsafe.py::test_unsafe", line=8)["slice"]["unsafe"])
    check("names of an outer scope", "outer scope" in reasons)
    check("code made at run time", "exec" in reasons)
    check("names from a star are kept with their import, and nothing unsafe", "star" not in reasons and "*" not in reasons)


def a_test_that_has_moved_is_found_by_its_name():
    sources = Sources(a__test_one_py="def test_moved(device):\n    pass\n", b__test_two_py="def test_moved(device):\n    pass\n")
    answer = sources.ask(test="old/place/test_one.py::test_moved")
    check("all candidates are told", all(p in answer["problems"][0]["reason"] for p in ("a/test_one.py:1", "b/test_two.py:1")))
    check("and read", sorted(answer["tests"]) == ["a/test_one.py", "b/test_two.py"])
    gone = sources.ask(test="old/test_x.py::test_gone")
    check("one that is nowhere is a problem", gone["tests"] == {} and "nowhere" in gone["problems"][0]["reason"])


def one_bad_file_hides_nothing():
    sources = Sources(test_bad_py="def test_bad(:\n", test_good_py="def test_good(device):\n    pass\n")
    answer = sources.ask()
    check("the other is read", "test_good" in answer["tests"]["test_good.py"]["functions"])
    check("the bad one is told with its line", any(p["where"] == "test_bad.py:1" for p in answer["problems"]))


def hostile_sources_are_bounded():
    deep = "x = " + "(" * 5000 + ")" * 5000
    sources = Sources(test_deep_py=deep, test_long_py="def test_long():\n    return " + "-".join(["1"] * 30000) + "\n")
    check("an answer comes", isinstance(sources.ask()["problems"], list))
    os.symlink("/etc/passwd", os.path.join(sources.folder.name, "test_link.py"))
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as outside:
        secret = pathlib.Path(outside, "test_secret.py")
        secret.write_text("def test_x(device):\n    assert 0\n", "utf-8")
        upward = os.path.relpath(secret, sources.folder.name)
        answer = sources.ask(files=["test_link.py", upward, str(secret)])
        check("nothing outside of the checkout is read", len(answer["problems"]) == 3 and not answer["tests"])
        for named in (upward, str(secret)):
            check("nor by a test's name", not sources.ask(test=named + "::test_x")["tests"])
    odd = sources.ask(test="a.py::test_[" + "-" * 3000 + "]")
    check("a hostile id is only text", odd["tests"] == {})


def one_source_hides_no_other():
    odd = [
        'import pytest\n@pytest.mark.parametrize("t", ["\\ud800"])\ndef test_odd(t): pass\n',
        "import pytest\n@pytest.mark.parametrize('t', [0x" + "f" * 5000 + "])\ndef test_odd(t): pass\n",
        "import pytest\n@pytest.mark.parametrize(5, [1])\ndef test_odd(t): pass\n",
        "import pytest\n@pytest.fixture(autouse=True, name=['a'])\ndef a(): pass\ndef test_odd(): pass\n",
        "import pytest\nx0 = [1] * 1\nx0 = [" + "1," * 30 + "]\n"
        + "".join(f"x{i} = [{', '.join([f'x{i - 1}'] * 30)}]\n" for i in range(1, 12))
        + "@pytest.mark.parametrize('t', x11)\ndef test_odd(t): pass\n",
    ]
    for text in odd:
        sources = Sources(test_odd_py=text, test_ok_py="def test_ok(device): pass\n")
        answer = sources.ask()
        check("the other is read: " + text[15:60], "test_ok" in answer["tests"]["test_ok.py"]["functions"])
        check("the answer stays small", len(json.dumps(answer)) < 1 << 20)
    cpp = "TEST_P(S, T) {}\nINSTANTIATE_TEST_SUITE_P(I, S, testing::Values(1e999, 08, F<1, 2>{3}));\n"
    answer = Sources(src__test_odd_cpp=cpp).ask()
    check("what is no number is text", answer["tests"]["src/test_odd.cpp"]["functions"]["I/S.T"]["params"] == ["inf", "08", [3]])


def many_parametrisations_are_resolved_one_by_one():
    marks = "".join(f"@pytest.mark.parametrize('a{i}', [1, 2])\n" for i in range(26))
    arguments = ", ".join(f"a{i}" for i in range(26))
    sources = Sources(test_many_py=f"import pytest\n{marks}def test_many({arguments}): pass\n")
    logged = "-".join(["1", "2"] * 13)
    facts = sources.function("test_many.py", "test_many", test=f"test_many.py::test_many[{logged}]")
    check("of each its own", facts["parameters"]["a25"] == 1 and facts["parameters"]["a24"] == 2 and facts["parameters"]["a0"] == 2)


GTEST = """\
    // TEST(Commented, Out) {}
    #include <gtest/gtest.h>

    struct PumpCase {
        uint32_t rate;
        bool reverse = false;
        std::string name;
    };

    class PumpFixture : public BoardFixture {};
    class PumpSweep : public PumpFixture, public testing::WithParamInterface<PumpCase> {};
    class Grid : public ::testing::TestWithParam<std::tuple<int, bool>> {};

    TEST(Plain, Adds) { EXPECT_EQ(1 + 1, 2); }

    TEST_F(PumpFixture, Starts) {
        const char* text = "TEST_F(PumpFixture, Fake) {";
        ASSERT_TRUE(start(text));
    }

    TEST_P(PumpSweep, Runs) {
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(run(GetParam().rate),
                      expected(i)) << "round; " << i;
        }
    }

    TEST_P(Grid, Fits) { SUCCEED(); }

    const std::vector<PumpCase> slow = {{1, false, "one"},  // the first
                                        /* and */ PumpCase{.rate = 2, .name = "two"}};
    INSTANTIATE_TEST_SUITE_P(Slow, PumpSweep, ::testing::ValuesIn(slow));
    INSTANTIATE_TEST_SUITE_P(Fast, PumpSweep, testing::Values(PumpCase{0x10, true, "a, // b"}));
    INSTANTIATE_TEST_SUITE_P(All, Grid, testing::Combine(testing::Range(0, 3), testing::Bool()));
"""


def google_tests_are_read_by_their_macros():
    functions = Sources(src__test_pump_cpp=GTEST).ask()["tests"]["src/test_pump.cpp"]["functions"]
    check("no test of comments and texts", set(functions) == {
        "Plain.Adds", "PumpFixture.Starts", "Slow/PumpSweep.Runs", "Fast/PumpSweep.Runs", "All/Grid.Fits"})
    check("a plain test has no fixture", functions["Plain.Adds"]["fixture"] is None)
    check("a fixture has its bases", functions["PumpFixture.Starts"]["fixture_bases"] == ["BoardFixture"])
    check("kinds by macro", functions["PumpFixture.Starts"]["fixture_kind"] == "gtest:TEST_F")
    check("fields by the struct", functions["Slow/PumpSweep.Runs"]["params"] == [
        {"rate": 1, "reverse": False, "name": "one"}, {"rate": 2, "name": "two"}])
    check("numbers and texts", functions["Fast/PumpSweep.Runs"]["params"] == [{"rate": 16, "reverse": True, "name": "a, // b"}])
    check("products", functions["All/Grid.Fits"]["params"][3] == [1, True] and len(functions["All/Grid.Fits"]["params"]) == 6)


def a_google_test_is_found_by_its_name():
    sources = Sources(src__test_pump_cpp=GTEST)
    frames = [{"file": "/ci/src/test_pump.cpp", "line": 23, "function": "PumpSweep_Runs_Test::TestBody()"}]
    check("frames name the line", sources.ask(test="Slow/PumpSweep.Runs/1", frames=frames)["tests"])
    answer = sources.ask(test="Slow/PumpSweep.Runs/1", line=23)
    facts = answer["tests"]["src/test_pump.cpp"]["functions"]["Slow/PumpSweep.Runs"]
    check("the index gives its parameters", facts["parameters"] == {"rate": 2, "name": "two"})
    check("the statement is whole", facts["failing_statement"] == 'EXPECT_EQ(run(GetParam().rate), expected(i)) << "round; " << i;')
    check("nothing else is told", list(answer["tests"]["src/test_pump.cpp"]["functions"]) == ["Slow/PumpSweep.Runs"])


def run(stories, fewest):
    for story in stories:
        story()
    print(f"{checks} checks, {len(failures)} failed")
    return 1 if failures or checks < fewest else 0


if __name__ == "__main__":
    HELPERS = ("check", "mixer", "run", "sent_by")
    sys.exit(run([f for name, f in list(globals().items()) if isinstance(f, types.FunctionType) and name not in HELPERS], 75))
