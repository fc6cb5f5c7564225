#pragma once
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/formats_tt.hpp"

namespace ndr {

/// Reads Python tracebacks outside pytest's own blocks: scripts, servers, tools. The first one counts, and of a chain
/// its first exception.
class TracebackReader {
public:
  bool read(const LogLine& line);
  bool open() const { return open_ || thrown_.open(); }
  const std::optional<Fault>& fault() const { return fault_; }
  void forget();

private:
  void take_thrown();
  void close(const LogLine& line);

  bool open_ = false;
  bool wants_statement_ = false;
  bool ignores_next_ = false;  // "Exception ignored in: ..." stands before it
  bool ignored_ = false;       // so does not count
  std::string process_;
  int lines_left_ = 0;
  KeptLine seen_;
  std::vector<StackFrame> stack_;
  TtThrowReader thrown_;  // the exception's text may be the runtime's, of several lines
  std::optional<Fault> fault_;
};

/// Reads pytest-timeout's thread method: "+++ Timeout +++" and "~~~ Stack of MainThread (1) ~~~".
class TimeoutDumpReader {
public:
  bool read(const LogLine& line);
  bool open() const { return open_; }
  const std::optional<Fault>& fault() const { return fault_; }

private:
  bool open_ = false;
  bool main_thread_ = false;
  std::optional<Fault> fault_;
};

}  // namespace ndr
