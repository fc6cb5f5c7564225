#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/arms/hold/accesses.hpp"

namespace ndr::hold {

/// The memory accesses of a program's own functions, by their addresses as linked.
struct ProgramAccesses {
  std::uint64_t entry = 0;  // e_entry, from which the place in memory follows
  std::vector<MemoryAccess> accesses;
};

/// Of an ELF file for x86-64. A function is the program's own if debug information covers it and its name is not of a
/// library; without debug information by its name and, in static programs, by its place: the linker puts the program's
/// objects between the start-up code and the libraries. Without symbols all of .text, unless the program is static.
/// `near` (function_names.hpp): functions of these names alone; empty: all. Nothing for files of another form.
ProgramAccesses program_accesses(const std::string& path, const std::vector<std::string>& near);

}  // namespace ndr::hold
