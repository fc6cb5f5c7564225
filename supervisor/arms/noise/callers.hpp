#pragma once
#include <cstddef>
#include <cstdint>

namespace ndr::noise {

/// Where the function that called us from before `address` was itself called, and so on outwards: at most `most`
/// addresses of return. By frame pointers, so only of code that keeps them (as without optimisation); where there are
/// none, none. Nothing read on the way is believed: each frame is read by a system call that may fail, has to lie
/// further out on the stack, and has to return behind a call. x86-64 only; elsewhere none.
std::size_t callers_of(std::uint64_t address, std::uint64_t* callers, std::size_t most);

}  // namespace ndr::noise
