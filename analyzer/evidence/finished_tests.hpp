#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// What a test's process had run before it.
struct TestsBefore {
  std::uint64_t count = 0;
  std::vector<Sourced<std::string>> names;  // the last of them, in their order
  std::string last_stamp;                   // when the last of them ended; empty where the log has no stamps
};

/// The tests that ended, by process ("" for a lone one, gw2 for a pytest worker). Remembers the names of the last few
/// of all processes, and counts the others: a log of any length costs the same memory.
class FinishedTests {
public:
  void add(std::string_view process, std::string_view test, std::string_view stamp, const Origin& origin);
  TestsBefore before(std::string_view process) const;
  void forget();

private:
  static constexpr std::size_t most_remembered = 256;
  static constexpr std::size_t most_named = 32;
  static constexpr std::size_t most_processes = 256;
  struct Test {
    std::string process;
    std::string name;
    std::string stamp;
    Origin origin;
  };
  std::vector<Test> ring_;
  std::size_t next_ = 0;  // slot of the ring, once it is full
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace ndr
