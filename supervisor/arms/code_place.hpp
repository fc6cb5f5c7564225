#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ndr {

/// Where in the source an instruction comes from, as far as the module says it.
struct CodePlace {
  std::string module;
  std::uint64_t offset = 0;  // from the module's lowest mapping on, as DelayedSite has it
  std::string function;      // demangled, the innermost inlined one that no system header has; empty: not known
  std::uint64_t function_offset = 0;  // from the start of the function, where only its symbol is known
  std::string file;                   // empty: no debug information
  int line = 0;
  bool operator==(const CodePlace&) const = default;
};

/// Whether a source file is the compiler's or the system's (/usr/include, /usr/lib): nobody's program.
bool is_system_source(const std::string& file);

/// "function (file:line)", "function+0xOFFSET (module)", "module+0xOFFSET".
std::string to_text(const CodePlace& place);

/// The places of these offsets, one for each and in their order. All of one module at once, since its debug information
/// is opened for each call; a separate debug file is taken from where distributions put it (by build id, or by the
/// debug link), never from the network. Of modules larger than 1 GiB, and of what is left after `seconds`, only the
/// symbols are read. A module that is no readable ELF file gives places without a function.
/// The module is parsed by libdw in this process: for files that nobody vouches for, ask in a child.
std::vector<CodePlace> code_places(const std::filesystem::path& module, const std::vector<std::uint64_t>& offsets,
                                   double seconds = 10);

}  // namespace ndr
