#pragma once
#include <boost/system/result.hpp>
#include <string>

namespace ndr {

/// An answer to bad input: which field (or file:line) is wrong, why, and what to do about it (may be empty).
struct Refusal {
  std::string field;
  std::string reason;
  std::string remedy;
  bool operator==(const Refusal&) const = default;
};

/// "field: reason; remedy" on one line.
std::string to_text(const Refusal& refusal);

/// Asking a refused Checked for its value is a bug of the caller: aborts.
[[noreturn]] void throw_exception_from_error(const Refusal& refusal, const boost::source_location& where);

/// A value, or the reason why there is none.
template <class T>
using Checked = boost::system::result<T, Refusal>;

}  // namespace ndr
