#pragma once
#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// How the failure came about, by its type, its words and its stack: a limit that ran out while something waited, a
/// death in mid-operation, a result that was wrong once it was looked at. The origin is the line that decided; nothing
/// where the logs show no failure.
MaybeSourced<FailureMechanism> mechanism_of(const Evidence& evidence);

}  // namespace ndr
