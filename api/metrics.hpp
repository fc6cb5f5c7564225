#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ndr {

/// What the API counts of itself. Lives on the I/O thread.
struct Metrics {
  /// By route pattern ("none" for no route) and status.
  std::map<std::pair<std::string, int>, std::uint64_t> requests;
  std::int64_t event_clients = 0;
  std::int64_t connections = 0;
};

/// Adds one for as long as it lives.
class Counted {
public:
  explicit Counted(std::int64_t& gauge) : gauge_(gauge) { ++gauge_; }
  ~Counted() { --gauge_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

private:
  std::int64_t& gauge_;
};

/// Text in the exposition format of Prometheus, version 0.0.4.
class MetricsText {
public:
  /// Starts a family: its HELP and TYPE lines.
  void family(std::string_view name, std::string_view type, std::string_view help);
  /// One sample of the family begun last.
  void sample(const std::map<std::string, std::string>& labels, std::int64_t value);
  const std::string& text() const { return text_; }

private:
  std::string name_;
  std::string text_;
};

}  // namespace ndr
