#pragma once
#include <iosfwd>

#include "daemon/options.hpp"

namespace ndr {

/// `ndreprod generate CASE`: writes run_test.sh, the stress test and README.md of a case folder from its logs and its
/// checkout. Exit status 0; 2 with a message on `err` where nothing can be generated.
int generate_command(const GenerateOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ndr
