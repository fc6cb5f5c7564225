#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/formats_tt.hpp"

namespace ndr {

/// "SIGSEGV" of "Segmentation fault", of "SIGSEGV" and of "signal 11"; empty where the words name no signal.
std::string signal_name(std::string_view words);
/// The signal of an exit status above 128; empty for others.
std::string signal_of_exit(int code);

/// A process that the shell reports as killed from outside: "Terminated", "Killed".
struct KilledProcess {
  KeptLine seen;
  std::string signal;
  std::string command;  // empty where the shell does not say
};

/// Reads how processes die: std::terminate, failed assert(), glibc's heap checks, sanitizer reports, Python's
/// faulthandler, Open MPI's signal report, the shell's last word. Several lines of one death are one fault; the first
/// process that dies counts.
class CrashReader {
public:
  bool read(const LogLine& line);
  bool open() const { return open_; }
  std::optional<Fault> fault() const;
  const std::optional<KilledProcess>& killed() const { return killed_; }
  bool has_news() const { return death_ || killed_; }
  void forget();

private:
  enum class Stack { none, other_thread, current_thread, native };
  struct Death {
    KeptLine seen;
    std::optional<KeptLine> headline;     // what says most: glibc, sanitizer, assert, faulthandler
    MaybeSourced<std::string> exception;  // of std::terminate
    MaybeSourced<std::string> what;
    std::string what_stamp;
    MaybeSourced<std::string> signal;
    MaybeSourced<std::string> place;  // of assert() and sanitizers
    MaybeSourced<std::string> command;
    std::optional<TtThrow> thrown;
    bool asserted = false;
    std::vector<StackFrame> python_stack;  // innermost first here
    std::vector<StackFrame> last_thread;   // of those that are not the current one
    std::vector<StackFrame> native_stack;
  };
  Death& death(const LogLine& line);
  bool read_start(const LogLine& line);
  bool read_terminate(const LogLine& line);
  bool read_assert(const LogLine& line);
  bool read_sanitizer(const LogLine& line);
  bool read_fatal(const LogLine& line);
  bool read_shell(const LogLine& line);
  bool read_follow_up(const LogLine& line);
  bool read_frame(const LogLine& line);
  void set_headline(const LogLine& line);
  bool mine(const LogLine& line) const;

  bool open_ = false;
  int lines_left_ = 0;
  bool awaits_what_ = false;
  Stack stack_ = Stack::none;
  TtThrowReader thrown_;
  std::optional<Death> death_;
  std::optional<KilledProcess> killed_;
};

}  // namespace ndr
