#pragma once
#include <string_view>

namespace ndr {

/// A place where tests may let the daemon die as by `kill -9`: environment NDREPRO_FAILPOINT=NAME[@N] kills this
/// process at the N-th time (default 1) that NAME is passed. Inert without the variable; names are listed where they
/// are used.
void failpoint(std::string_view name);

}  // namespace ndr
