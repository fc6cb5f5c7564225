#pragma once
#include <string_view>

#include "analyzer/job/inspection.hpp"
#include "storage/fact_tree.hpp"

namespace ndr {

/// Adds `workflows` {file: {jobs: {id: facts}}} and `test_configs` {file: {key: facts}} to the tree. Of a job: env,
/// env_origin, matrix_env, container, matrix, commands, timeouts, pre_steps, steps, and more where it has it.
///
/// Conventions: a value that differs between the rows of a matrix is an object of values by the row's key. What only a
/// caller or the runner knows stays a `${{ ... }}`; in timeouts with " (default N)" behind it where the input has one,
/// in commands with the default in its place. A command has its row's key where the step is nothing but a value of the
/// matrix, else its step's name; leading assignments are in matrix_env or env. null: there is none, or it is switched
/// off.
void add_inspection(const Inspection& inspection, FactTree& tree);

/// The JSON Schema (draft 2020-12) of a whole tree of facts.
std::string_view facts_schema();

}  // namespace ndr
