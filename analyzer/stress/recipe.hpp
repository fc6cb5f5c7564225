#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// What makes a case fail again: an arm and its parameters, for a script that is called without arguments.
struct Recipe {
  std::string arm;
  std::string parameters;  // JSON
  std::string words;       // the same for people, one line
  int iterations = 1;      // of one run; 0: the script's default
  std::uint64_t seed = 0;
  std::int64_t run_limit_ms = 1000;   // of a run that stands still
  std::int64_t seconds = 240;         // of looping; the rest of five minutes is for the last runs
  bool counts_standstill = false;     // the wanted failure is one
  std::vector<std::string> literals;  // of the signature: a failing run that shows one of them is a hit
  std::string shim;                   // where ndreprod-shim was when this was written
  bool operator==(const Recipe&) const = default;
};

/// The loop's command line, quoted for a shell: `ndreprod-shim loop … --`, after which the test's own command follows.
std::string recipe_command(const Recipe& recipe);

/// The script with the recipe as what it does without arguments, between markers, in place of an earlier one. Runs
/// under a daemon (NDREPRO_ATTEMPT) and runs of the loop itself (NDREPRO_RUN) go on as before.
std::string with_recipe(std::string_view script, const Recipe& recipe);
/// The script as it was.
std::string without_recipe(std::string_view script);
/// The same with blank lines in its place, so that the numbers of the others stay.
std::string with_blank_recipe(std::string_view script);
/// The block of a script, markers included; empty where it has none.
std::string recipe_block_of(std::string_view script);
/// A script with a block as it was taken from another by recipe_block_of(); the same script where `block` is empty.
std::string with_recipe_block(std::string_view script, const std::string& block);

}  // namespace ndr
