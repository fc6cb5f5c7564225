#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/stress/stress_plan.hpp"

namespace ndr {

/// Around the results in README.md, which campaigns keep current.
inline constexpr std::string_view results_begin = "<!-- ndrepro:results:begin -->";
inline constexpr std::string_view results_end = "<!-- ndrepro:results:end -->";

/// A file of the case folder; `path` is relative to it.
struct GeneratedFile {
  std::string path;
  std::string text;
  bool is_executable = false;
};

/// run_test.sh, the stress test with its conftest.py or loop, and README.md. All foreign text in them is quoted or on
/// one comment line.
std::vector<GeneratedFile> stress_files(const StressSources& sources, const StressPlan& plan);

/// `template_text` with each `@NAME@` that `values` has replaced, in one pass: a value is not looked through.
std::string filled(std::string_view template_text, const std::vector<std::pair<std::string_view, std::string>>& values);

}  // namespace ndr
