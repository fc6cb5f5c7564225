#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "storage/case_folder.hpp"

namespace ndr {

/// Why an attempt of the script alone was made where the case is (AttemptRow::reason).
inline constexpr const char* in_place = "in_place";

/// Why a copy of the case would not tell whether it runs elsewhere: it is too much to copy, or its script, a test or a
/// link names the folder itself, so that a copy would still use that. Nothing where a copy tells.
std::optional<std::string> why_in_place(const CaseFolder& folder);

/// What an engineer would do who was given the case: copies it to `copy`, without logs and what we keep in it, and
/// calls run_test.sh there.
std::vector<std::string> command_in_copy(const CaseFolder& folder, const std::filesystem::path& copy);

}  // namespace ndr
