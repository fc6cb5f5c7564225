#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "supervisor/arms/code_place.hpp"

namespace ndr {

// Programs that runs name are parsed by a child alone, `ndreprod code-places`: what breaks or stalls is its own.

/// The places of these, of which only module and offset are read; asks `program` (ndreprod) and waits for it, at most
/// `limit`. Those that it does not tell are as they came.
std::vector<CodePlace> ask_places(const std::filesystem::path& program, std::vector<CodePlace> places,
                                  std::chrono::seconds limit);

/// The child's part: an answer to such a question, both JSON text. Empty for text of another form.
std::string answer_places(const std::string& question);

/// Limits its memory and time, then answers the question on standard input; its exit status.
int places_command();

}  // namespace ndr
