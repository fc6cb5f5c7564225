#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ndr::hold {

/// Whose a function is, by its name alone. `library`: of a language's library, but compiled into the program's own code
/// (templates). `nobody`: of the start-up code, of a C library, or made by the compiler.
enum class FunctionOwner { test, library, nobody };

/// Of a symbol as it is linked (C, C++, Rust). Atomics are the test's: at -O0 they are functions of their own.
FunctionOwner owner_of(std::string_view symbol);
/// Of a symbol of a Go program: package paths of the standard library are nobody's.
FunctionOwner owner_of_go(std::string_view symbol);

/// The name as people write it, without its last list of parameters: "ns::Class::call" for "_ZN2ns5Class4callEi".
std::string readable_name(const std::string& symbol);
std::string without_parameters(std::string name);

/// Names, one a line; a leading word "function" and blanks do not count, nor do parameters.
std::vector<std::string> near_names(std::string_view text);
/// Whether one of the names is a part of the symbol or of its readable name.
bool is_near(const std::string& symbol, const std::vector<std::string>& names);

}  // namespace ndr::hold
