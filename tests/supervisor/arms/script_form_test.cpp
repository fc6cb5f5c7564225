#include "supervisor/arms/arm.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a pytest command with workers is recognised, other uses of -n are not") {
  for (const char* line : {"pytest test_x.py -n auto -x \"$@\"", "python3 -m pytest -n 4", "pytest -n4",
                           "timeout 60 /usr/bin/pytest -nauto", "pytest --numprocesses=3",
                           "pytest \\\n  -v \\\n  -n auto", "X=1 pytest a.py -n 2"})
    CHECK(habits_of(line).starts_workers);
  for (const char* line : {"echo -n \"pytest\"", "[ -n \"$X\" ] && pytest", "head -n 5 log", "# pytest -n auto",
                           "pytest -v --no-header", "pytest\necho -n done", ""})
    CHECK_FALSE(habits_of(line).starts_workers);
}

TEST_CASE("a fixed watchdog is told from one that its environment may set") {
  CHECK(habits_of("#!/bin/bash\nexport TT_METAL_OPERATION_TIMEOUT_SECONDS=5\npytest").fixes_watchdog);
  CHECK(habits_of("TT_METAL_OPERATION_TIMEOUT_SECONDS=5 pytest").fixes_watchdog);
  CHECK_FALSE(
      habits_of("export TT_METAL_OPERATION_TIMEOUT_SECONDS=${TT_METAL_OPERATION_TIMEOUT_SECONDS:-5}").fixes_watchdog);
  CHECK_FALSE(habits_of("echo $TT_METAL_OPERATION_TIMEOUT_SECONDS=5").fixes_watchdog);
  CHECK_FALSE(habits_of("# export TT_METAL_OPERATION_TIMEOUT_SECONDS=5").fixes_watchdog);
}
