#pragma once
#include <iosfwd>

#include "daemon/options.hpp"

namespace ndr {

/// `ndreprod inspect`: what a checkout says of its CI jobs and tests, as text or JSON on `out`. Exit status 0; 1
/// where something named is not there, or nothing at all; 2 with a message on `err` where the checkout cannot be read.
/// What a single file hides is a problem in the answer.
int inspect_command(const InspectOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ndr
