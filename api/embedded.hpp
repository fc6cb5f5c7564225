#pragma once
#include <map>
#include <string>
#include <string_view>

namespace ndr {

/// The files of api/ that are part of the program, by name.
const std::map<std::string, std::string_view>& api_files();

}  // namespace ndr
