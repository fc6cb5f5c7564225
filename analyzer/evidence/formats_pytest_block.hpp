#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/formats.hpp"

namespace ndr {

/// One frame of a pytest traceback: "path:25: " or "path:25: RuntimeError" below its source lines.
struct PytestFrame {
  std::string file;
  std::uint64_t line = 0;
  std::string function;
  std::string statement;  // of the `>` line
  std::string raised;     // exception class on the last frame
  Origin origin;
  Origin statement_origin;
};

/// One exception of a chain, oldest first.
struct PytestPart {
  std::vector<PytestFrame> frames;
  std::vector<KeptLine> errors;  // `E` lines without the mark
};

/// One test's block in the sections FAILURES or ERRORS.
struct PytestBlock {
  std::string title;
  Origin origin;
  bool error = false;  // section ERRORS
  std::string worker;
  std::vector<PytestPart> parts;
  std::vector<KeptLine> notes;  // plain lines that are neither source nor traceback
};

class PytestBlockReader {
public:
  PytestBlockReader(std::string_view title, bool error, const LogLine& line);
  void read(const LogLine& line);
  bool has_content() const;
  /// Of --tb=line: without a title, with one place and its message.
  bool is_one_line() const { return block_.title.empty() && part().frames.size() == 1 && !part().errors.empty(); }
  PytestBlock take();

private:
  bool read_mark(const LogLine& line);
  bool read_place(const LogLine& line);
  bool read_python_frame(const LogLine& line);
  void read_source(std::string_view text);
  PytestPart& part() { return block_.parts.back(); }
  const PytestPart& part() const { return block_.parts.back(); }

  PytestBlock block_;
  std::string function_;
  std::string statement_;
  Origin statement_origin_;
  bool statement_follows_ = false;  // --tb=short prints it below the place
  bool native_ = false;             // frames as Python prints them
  bool captured_ = false;
};

/// The title of a block line "____ test_a[1] ____"; empty for anything else, also for "_ _ _ _".
std::string_view block_title(std::string_view text);

}  // namespace ndr
