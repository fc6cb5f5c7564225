#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/case_folder.hpp"
#include "storage/records.hpp"
#include "supervisor/arms/arm.hpp"

namespace ndr {

/// The runtime's watchdog on one operation: seconds as a decimal number; 0 or unset never fires.
inline constexpr std::string_view watchdog_variable = "TT_METAL_OPERATION_TIMEOUT_SECONDS";
std::string watchdog_text(double seconds);

/// What an arm adds to the script's command line and environment.
struct Invocation {
  std::vector<std::string> prefix;  // goes before the script
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  bool operator==(const Invocation&) const = default;
};

/// What is known of run_test.sh, read from its text without running it.
struct ScriptForm {
  bool has_contract = false;    // takes --iterations, --workers, --seed
  bool takes_settings = false;  // takes --set NAME=VALUE over what it sets itself, as generated scripts do
  bool starts_workers = false;  // a hand-written one: a pytest command with -n or --numprocesses
  int predecessors = 0;         // that it can run before, in the same process (NDREPRO_PREDECESSORS)
  bool fixes_watchdog = false;  // sets the operation timeout without asking anybody: no arm can change it
  bool operator==(const ScriptForm&) const = default;
};

ScriptForm form_of(std::string_view script, bool has_contract);
/// Of the case's run_test.sh. Nothing where it cannot be read: then the shim says what is wrong with it.
ScriptForm script_form(const CaseFolder& folder);

/// With the contract line: --iterations, --workers, --seed; a hand-written script gets pytest arguments instead
/// (`-n K --max-worker-restart=0`; iterations only by NDREPRO_ITERATIONS, which it may read). Where the hand-written
/// script asks for xdist workers itself, one worker is asked for too (`-n 0`); elsewhere that argument would be an
/// error where xdist is not installed. `tools` serve the arm's own setting of the run.
/// For the runs of a slice (`in_slice`) the seed and the noise are left to the shim, which gives each run its own.
Invocation invocation(const Arm& arm, std::uint64_t seed, const ScriptForm& script, const ArmTools& tools = {},
                      bool in_slice = false);

/// Gives a variable of the run's environment another value: by --set where the script sets it itself.
void set_variable(Invocation& made, const ScriptForm& script, std::string_view name, const std::string& value);

/// Of a stored attempt. Its parameters may be of a newer program: the name and one worker are enough to go on.
Arm arm_of(const AttemptRow& row);

}  // namespace ndr
