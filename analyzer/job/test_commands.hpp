#pragma once
#include <string>
#include <utility>
#include <vector>

#include "analyzer/job/job_facts.hpp"

namespace ndr {

/// The commands of a script that run tests, in its order. A shell function (`run_t3000_x_tests`) that one of the tree's
/// scripts defines stands for the commands in it; one that none defines stays as it is.
std::vector<TestCommand> test_commands(const std::vector<Sourced<std::string>>& script, const SourceTree& tree,
                                       FactFiles& files);

/// What a script writes to $GITHUB_ENV for the steps after it: `echo "A=b" >> $GITHUB_ENV`, a group of them, a here
/// document, or through tee.
std::vector<std::pair<std::string, Sourced<std::string>>> exported_variables(
    const std::vector<Sourced<std::string>>& script);

/// Variables that a script itself exports or assigns before its commands run.
std::vector<std::pair<std::string, Sourced<std::string>>> script_variables(
    const std::vector<Sourced<std::string>>& script);

/// `pytest`, gtest, ctest and shell functions for certain; a plain program or script only where nothing else is there.
bool surely_runs_tests(const TestCommand& test);

}  // namespace ndr
