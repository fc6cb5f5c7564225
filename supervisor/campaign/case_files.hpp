#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/job/case_settings.hpp"
#include "analyzer/refusal.hpp"
#include "storage/case_folder.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/ports.hpp"

namespace ndr {

/// case.yaml of this case; no file: no settings.
Checked<CaseSettings> read_case_settings(const CaseFolder& folder);

/// Bytes of a log that belong together: those of one run of a slice, else all.
struct LogPart {
  std::uint64_t begin = 0;
  std::uint64_t end = UINT64_MAX;
};

/// Where the line begins that says this message, whose values are masked: looked for from `offset` on, a while, within
/// `part`. Nothing where it is not there.
std::optional<std::uint64_t> line_of_message(const std::filesystem::path& log, std::uint64_t offset,
                                             const std::string& message_template, const LogPart& part = {});

/// The lines around the one at `offset`, ready for people: at most 20, of which at most 10 before it, each at most 300
/// bytes, valid UTF-8 without escape sequences, and none beyond `part`. Empty where the file cannot be read.
std::string excerpt(const std::filesystem::path& log, std::uint64_t offset, const LogPart& part = {});

/// Writes through the shim, with the rights of the account that runs the tests.
class ShimCaseWriter : public CaseWriter {
public:
  explicit ShimCaseWriter(Launcher& launcher) : launcher_(launcher) {}
  boost::asio::awaitable<Checked<void>> write(CaseFolder folder, std::string file, std::string text,
                                              std::optional<std::string> expected_hash) override;
  boost::asio::awaitable<Checked<void>> check_writable(CaseFolder folder) override;

private:
  Launcher& launcher_;
};

}  // namespace ndr
