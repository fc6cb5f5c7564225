#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// `  File "a.py", line 12, in f` (traceback, pytest-timeout) or `  File "a.py", line 12 in f` (faulthandler).
std::optional<StackFrame> python_frame(std::string_view line, const Origin& origin);

/// One line of a native stack: `    #0 0x7f.. in ns::f(int) /src/a.cpp:12:3` (sanitizers, gdb), ` --- ns::f(int)` or
/// ` --- /lib/x.so(+0x12) [0x7f..]` (tt-metal), `[ 0] /lib/x.so(f+0x12)[0x7f..]` (Open MPI).
std::optional<StackFrame> native_frame(std::string_view line, const Origin& origin);

/// "ns::f" of "void ns::f<int>(bool) const": no result type, arguments, template arguments.
std::string bare_function(std::string_view function);

/// Interpreter, libraries, test framework: not where an engineer would look first.
bool is_foreign_frame(const StackFrame& frame);

/// The innermost frame of own code; `innermost_last` says how the stack is ordered. Null where there is none.
const StackFrame* innermost_own_frame(const std::vector<StackFrame>& stack, bool innermost_last);

/// Upper limit of frames kept of one stack.
constexpr std::size_t most_stack_frames = 128;

}  // namespace ndr
