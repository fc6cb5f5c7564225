#include "analyzer/evidence/finished_tests.hpp"

#include <algorithm>

#include "analyzer/evidence/formats.hpp"

namespace ndr {

void FinishedTests::add(std::string_view process, std::string_view test, std::string_view stamp, const Origin& origin) {
  const auto count = counts_.find(process);
  if (count != counts_.end())
    ++count->second;
  else if (counts_.size() < most_processes)
    counts_.emplace(process, 1);
  if (ring_.size() < most_remembered) {
    ring_.push_back({std::string{process}, std::string{test}, std::string{stamp}, origin});
    return;
  }
  Test& slot = ring_[next_];  // its strings keep their memory
  slot.process.assign(process);
  slot.name.assign(test);
  slot.stamp.assign(stamp);
  slot.origin = origin;
  next_ = (next_ + 1) % most_remembered;
}

TestsBefore FinishedTests::before(std::string_view process) const {
  TestsBefore found;
  const auto count = counts_.find(process);
  if (count != counts_.end()) found.count = count->second;
  for (std::size_t back = 1; back <= ring_.size() && found.names.size() < most_named; ++back) {
    const Test& test = ring_[(next_ + ring_.size() - back) % ring_.size()];
    if (test.process != process) continue;
    if (found.names.empty()) found.last_stamp = test.stamp;
    found.names.push_back(sourced(test.name, test.origin));
  }
  std::reverse(found.names.begin(), found.names.end());
  return found;
}

void FinishedTests::forget() {
  ring_.clear();
  next_ = 0;
  counts_.clear();
}

}  // namespace ndr
