#include "analyzer/evidence/evidence.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

constexpr std::array<std::pair<FailureType, std::string_view>, 11> type_names{
    {{FailureType::none, "none"},
     {FailureType::infra, "infra"},
     {FailureType::device_contention, "device_contention"},
     {FailureType::out_of_memory, "out_of_memory"},
     {FailureType::device_timeout, "device_timeout"},
     {FailureType::test_timeout, "test_timeout"},
     {FailureType::hang, "hang"},
     {FailureType::comparison, "comparison"},
     {FailureType::assertion, "assertion"},
     {FailureType::crash, "crash"},
     {FailureType::exception, "exception"}}};

constexpr std::array<std::pair<FailureMechanism, std::string_view>, 3> mechanism_names{
    {{FailureMechanism::waiting, "waiting"}, {FailureMechanism::during, "during"}, {FailureMechanism::after, "after"}}};

}  // namespace

std::string_view to_text(FailureType type) {
  const auto found =
      std::find_if(type_names.begin(), type_names.end(), [&](const auto& word) { return word.first == type; });
  NDR_ASSERT(found != type_names.end());
  return found->second;
}

std::optional<FailureType> failure_type_from(std::string_view text) {
  const auto found =
      std::find_if(type_names.begin(), type_names.end(), [&](const auto& word) { return word.second == text; });
  if (found == type_names.end()) return std::nullopt;
  return found->first;
}

std::string_view to_text(FailureMechanism mechanism) {
  const auto found = std::find_if(mechanism_names.begin(), mechanism_names.end(),
                                  [&](const auto& word) { return word.first == mechanism; });
  NDR_ASSERT(found != mechanism_names.end());
  return found->second;
}

std::optional<FailureMechanism> failure_mechanism_from(std::string_view text) {
  const auto found = std::find_if(mechanism_names.begin(), mechanism_names.end(),
                                  [&](const auto& word) { return word.second == text; });
  if (found == mechanism_names.end()) return std::nullopt;
  return found->first;
}

std::string place_of(const std::vector<std::string>& files, const Origin& origin) {
  const bool known = origin.file < files.size() && origin.line > 0;
  return known ? files[origin.file] + ":" + std::to_string(origin.line) : std::string{};
}

}  // namespace ndr
