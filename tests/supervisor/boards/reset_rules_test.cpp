#include "supervisor/boards/reset_rules.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

ResetObservation good() {
  ResetObservation seen;
  seen.board = "0";
  seen.devices_before = {"0", "1"};
  seen.devices_after = {"0", "1"};
  seen.exit_code = 0;
  seen.output = "\x1b[32mResetting all PCI devices: [0]\x1b[0m\n Re-initializing boards after reset....\n";
  return seen;
}

}  // namespace

TEST_CASE("a reset is verified by its exit, its words and the same devices") {
  CHECK(judge_reset(good()) == ResetFinding{ResetResult::verified, ""});
}

TEST_CASE("exit status 0 proves nothing when the words say otherwise") {
  for (const char* text :
       {"error | UMD | Reset failed.", "Timeout waiting for device at BDF 0000:0a:00.0 to reappear",
        "Config space reset not completed for device 0", "Refclk didn't reset",
        "\x1b[31mError when \x1b[1mre-initializing chips!\x1b[0m", "Error accessing board at PCI index 0"}) {
    ResetObservation seen = good();
    seen.output += text;
    INFO(text);
    CHECK(judge_reset(seen).result == ResetResult::failed);
  }
}

TEST_CASE("a device that is gone, or another one, is a failed reset") {
  ResetObservation seen = good();
  seen.devices_after = {"0"};
  CHECK(judge_reset(seen).reason == "the devices are not the same: {0, 1} before, {0} after");
  seen.devices_after = {};
  CHECK(judge_reset(seen).result == ResetResult::failed);
  seen.devices_after = {"0", "2"};
  CHECK(judge_reset(seen).result == ResetResult::failed);
}

TEST_CASE("a command that fails, dies, hangs or cannot start is a failed reset") {
  ResetObservation seen = good();
  seen.exit_code = 1;
  seen.output = "looking for devices\nno permission\n\n";
  CHECK(judge_reset(seen) == ResetFinding{ResetResult::failed, "the reset command ended with 1: no permission"});
  seen = good();
  seen.exit_code.reset();
  seen.term_signal = 11;
  CHECK(judge_reset(seen).reason == "signal 11 ended the reset command");
  seen = good();
  seen.timed_out = true;
  CHECK(judge_reset(seen).result == ResetResult::failed);
  seen = good();
  seen.start_error = "the program tt-smi is not found";
  CHECK(judge_reset(seen).reason == "the program tt-smi is not found");
}

TEST_CASE("what cannot be shown is unverified") {
  ResetObservation seen = good();
  seen.unready = "it ended with 1";
  CHECK(judge_reset(seen) == ResetFinding{ResetResult::unverified, "the readiness probe: it ended with 1"});
  seen = good();
  seen.exit_code.reset();
  CHECK(judge_reset(seen).result == ResetResult::unverified);
}

TEST_CASE("a reset whose target is not there afterwards has failed, whatever else is") {
  ResetObservation seen = good();
  seen.devices_before = seen.devices_after = {"1"};
  CHECK(judge_reset(seen) == ResetFinding{ResetResult::failed, "board 0 is not there after it: {1}"});
  seen.devices_before = seen.devices_after = {};
  CHECK(judge_reset(seen).result == ResetResult::failed);
}

TEST_CASE("a reset always names its target") {
  CHECK(reset_target("/dev/tenstorrent", "3", true) == "/dev/tenstorrent/3");
  CHECK(reset_target("/dev/tenstorrent", "3", false) == "3");
}
