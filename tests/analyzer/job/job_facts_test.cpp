// Workflows of an invented project: rows, variables, commands, actions, callers, names.
#include "analyzer/job/job_facts.hpp"

#include <string>

#include "analyzer/job/inspection.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/job/workflow_steps.hpp"
#include "tests/analyzer/job/source_tree_of.hpp"
#include "tests/support/catch.hpp"

namespace {

const std::string pump_workflow = R"(name: pumps
on:
  workflow_call:
    inputs:
      speed: { type: string, default: '7' }
      image: { type: string, required: true }
env: { LEVEL: info, ARCH_NAME: none }
jobs:
  pumps:
    name: ${{ matrix.group.name }} on ${{ matrix.box }}
    runs-on: ["${{ matrix.box }}", ready]
    strategy:
      matrix:
        box: [small, large]
        group:
          - { name: left, cmd: SIDE=l pytest tests/pump -n 2 --timeout 60 }
          - { name: right, cmd: run_right_pumps }
        exclude:
          - { box: small, group: { name: right, cmd: run_right_pumps } }
        include:
          - { box: large, extra: 3 }
    container:
      image: ${{ inputs.image }}
      env: { ARCH_NAME: wormhole_b0 }
      volumes: [/data:/data]
    defaults: { run: { shell: bash, working-directory: /project } }
    env: { SPEED: "${{ inputs.speed }}" }
    steps:
      - uses: ./box/.github/actions/set-up
        timeout-minutes: 5
        with: { limit: 9 }
      - name: Only large
        if: ${{ matrix.box == 'large' }}
        run: echo "HUGE=1" >> $GITHUB_ENV
      - name: Never
        if: false
        run: exit 1
      - name: pump tests
        timeout-minutes: ${{ inputs.speed }}
        env: { LEVEL: debug }
        run: |
          source tests/scripts/run_pumps.sh
          ${{ matrix.group.cmd }}
)";

const std::string set_up_action = R"(name: set up
inputs:
  limit: { default: '4' }
  path: { default: build/lib }
  watch: { default: false }
runs:
  using: composite
  steps:
    - run: |
        {
          echo "LIMIT=${{ inputs.limit }}"
          echo "LD_LIBRARY_PATH=${{ inputs.path }}"
        } >> "$GITHUB_ENV"
      shell: bash
    - if: ${{ inputs.watch == 'true' }}
      run: echo "WATCH=1" >> $GITHUB_ENV
      shell: bash
)";

ndr::SourceTree checkout() {
  return source_tree_of(
      {{".github/workflows/pumps-impl.yaml", pump_workflow},
       {".github/actions/set-up/action.yml", set_up_action},
       {".github/workflows/nightly.yaml",
        "on: push\njobs:\n  call:\n    name: nightly pumps\n    uses: ./.github/workflows/pumps-impl.yaml\n"
        "    with: { speed: '3', image: box:1 }\n"},
       {"tests/scripts/run_pumps.sh",
        "run_right_pumps() {\n  echo right\n  for i in {1..4}; do\n    timeout 90 ./build/test/pump_tests "
        "--gtest_filter=Right*\n  done\n}\n"},
       {"tests/cfg/pumps.yaml",
        "- name: pump sweep\n  model: big\n  cmd: |\n    MODE=x pytest tests/{model}/test_sweep.py --timeout=30 "
        "${HOME}\n"
        "  skus:\n    wh_box: { timeout: 12 }\n"}});
}

ndr::JobFacts pumps(ndr::FactFiles& files) {
  const auto jobs = ndr::workflow_jobs(checkout(), ".github/workflows/pumps-impl.yaml", files);
  REQUIRE(files.problems.empty());
  REQUIRE(jobs.size() == 1);
  return jobs.front();
}

const ndr::JobVariable& variable(const ndr::JobRow& row, const std::string& name) {
  REQUIRE(row.main_step() != nullptr);
  return row.main_step()->environment.at(name);
}

}  // namespace

TEST_CASE("a matrix gives its rows, less what is excluded, with what is included") {
  ndr::FactFiles files;
  const ndr::JobFacts job = pumps(files);
  REQUIRE(job.rows.size() == 3);
  CHECK(job.rows[0].name == "left on small");
  CHECK(job.rows[1].name == "left on large");
  CHECK(job.rows[2].name == "right on large");
  CHECK(job.rows[0].matrix.values.find("extra") == nullptr);
  CHECK(job.rows[1].matrix.values.text_of("extra") == "3");
}

