#pragma once
#include <iosfwd>

#include "daemon/options.hpp"

namespace ndr {

/// `ndreprod generate CASE`: writes run_test.sh, the stress test and README.md of a case folder from its logs and its
/// checkout. Exit status 0; 2 with a message on `err` where nothing can be generated.
int generate_command(const GenerateOptions& options, std::ostream& out, std::ostream& err);

/// `ndreprod lint CASE`: what is wrong with its files, whoever wrote them. Exit status 0: no error; 1: errors; 2 with a
/// message on `err` where the case cannot be read.
int lint_command(const GenerateOptions& options, std::ostream& out, std::ostream& err);

/// `ndreprod brief CASE`: one page of Markdown for whoever refines the stress test by hand: the evidence, the slice,
/// what is still open, and the commands. Exit status 0; 2 with a message on `err`.
int brief_command(const GenerateOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ndr
