// A stand-in for GoogleTest, so that this folder needs no package: TEST, EXPECT_EQ, EXPECT_LT and EXPECT_NO_THROW,
// printed as GoogleTest 1.12 prints them, with --gtest_filter (PATTERN[:PATTERN], * and ?), --gtest_repeat=N and
// --gtest_fail_fast. Not GoogleTest, and not for use elsewhere.
#pragma once

#include <cxxabi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace printed {

struct Test {
  const char* suite;
  const char* name;
  std::function<void()> body;

  std::string full_name() const { return std::string{suite} + "." + name; }
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline bool& failed() {  // whether the test that runs now has failed
  static bool value = false;
  return value;
}

inline bool add(const char* suite, const char* name, std::function<void()> body) {
  tests().push_back({suite, name, std::move(body)});
  return true;
}

inline void fail(const char* file, int line, const std::string& message) {
  failed() = true;
  std::printf("%s:%d: Failure\n%s\n", file, line, message.c_str());
  std::fflush(stdout);
}

inline std::string type_of(const std::exception& error) {
  char* const name = abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, nullptr);
  const std::string text = name ? name : typeid(error).name();
  std::free(name);
  return text;
}

template <typename Left, typename Right>
std::string values(const char* what, const char* left, const Left& a, const char* right, const Right& b) {
  std::ostringstream out;
  out << what << "\n  " << left << "\n    Which is: " << a << "\n  " << right << "\n    Which is: " << b;
  return out.str();
}

inline std::string unexpected(const char* statement, const std::exception& error) {
  return std::string{"Expected: "} + statement + " doesn't throw an exception.\n  Actual: it throws " + type_of(error) +
         " with description \"" + error.what() + "\".";
}

// Whether `name` has the shape of `pattern`, in which * is any text and ? any character.
inline bool has_shape(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*')
    return has_shape(name, pattern.substr(1)) || (!name.empty() && has_shape(name.substr(1), pattern));
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) && has_shape(name.substr(1), pattern.substr(1));
}

inline bool chosen(const std::string& name, std::string_view filter) {
  for (;;) {
    const std::size_t end = filter.find(':');
    if (has_shape(name, filter.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    filter.remove_prefix(end + 1);
  }
}

// Runs one test; true if it passed.
inline bool run(const Test& test) {
  using std::chrono::steady_clock;
  std::printf("[ RUN      ] %s\n", test.full_name().c_str());
  std::fflush(stdout);
  failed() = false;
  const auto start = steady_clock::now();
  try {
    test.body();
  } catch (const std::exception& error) {
    fail("unknown file", 0,
         std::string{"C++ exception with description \""} + error.what() + "\" thrown in the test body.");
  }
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start);
  std::printf("%s %s (%lld ms)\n", failed() ? "[  FAILED  ]" : "[       OK ]", test.full_name().c_str(),
              static_cast<long long>(elapsed.count()));
  std::fflush(stdout);
  return !failed();
}

struct Options {
  std::string filter = "*";
  long repeat = 1;
  bool fail_fast = false;
};

inline Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value_of = [argument](std::string_view name) { return std::string{argument.substr(name.size())}; };
    if (argument.starts_with("--gtest_filter="))
      options.filter = value_of("--gtest_filter=");
    else if (argument.starts_with("--gtest_repeat="))
      options.repeat = std::atol(value_of("--gtest_repeat=").c_str());
    else if (argument == "--gtest_fail_fast")
      options.fail_fast = true;
    else {
      std::fprintf(stderr, "%s: unknown argument %s\n", argv[0], argv[i]);
      std::exit(2);
    }
  }
  return options;
}

inline std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

inline void print_end(std::size_t ran, const std::vector<std::string>& failures) {
  std::printf("[==========] %s ran.\n", counted(ran, "test").c_str());
  std::printf("[  PASSED  ] %s.\n", counted(ran - failures.size(), "test").c_str());
  if (!failures.empty()) {
    std::printf("[  FAILED  ] %s, listed below:\n", counted(failures.size(), "test").c_str());
    for (const std::string& name : failures)
      std::printf("[  FAILED  ] %s\n", name.c_str());
    std::printf("\n %zu FAILED TEST%s\n", failures.size(), failures.size() == 1 ? "" : "S");
  }
  std::fflush(stdout);
}

// One round over the chosen tests; true if all of them passed.
inline bool run_round(const Options& options) {
  std::vector<const Test*> wanted;
  for (const Test& test : tests())
    if (chosen(test.full_name(), options.filter)) wanted.push_back(&test);
  std::printf("[==========] Running %s.\n", counted(wanted.size(), "test").c_str());
  std::vector<std::string> failures;
  std::size_t ran = 0;
  for (const Test* test : wanted) {
    ++ran;
    if (!run(*test)) failures.push_back(test->full_name());
    if (!failures.empty() && options.fail_fast) break;
  }
  print_end(ran, failures);
  return failures.empty();
}

inline int run_all(int argc, char** argv) {
  const Options options = read_options(argc, argv);
  bool all_passed = true;
  for (long round = 1; round <= options.repeat; ++round) {
    if (options.repeat > 1) std::printf("\nRepeating all tests (iteration %ld) . . .\n\n", round);
    all_passed = run_round(options) && all_passed;
    if (!all_passed && options.fail_fast) break;
  }
  return all_passed ? 0 : 1;
}

}  // namespace printed

#define TEST(suite, name)                                                                 \
  static void suite##_##name();                                                           \
  static const bool added_##suite##_##name = printed::add(#suite, #name, suite##_##name); \
  static void suite##_##name()

#define EXPECT_NO_THROW(statement)                                             \
  try {                                                                        \
    statement;                                                                 \
  } catch (const std::exception& error) {                                      \
    printed::fail(__FILE__, __LINE__, printed::unexpected(#statement, error)); \
  }                                                                            \
  static_assert(true)

#define EXPECT_EQ(left, right) \
  if ((left) != (right))       \
  printed::fail(__FILE__, __LINE__, printed::values("Expected equality of these values:", #left, left, #right, right))

#define EXPECT_LT(left, right)      \
  if (!((left) < (right)))          \
  printed::fail(__FILE__, __LINE__, \
                printed::values("Expected: (" #left ") < (" #right "), actual:", #left, left, #right, right))

#define TEST_MAIN \
  int main(int argc, char** argv) { return printed::run_all(argc, argv); }
