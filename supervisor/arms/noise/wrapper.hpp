#pragma once

namespace ndr::noise {

/// Whether this process only starts the test: timeout, env and the like, or a shell that runs a script with the
/// contract line. They meet nobody, and delays of theirs would only make each run longer; what they start is no
/// wrapper.
bool is_wrapper();

}  // namespace ndr::noise
