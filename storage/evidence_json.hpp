#pragma once
#include <string>
#include <string_view>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/signature.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// The one JSON form of Evidence, flat: is_failure, failure_type, exception, error_line, throw_location, test_id,
/// test_file, test_line, command, env {NAME: value}, timeouts {name: number}, arch, board, workflow, job,
/// rank_or_device (null: not in the logs), and files, origins {field: {file, line, offset}} with `env.NAME` and
/// `timeouts.NAME` for the members of these two, failing_statement, failed_at, runner, python_stack, native_stack,
/// conflicts. `file` of an origin is an index into `files`, `line` counts from 1, `offset` is the line's first byte.
std::string to_json_text(const Evidence& evidence);
/// Reads that form back; whatever it does not say is refused by its JSON pointer.
Checked<Evidence> evidence_from_json(std::string_view text);

/// The one JSON form of Signature: a member for a member.
std::string to_json_text(const Signature& signature);
Checked<Signature> signature_from_json(std::string_view text);

}  // namespace ndr
