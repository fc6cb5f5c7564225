#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "supervisor/arms/hold/draw.hpp"

namespace ndr::hold {

/// An instruction that loads or stores by an explicit operand: no jump, push, pop, nor one of the thread's own storage
/// (fs, gs). Or a call.
struct MemoryAccess {
  std::uint64_t address = 0;
  std::uint8_t first_byte = 0;
  AccessKind kind = AccessKind::own;
  bool operator==(const MemoryAccess&) const = default;
};

/// Of a function's machine code (x86-64) that begins at `address`. Stops where the bytes are no instruction.
std::vector<MemoryAccess> accesses_in(std::span<const std::uint8_t> code, std::uint64_t address);

}  // namespace ndr::hold
