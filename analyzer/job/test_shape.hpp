#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ndr {

/// A place of a test where its failure would not be seen: a skip, an expected failure, a handler of any error.
struct HidingPlace {
  std::uint64_t line = 0;
  std::string text;  // the mark or the call, "except"
};

/// What a test does to its device and to its failure, as scripts/read_test_source.d/shape.py says it: in terms that a
/// stress test can be compared with its original by. Values are Python texts, the same for the same value; with a "?"
/// in front they may be the same as another text.
struct TestShape {
  std::string path;
  std::string name;
  std::uint64_t line = 0;
  std::string fixture_kind;           // as in TestFacts; of a stress test
  std::vector<std::string> fixtures;  // of a stress test those that nothing beside it defines, of the original those
                                      // of the checkout's conftest.py
  std::string own_fixture;            // where the case itself defines the device's fixture
  std::vector<std::string> marks;
  std::map<std::string, std::vector<std::string>> set_up;    // what fixtures are given; no values: not known
  std::map<std::string, std::vector<std::string>> values;    // what the failing id's parameters are given; likewise
  std::optional<std::map<std::string, std::string>> opened;  // arguments of the call that opens the device; none: none
  std::vector<std::string> uses;                             // names, of a stress test
  std::vector<std::string> operations;                       // names, any of which is the failing one; of the original
  std::vector<std::string> loops;                            // what each runs over; of a stress test the original's
  std::vector<HidingPlace> hides;
  std::optional<std::uint64_t> repeats = 1;  // turns of the longest loop; none: not written down
  bool takes_helpers = false;                // of files that were not read
  bool runs_original = false;
};

}  // namespace ndr
