#pragma once
#include <cstdint>
#include <random>
#include <string>

namespace ndr::bench {

/// The output of a stress run as pytest and tt-metal print it, line by line, the same for the same seed:
/// device and operator logging of about 80 bytes, one line in 50 coloured, one in 200 a verdict or an
/// iteration, one in 2000 something alarming (half of it harmless words that no rule may take).
class RunLog {
public:
  explicit RunLog(std::uint64_t seed) : random_(seed) {}

  void append_line(std::string& out) {
    const std::uint64_t draw = next(10000);
    if (draw < 200)
      append_coloured(out);
    else if (draw < 250)
      append_verdict(out);
    else if (draw < 255)
      append_alarm(out);
    else
      append_logging(out);
    out += '\n';
    ++lines_;
  }
  /// What most lines are, without a newline; not counted.
  void append_logging(std::string& out) {
    static const char* const levels[] = {"info     |             Op", "debug    |          Metal",
                                         "info     |           Test", "warning  |             UMD",
                                         "trace    |       Dispatch"};
    static const char* const texts[] = {
        "Enqueue program %, sub-device 0, cores 8x7, runtime args 0x% (enqueue_program.cpp:",
        "Allocating buffer of % B at 0x% in L1, bank count 56 (buffer.cpp:",
        "PCC: 0.99% (mismatch tolerance 0.%) (test_util.cpp:",
        "no error expected; timeout budget % ms, retry 0 of % (test_util.cpp:",
        "Kernel cache hit for hash % after % us (program.cpp:",
        "Conv2d slicing retry: config % failed L1 fit, trying next, width % (op_slicing.cpp:"};
    out += stamp() + " | " + levels[next(5)] + " | ";
    for (const char* c = texts[next(6)]; *c != '\0'; ++c)
      if (*c == '%')
        out += number(100000);
      else
        out += *c;
    out += number(900) + ")";
  }
  std::uint64_t lines() const { return lines_; }

private:
  std::uint64_t next(std::uint64_t below) { return random_() % below; }
  std::string number(std::uint64_t below) { return std::to_string(next(below)); }

  std::string stamp() {
    const std::uint64_t ms = lines_ * 3;
    const auto pad = [](std::uint64_t value, std::size_t width) {
      std::string text = std::to_string(value);
      return std::string(width - std::min(width, text.size()), '0') + text;
    };
    return "2026-04-23 " + pad(ms / 3600000 % 24, 2) + ":" + pad(ms / 60000 % 60, 2) + ":" + pad(ms / 1000 % 60, 2) +
           "." + pad(ms % 1000, 3);
  }
  std::string test_name() {
    static const char* const ops[] = {"gather", "topk", "matmul", "softmax", "tilize", "conv_halo", "timeout_path"};
    const std::string op = ops[next(7)];
    return "tests/ttnn/unit_tests/operations/" + op + "_ext/test_" + op + ".py::test_" + op + "[shape=(1, " +
           number(8) + ", 320, 416)-L1]";
  }

  void append_coloured(std::string& out) {
    out += "\x1b[32m" + stamp() +
           "\x1b[0m | \x1b[1mINFO\x1b[0m     | \x1b[36mtests.ttnn.ops\x1b[0m:\x1b[36mrun:" + number(300) +
           "\x1b[0m - lane " + number(64) + " done in " + number(9000) + " us";
  }
  void append_verdict(std::string& out) {
    switch (next(4)) {
      case 0:
        out += "PASS iteration " + number(5000) + "/5000";
        break;
      case 1:
        out += "\x1b[32m" + test_name() + " PASSED\x1b[0m [ " + number(100) + "%]";
        break;
      case 2:
        out += "[gw" + number(4) + "] [ 42%] PASSED " + test_name() + " ";
        break;
      default:
        out += "PASSED                  Metal | INFO     | Closing device " + number(8);
        break;
    }
  }
  void append_alarm(std::string& out) {
    switch (next(8)) {
      case 0:
        out += stamp() + " | critical |         Always | TT_THROW: TIMEOUT: device timeout, potential hang detected, " +
               "the device is unrecoverable (assert.hpp:104)";
        break;
      case 1:
        out += "\x1b[31mE   RuntimeError: TT_THROW @ /project/tt_metal/impl/dispatch/manager.cpp:" + number(900) +
               ": tt::exception\x1b[0m";
        break;
      case 2:
        out += "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)";
        break;
      case 3:
        out += "FAILED " + test_name() + " - AssertionError: 0.97" + number(10000);
        break;
      case 4:
        out += "  0%|          | 0/50 [00:00<?, ?it/s]\r 50%|#####     | 25/50 [00:01<00:01, 25.0it/s]";
        break;
      case 5:
        out += "searched generated/ for 'TIMEOUT: device timeout' and 'Segmentation fault': 0 files";
        break;
      case 6:
        out += "SKIPPED (unsupported: would hang without FD2)";
        break;
      default:
        out += "git: error: RPC failed; fatal: early EOF; will retry, terminate is not called";
        break;
    }
  }

  std::mt19937_64 random_;
  std::uint64_t lines_ = 0;
};

}  // namespace ndr::bench
