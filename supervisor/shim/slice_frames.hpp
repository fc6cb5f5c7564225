#pragma once
#include <filesystem>
#include <string_view>

#include "storage/slice_log.hpp"

namespace ndr {

/// Appends to a slice's log, which nobody else writes to. Throws std::system_error.
void append_text(int log, std::string_view text);
/// The bytes of an open file from there on, as many as `bytes`: where it has fewer, blanks.
void append_bytes(int log, int output, std::uint64_t from, std::uint64_t bytes);
/// A run's output between its markers; nothing where there is no such file.
void append_frame(int log, const SliceRun& run, const std::filesystem::path& output);

/// Of a slice whose loop died: appends the runs that had ended and that it had not appended yet, ends a frame in whose
/// midst it stopped, and removes the folder `runs`. Nobody may write to either any longer. What cannot be read or
/// written is left out, and so are runs beyond 256 MiB. False where there is no such folder: the loop ended in order.
bool recover_runs(const std::filesystem::path& runs, const std::filesystem::path& log);

}  // namespace ndr
