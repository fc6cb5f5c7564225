#pragma once
#include "daemon/config.hpp"
#include "daemon/options.hpp"

namespace ndr {

/// The configuration of this start: the instance's defaults, then its file, then the options. Refuses what parse_config
/// refuses, a named file that cannot be read, and options of the wrong form.
Checked<Config> configure(const ServeOptions& options);

}  // namespace ndr
