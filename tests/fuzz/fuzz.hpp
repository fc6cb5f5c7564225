#pragma once
#include <string_view>

namespace ndr {

/// One harness a program: it takes any bytes, and dies of an assertion or a sanitizer where the code is wrong.
void fuzz_one(std::string_view input);

}  // namespace ndr
