#include "supervisor/arms/hold/function_names.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace ndr::hold {
namespace {

using std::string_view_literals::operator""sv;

template <std::size_t size>
bool starts_with_one_of(std::string_view text, const std::array<std::string_view, size>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [text](std::string_view beginning) { return text.starts_with(beginning); });
}

// What the compiler makes, and the C run time that is linked into each program.
constexpr std::array made{"_GLOBAL__"sv,   "_Z41__static_init"sv, "_ZGV"sv,          "_ZTW"sv,  "_ZTH"sv,
                          "frame_dummy"sv, "register_tm"sv,       "deregister_tm"sv, "atexit"sv};
constexpr std::array library_namespaces{"St"sv,         "Ss"sv,           "Sa"sv,       "So"sv, "Si"sv,
                                        "9__gnu_cxx"sv, "10__cxxabiv1"sv, "7testing"sv, "Sd"sv, "11__gnu_debug"sv};
constexpr std::array rust_crates{"3std"sv, "4core"sv, "5alloc"sv, "9hashbrown"sv, "3$LT$"sv};
constexpr std::array go_packages{
    "runtime"sv,   "internal"sv, "sync"sv,    "syscall"sv,  "os"sv,       "io"sv,         "fmt"sv,    "reflect"sv,
    "time"sv,      "unicode"sv,  "strconv"sv, "math"sv,     "errors"sv,   "sort"sv,       "bytes"sv,  "strings"sv,
    "bufio"sv,     "context"sv,  "net"sv,     "crypto"sv,   "encoding"sv, "log"sv,        "path"sv,   "testing"sv,
    "flag"sv,      "regexp"sv,   "hash"sv,    "compress"sv, "text"sv,     "html"sv,       "vendor"sv, "type"sv,
    "go"sv,        "unsafe"sv,   "iter"sv,    "slices"sv,   "maps"sv,     "cmp"sv,        "embed"sv,  "archive"sv,
    "container"sv, "database"sv, "debug"sv,   "image"sv,    "index"sv,    "mime"sv,       "plugin"sv, "expvar"sv,
    "unique"sv,    "weak"sv,     "structs"sv, "gosave"sv,   "gogo"sv,     "aeshashbody"sv};

// Behind _Z: what a nested name is written with before its first part.
std::string_view first_part(std::string_view mangled) {
  if (!mangled.starts_with('N')) return mangled;
  mangled.remove_prefix(1);
  const std::size_t begin = mangled.find_first_not_of("rVKRO");
  return mangled.substr(begin == std::string_view::npos ? mangled.size() : begin);
}

// The older mangling of Rust ends with a hash as its last part: "17h0123456789abcdefE".
bool is_rust(std::string_view mangled) {
  return mangled.size() > 20 && mangled.ends_with('E') && mangled.substr(mangled.size() - 20).starts_with("17h");
}

}  // namespace

FunctionOwner owner_of(std::string_view symbol) {
  if (symbol.empty() || starts_with_one_of(symbol, made)) return FunctionOwner::nobody;
  if (symbol.starts_with("_R")) return FunctionOwner::test;
  if (!symbol.starts_with("_Z")) return symbol.front() == '_' ? FunctionOwner::nobody : FunctionOwner::test;
  const std::string_view part = first_part(symbol.substr(2));
  if (is_rust(symbol) && starts_with_one_of(part, rust_crates)) return FunctionOwner::nobody;
  if (!starts_with_one_of(part, library_namespaces)) return FunctionOwner::test;
  return symbol.find("atomic") == std::string_view::npos ? FunctionOwner::library : FunctionOwner::test;
}

FunctionOwner owner_of_go(std::string_view symbol) {
  if (symbol.empty() || symbol.front() == '_' || symbol.find('.') == std::string_view::npos)
    return FunctionOwner::nobody;
  if (symbol.starts_with("type:") || symbol.starts_with("go:")) return FunctionOwner::nobody;
  const std::string_view package = symbol.substr(0, symbol.find_first_of("./"));
  const bool is_standard = std::find(go_packages.begin(), go_packages.end(), package) != go_packages.end();
  // "sync.example.com/x" has a point in its first part, which no package of the standard library has.
  const std::size_t slash = symbol.find('/');
  const bool has_host = slash != std::string_view::npos &&
                        symbol.substr(0, slash).find('.') != std::string_view::npos &&
                        symbol.substr(0, slash).find('(') == std::string_view::npos;
  return is_standard && !has_host ? FunctionOwner::nobody : FunctionOwner::test;
}

std::string without_parameters(std::string name) {
  const std::size_t end = name.rfind(')');
  if (end == std::string::npos) return name;
  int depth = 0;
  for (std::size_t at = end + 1; at-- > 0;) {
    if (name[at] == ')') ++depth;
    if (name[at] == '(' && --depth == 0) {
      // "(anonymous namespace)" and Go's "main.(*Queue).Push" are no parameters.
      const bool is_part = name.compare(at, 11, "(anonymous ") == 0 || name.compare(at, 2, "(*") == 0;
      return is_part ? name : name.erase(at);
    }
  }
  return name;
}

std::string readable_name(const std::string& symbol) {
  if (!symbol.starts_with("_Z")) return symbol;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text{abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                         &std::free};
  return text == nullptr ? symbol : without_parameters(text.get());
}

std::vector<std::string> near_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("function ")) line.remove_prefix(9);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    names.push_back(without_parameters(std::string{line}));
  }
  return names;
}

bool is_near(const std::string& symbol, const std::vector<std::string>& names) {
  const std::string readable = readable_name(symbol);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return symbol.find(name) != std::string::npos || readable.find(name) != std::string::npos;
  });
}

}  // namespace ndr::hold
