#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/attempt_folder.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// Names of arms that every host knows; `recipe` is a script that runs by itself, `count` counts and delays nothing.
bool is_built_in(std::string_view arm);

/// Whether a run may be given this variable, and held to this limit: what loads code or is ours to set is refused.
bool is_settable(std::string_view variable);
bool is_resource(std::string_view name);

/// One way to amplify, with its parameters: what the campaign chooses, and the runner and the shim carry out.
struct Arm {
  // is_built_in(), or that of an axis
  std::string name = "plain";
  int iterations = 0;  // in one process; 0: the script's default
  int workers = 1;
  double watchdog_scale = 1;         // of the operation timeout; 0 switches it off (margin screen)
  double operation_timeout_s = 5;    // what the scale applies to: CI's, else the default of CI's set-up action
  int copies = 1;                    // runs at a time, in a slice
  int shared_copies = 0;             // so many of them share one TMPDIR
  double noise_chance = 0;           // of a delay at each call by which threads and processes meet; 0: no library
  int noise_us = 0;                  // the longest nap; 0: yields instead of naps
  bool counts_points = false;        // loads the library to count such calls, and delays nothing
  int priority_points = 0;           // strict priorities on one CPU, changed at calls drawn from so many; 0: none
  bool preempts = false;             // real-time threads take each CPU away, now and then
  bool one_cpu = false;              // all runs on the same CPU
  int breakpoints = 0;               // instructions at which one thread is held, once each
  int hold_us = 0;                   // about so long
  double call_chance = 0;            // of holding a thread at a system call by which threads and processes meet
  bool redrawn = false;              // noise of each run is drawn around the above
  bool keeps_folder = false;         // the runs of a copy share one folder, which nobody empties
  int predecessors = 0;              // so many of the tests that came before it in CI run before it, in its process
  bool fresh_board = false;          // the boards are reset before
  std::vector<std::string> near;     // breakpoints in functions of these names alone
  std::vector<Setting> environment;  // variables; "{folder}" in a value is an empty folder of the run's own
  std::vector<ResourceLimit> limits;
  bool operator==(const Arm&) const = default;

  bool needs_slice() const {
    return copies > 1 || preempts || one_cpu || counts_points || redrawn || keeps_folder || breakpoints > 0 ||
           call_chance > 0;
  }
};

/// The arm of these parameters, named by what it amplifies: workers before iterations. `plain_iterations` is what
/// an unamplified run has (0: the script's default).
Arm amplified(int iterations, int workers, int plain_iterations);

/// Delays around locks, conditions, files, sockets and starts, by the preloaded library (arms/noise): naps, or yields.
Arm noise_arm(int iterations);
Arm yield_arm(int iterations);

/// One plain run with the axis' variables and limits.
Arm arm_of(const Axis& axis);

/// JSON text of the parameters (stored with the attempt) and back; nothing for text of another form.
std::string parameters_of(const Arm& arm);
std::optional<Arm> arm_from(const std::string& name, const std::string& parameters);

/// The programs that arms need; empty where one is missing.
struct ArmTools {
  std::string noise_library;
  std::string hold_program;
  std::string index_folder;   // where the holder keeps what it knows of programs; empty: nowhere
  std::string report_folder;  // where each process of a run tells what was delayed; empty: nobody asks
  std::string near_file;      // holds the arm's `near`, a name a line; empty where it has none
  std::string fresh_folder;   // what "{folder}" stands for
};

/// What an arm does to one run.
struct RunSetting {
  std::vector<std::string> prefix;  // goes before the command
  std::vector<Setting> environment;
  bool operator==(const RunSetting&) const = default;
};

/// Of one run with this seed: the same arm and seed give the same setting on each host.
RunSetting run_setting(const Arm& arm, std::uint64_t seed, const ArmTools& tools);

/// The most that the arm's own delays may add to a run, about: limits grow by it.
std::int64_t added_delay_ms(const Arm& arm);

}  // namespace ndr
