#include "supervisor/arms/invocation.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a pytest command with workers is recognised, other uses of -n are not") {
  for (const char* line : {"pytest test_x.py -n auto -x \"$@\"", "python3 -m pytest -n 4", "pytest -n4",
                           "timeout 60 /usr/bin/pytest -nauto", "pytest --numprocesses=3",
                           "pytest \\\n  -v \\\n  -n auto", "X=1 pytest a.py -n 2"})
    CHECK(form_of(line, false).starts_workers);
  for (const char* line : {"echo -n \"pytest\"", "[ -n \"$X\" ] && pytest", "head -n 5 log", "# pytest -n auto",
                           "pytest -v --no-header", "pytest\necho -n done", ""})
    CHECK_FALSE(form_of(line, false).starts_workers);
}

TEST_CASE("a fixed watchdog is told from one that its environment may set") {
  CHECK(form_of("#!/bin/bash\nexport TT_METAL_OPERATION_TIMEOUT_SECONDS=5\npytest", false).fixes_watchdog);
  CHECK(form_of("TT_METAL_OPERATION_TIMEOUT_SECONDS=5 pytest", false).fixes_watchdog);
  CHECK_FALSE(form_of("export TT_METAL_OPERATION_TIMEOUT_SECONDS=${TT_METAL_OPERATION_TIMEOUT_SECONDS:-5}", false)
                  .fixes_watchdog);
  CHECK_FALSE(form_of("echo $TT_METAL_OPERATION_TIMEOUT_SECONDS=5", false).fixes_watchdog);
  CHECK_FALSE(form_of("# export TT_METAL_OPERATION_TIMEOUT_SECONDS=5", false).fixes_watchdog);
  const ScriptForm generated =
      form_of("export TT_METAL_OPERATION_TIMEOUT_SECONDS=5\nfor variable in \"${!NDREPRO_SET_@}\"; do", true);
  CHECK_FALSE(generated.fixes_watchdog);
  CHECK(generated.takes_settings);
}