TEST_CASE("the later of several blocks sets a variable, and says who did") {
  ndr::FactFiles files;
  const ndr::JobFacts job = pumps(files);
  const ndr::JobRow& row = job.rows[1];
  CHECK(variable(row, "LEVEL").value.text == "debug");
  CHECK(variable(row, "LEVEL").set_by == "step");
  CHECK(variable(row, "ARCH_NAME").set_by == "container");
  CHECK(variable(row, "SPEED").value.text == "${{ inputs.speed }}");
  CHECK(variable(row, "SPEED").value.with_defaults == "7");
  CHECK(variable(row, "LIMIT").value.text == "9");
  CHECK(variable(row, "LIMIT").set_by == "composite:set-up");
  CHECK(variable(row, "LD_LIBRARY_PATH").set_by == "composite:set-up (default)");
  CHECK(variable(row, "HUGE").set_by == "step:Only large");
  CHECK(row.main_step()->environment.count("WATCH") == 0);
  CHECK(job.rows[0].main_step()->environment.count("HUGE") == 0);
  const ndr::Origin& origin = variable(row, "LIMIT").value.origin;
  CHECK(files.paths().at(origin.file) == ".github/actions/set-up/action.yml");
  CHECK(origin.line == 11);
}

TEST_CASE("a row's command is what the matrix says, where the matrix says it") {
  ndr::FactFiles files;
  const ndr::JobFacts job = pumps(files);
  const ndr::TestCommand& left = job.rows[0].main_step()->tests.at(0);
  CHECK(left.command.text == "pytest tests/pump -n 2 --timeout 60");
  CHECK(left.command.assignments.at("SIDE") == "l");
  CHECK(left.command.origin.line == 16);
}

TEST_CASE("a shell function stands for the commands in it, loops and limits too") {
  ndr::FactFiles files;
  const ndr::JobFacts job = pumps(files);
  const ndr::TestCommand& right = job.rows[2].main_step()->tests.at(0);
  CHECK(right.command.text == "./build/test/pump_tests --gtest_filter=Right*");
  CHECK(right.command.limit_s == 90.0);
  CHECK(right.loop == 4);
  CHECK(right.function.value().value == "run_right_pumps");
  CHECK(files.paths().at(right.command.origin.file) == "tests/scripts/run_pumps.sh");
  CHECK(right.command.origin.line == 4);
}

TEST_CASE("steps that never run are left out; container, folder and limits are told") {
  ndr::FactFiles files;
  const ndr::JobFacts job = pumps(files);
  const ndr::JobRow& row = job.rows[0];
  for (const ndr::JobStep& step : row.steps)
    CHECK(step.name.value != "Never");
  CHECK(row.steps.front().minutes.value().text == "5");
  CHECK(row.image.value().text == "${{ inputs.image }}");
  CHECK(row.volumes.at(0).text == "/data:/data");
  CHECK(row.working_directory.value().text == "/project");
  CHECK(row.runs_on.text == "small, ready");
  CHECK(row.main_step()->minutes.value().with_defaults == "7");
}

TEST_CASE("a log's job name finds the job through its caller, with the caller's inputs") {
  ndr::FactFiles files;
  const auto found = ndr::find_job(checkout(), "nightly pumps / right on large", "nightly.yaml", files);
  REQUIRE(found.jobs.size() == 1);
  const ndr::JobCandidate& candidate = found.jobs.front();
  CHECK(candidate.name == "nightly pumps / right on large");
  CHECK(candidate.job.workflow == ".github/workflows/pumps-impl.yaml");
  CHECK(candidate.row == 2);
  CHECK(candidate.job.rows[2].image.value().text == "box:1");
  CHECK(variable(candidate.job.rows[2], "SPEED").value.text == "3");
}

TEST_CASE("a log's job name finds the test configuration and its SKU") {
  ndr::FactFiles files;
  const auto found = ndr::find_job(checkout(), "sweeps / pump sweep [wh_box]", "", files);
  REQUIRE(found.configurations.size() == 1);
  CHECK(found.configurations[0].sku == "wh_box");
  const ndr::ConfiguredTest& test = found.configurations[0].test;
  CHECK(test.tests.at(0).command.text == "pytest tests/big/test_sweep.py --timeout=30 ${HOME}");
  CHECK(test.environment.at("MODE").value.text == "x");
  CHECK(test.minutes.at("wh_box").value == 12);
  CHECK(ndr::find_job(checkout(), "pump sweep [other]", "", files).configurations.empty());
  CHECK(ndr::find_job(checkout(), "", "", files).jobs.empty());
}

TEST_CASE("one file that cannot be read is a problem, and hides no other") {
  auto tree = source_tree_of({{".github/workflows/a.yaml", "jobs: [\n"},
                              {".github/workflows/b.yaml", "jobs:\n  x:\n    steps:\n      - run: pytest a\n"},
                              {".github/workflows/c.yaml", "name: nothing\n"}});
  const ndr::Inspection inspection = ndr::inspect(tree);
  CHECK(inspection.jobs.size() == 1);
  REQUIRE(inspection.files.problems.size() == 2);
  CHECK_THAT(inspection.files.problems[0].field, ContainsSubstring(".github/workflows/a.yaml:"));
  const ndr::Inspection none = ndr::inspect(tree, "d.yaml");
  CHECK(none.files.problems.size() == 1);
  CHECK(ndr::inspect(tree, "b.yaml", "y").files.problems.size() == 1);
  CHECK(ndr::inspect(tree, "b.yaml", "x").jobs.size() == 1);
}

