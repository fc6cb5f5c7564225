#include "analyzer/stress/stress_plan.hpp"

#include "tests/support/catch.hpp"

namespace {

struct Planned {
  ndr::Evidence evidence;
  ndr::CaseSettings settings;
  ndr::TestFacts test;

  Planned() {
    evidence.files = {"logs/ci.log"};
    evidence.is_failure = true;
    evidence.failure_type = ndr::FailureType::exception;
    evidence.environment["TT_METAL_HOME"] = {"/project", {}};
  }
  ndr::Checked<ndr::StressPlan> plan() const {
    const ndr::JobSearch jobs;
    return ndr::plan_stress({"case", evidence, settings, "/checkout", test, jobs, {}, {}, {}});
  }
  ndr::Checked<ndr::StressPlan> of_command(const std::string& command) {
    evidence.command = {command, {}};
    return plan();
  }
  ndr::Checked<ndr::StressPlan> of_pytest(const std::string& id, const std::string& command = "") {
    evidence.test_id = {id, {}};
    if (!command.empty()) evidence.command = {command, {}};
    test.file = "tests/a/test_pipe.py";
    test.stress.emplace();
    test.stress->base = "drain";
    test.stress->options = {"--lanes"};
    return plan();
  }
};

}  // namespace

TEST_CASE("a command runs a program of the checkout, behind a launcher that only counts and places") {
  for (const std::string command :
       {"./scripts/exchange_test.sh --fast", "/project/build/test/ranks x", "python3 scripts/run.py 2",
        "python3 -m pytest tests", "mpirun -np 2 --allow-run-as-root ./build/test/ranks --size 4",
        "tt-run --rank-binding tests/cfg/a.yaml --mpi-args '--tag-output' ./build/test/ranks",
        "mpirun -n 2 pytest x"}) {
    CAPTURE(command);
    CHECK(Planned{}.of_command(command).has_value());
  }
  CHECK(Planned{}.of_command("/project/build/x /project/cfg").value().command ==
        std::vector<std::string>{"./build/x", "./cfg"});
}

TEST_CASE("a command that may run anything else is refused") {
  for (const std::string command :
       {"python3 '-cimport os' ./scripts/x.py", "python3 -c 'import os'", "mpirun -np 2 -x A=b/c /usr/bin/touch x",
        "mpirun -np 2 rm -rf ./src", "mpirun -np 2 perl -e x ./build/x",
        "mpirun --mca plm_rsh_agent ./x -np 2 ./build/x", "tt-run --mpi-args '--mca a b' ./build/x", "/usr/bin/touch x",
        "../outside/run.sh", "rm -rf x", "bash -c x", "./a/../../b", "mpirun -np 2", "python3", "srun bash x",
        "./x; ./y", "./x $(id)"}) {
    CAPTURE(command);
    CHECK(Planned{}.of_command(command).has_error());
  }
}

TEST_CASE("of pytest's options those stay that the checkout declares") {
  const auto plan = Planned{}.of_pytest("tests/a/test_pipe.py::test_drain",
                                        "pytest tests -n 4 -k x --lanes 8 --tx=popen//python=/tmp/evil -p evil -v");
  REQUIRE(plan.has_value());
  CHECK(plan->options == std::vector<std::string>{"--lanes=8"});
  CHECK(plan->workers == 4);
}

TEST_CASE("another file's test of the same name is not taken for the failing one") {
  const auto plan = Planned{}.of_pytest("integration/test_other.py::test_drain");
  REQUIRE(plan.has_error());
  CHECK(plan.error().reason.find("tests/a/test_pipe.py has one of the same name") != std::string::npos);
}

TEST_CASE("as many iterations as fit 240 s, and fewer than 50 are explained") {
  Planned slow;
  slow.evidence.seconds_into_test = {30, {}};
  const auto plan = slow.of_pytest("tests/a/test_pipe.py::test_drain");
  REQUIRE(plan.has_value());
  CHECK(plan->iterations == 8);
  CHECK(plan->iterations_reason.find("fewer than 50") != std::string::npos);
}

TEST_CASE("a failure of the machine, and none at all, have nothing to run") {
  Planned infra;
  infra.evidence.failure_type = ndr::FailureType::infra;
  CHECK(infra.plan().has_error());
  Planned none;
  none.evidence.is_failure = false;
  CHECK(none.plan().has_error());
}
