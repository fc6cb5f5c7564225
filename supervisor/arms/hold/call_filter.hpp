#pragma once
#include <linux/filter.h>

#include <string>
#include <vector>

namespace ndr::hold {

/// A seccomp program that hands the calls by which threads and processes meet to the tracer, and lets all others, and
/// those of another machine's form (32-bit), through at full speed.
std::vector<sock_filter> call_filter();

/// Installs it for this process and what it makes. Without the right to filter it gives up gaining privileges first
/// (no_new_privs). 0, or errno.
int install_call_filter();

}  // namespace ndr::hold