TEST_CASE("a matrix that nobody here can know is one row with the gap in its name") {
  ndr::FactFiles files;
  const auto tree = source_tree_of(
      {{".github/workflows/a.yaml",
        "jobs:\n  x:\n    name: x ${{ matrix.n }}\n    strategy:\n      matrix: ${{ fromJSON(needs.y.outputs.z) }}\n"
        "    steps:\n      - run: pytest a\n"}});
  const auto jobs = ndr::workflow_jobs(tree, ".github/workflows/a.yaml", files);
  REQUIRE(jobs.size() == 1);
  REQUIRE(jobs[0].rows.size() == 1);
  CHECK_FALSE(jobs[0].rows[0].matrix.known);
  CHECK(ndr::find_job(tree, "x 5", "a.yaml", files).jobs.size() == 1);
  CHECK(ndr::find_job(tree, "y 5", "a.yaml", files).jobs.empty());
}

TEST_CASE("a step whose command only the run's matrix knows is the one that runs the tests") {
  const ndr::SourceTree tree = source_tree_of({{"w.yaml", R"(on: {workflow_call: {inputs: {groups: {type: string}}}}
jobs:
  a:
    strategy: {matrix: {group: "${{ fromJSON(inputs.groups) }}"}}
    steps:
      - run: pytest tests/smoke.py
      - name: All of them
        run: ${{ matrix.group.cmd }}
      - run: ${{ inputs.cleanup }}
)"}});
  ndr::FactFiles files;
  const ndr::JobFacts job = ndr::workflow_jobs(tree, "w.yaml", files).at(0);
  REQUIRE(job.rows.at(0).main_step() != nullptr);
  CHECK(job.rows[0].main_step()->name.value == "All of them");
  CHECK(job.rows[0].main_step()->tests.at(0).command.text == "${{ matrix.group.cmd }}");
  CHECK(job.rows[0].steps.at(2).tests.empty());
}

TEST_CASE("an action that calls itself, and callers in a ring, come to an end") {
  ndr::FactFiles files;
  const auto tree =
      source_tree_of({{".github/actions/me/action.yml",
                       "runs:\n  steps:\n    - uses: ./.github/actions/me\n    - uses: ./.github/actions/me\n"},
                      {".github/workflows/a.yaml",
                       "jobs:\n  x:\n    uses: ./.github/workflows/a.yaml\n  y:\n    steps:\n      - uses: "
                       "./.github/actions/me\n      - run: pytest a\n"}});
  CHECK(ndr::workflow_jobs(tree, ".github/workflows/a.yaml", files).size() == 2);
  CHECK(ndr::find_job(tree, "y", "", files).jobs.size() >= 1);
}

TEST_CASE("an unwritten limit of operations is that of the day on which the job ran") {
  const auto limit_on = [](std::string_view day, const std::string& with) {
    const ndr::SourceTree tree = source_tree_of({{"w.yaml",
                                                  "on: push\njobs:\n  a:\n    steps:\n"
                                                  "      - uses: example/actions/setup-job@main\n" +
                                                      with + "      - run: pytest tests/a.py\n"}});
    ndr::FactFiles files;
    ndr::JobFacts job = ndr::workflow_jobs(tree, "w.yaml", files).at(0);
    ndr::date_defaults(job, day);
    const auto& environment = job.rows.at(0).main_step()->environment;
    const auto found = environment.find("TT_METAL_OPERATION_TIMEOUT_SECONDS");
    return found == environment.end() ? std::string{"none"} : found->second.value.text;
  };
  CHECK(limit_on("2026-02-01T10:00:00Z", "") == "5.0");
  CHECK(limit_on("2026-01-20T23:59:59Z", "") == "60.0");
  CHECK(limit_on("2026-01-20T23:59:59Z", "        with: {slow-dispatch-timeout: 90}\n") == "90");
  CHECK(limit_on("2026-01-20T23:59:59Z", "        with: {hang-detection-timeout: 10.0}\n") == "10.0");
  CHECK(limit_on("2025-01-20T23:59:59Z", "        with: {hang-detection-timeout: 0}\n") == "none");
  CHECK(limit_on("2025-01-20T23:59:59Z", "        with: {enable-watcher: true}\n") == "none");
}

TEST_CASE("actions that call many actions are cut off, and named") {
  std::map<std::string, std::string> files{
      {"w.yaml", "on: push\njobs:\n  a:\n    steps:\n      - uses: ./.github/actions/n0\n      - run: pytest x\n"}};
  for (int level = 0; level < 4; ++level) {
    std::string text = "runs:\n  using: composite\n  steps:\n";
    for (int i = 0; i < 40; ++i)
      text += "    - uses: ./.github/actions/n" + std::to_string(level + 1) + "\n";
    files[".github/actions/n" + std::to_string(level) + "/action.yml"] = text;
  }
  ndr::FactFiles found;
  const auto jobs = ndr::workflow_jobs(source_tree_of(files), "w.yaml", found);
  CHECK(jobs.at(0).rows.at(0).main_step() != nullptr);
  REQUIRE(found.problems.size() == 1);
  CHECK(found.problems[0].reason == "is called more than 100 times by one job");
}
