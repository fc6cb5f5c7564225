#include "supervisor/run/failure_reader.hpp"

#include <fcntl.h>

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;

const std::string failing_session =
    "============================= test session starts ==============================\n"
    "collected 1 item\n"
    "\n"
    "tests/test_counter.py::test_counter FAILED                               [100%]\n"
    "\n"
    "=================================== FAILURES ===================================\n"
    "_________________________________ test_counter _________________________________\n"
    "\n"
    "    def test_counter():\n"
    ">       assert count() == 400\n"
    "E       assert 399 == 400\n"
    "E        +  where 399 = count()\n"
    "\n"
    "tests/test_counter.py:12: AssertionError\n"
    "=========================== short test summary info ============================\n"
    "FAILED tests/test_counter.py::test_counter - assert 399 == 400\n"
    "============================== 1 failed in 0.12s ===============================\n";

std::string filler(std::uint64_t size) {
  const std::string line = "an ordinary line of a run that goes on and on, without anything of note in it\n";
  std::string text;
  text.reserve(size + line.size());
  while (text.size() < size)
    text += line;
  return text;
}

FailureReading read(const std::string& text, std::vector<std::uint64_t> faults = {}) {
  TempFolder folder;
  write_file_atomically(folder / "run_1.log", text);
  const UniqueFd log{::open((folder / "run_1.log").c_str(), O_RDONLY | O_CLOEXEC)};
  boost::asio::io_context io;
  WorkPool pool;
  FailureReader reader{pool};
  return run_coroutine(io, reader.read(log.get(), "logs/run_1.log", std::move(faults)));
}

}  // namespace

TEST_CASE("a log of up to 8 MiB is read whole") {
  CHECK(windows_to_read(0, {}) == std::vector<LogWindow>{{0, 0}});
  CHECK(windows_to_read(8 * mib, {4 * mib}) == std::vector<LogWindow>{{0, 8 * mib}});
}

TEST_CASE("of a larger log the ends and the surroundings of faults are read") {
  CHECK(windows_to_read(100 * mib, {}) == std::vector<LogWindow>{{0, mib}, {99 * mib, 100 * mib}});
  CHECK(windows_to_read(100 * mib, {50 * mib}) ==
        std::vector<LogWindow>{{0, mib}, {50 * mib - 64 * kib, 50 * mib + 256 * kib}, {99 * mib, 100 * mib}});
}

TEST_CASE("windows that touch become one") {
  CHECK(windows_to_read(100 * mib, {10, mib + kib, 99 * mib - 10}) ==
        std::vector<LogWindow>{{0, mib + 257 * kib}, {99 * mib - 10 - 64 * kib, 100 * mib}});
  CHECK(windows_to_read(9 * mib, {200 * mib}) == std::vector<LogWindow>{{0, mib}, {8 * mib, 9 * mib}});
}

TEST_CASE("a flood of faults does not make the reading unbounded") {
  std::vector<std::uint64_t> faults;
  for (std::uint64_t i = 0; i < 10000; ++i)
    faults.push_back(2 * mib + i * mib);
  const auto windows = windows_to_read(20000 * mib, faults);
  CHECK(windows.size() == 2 + 32);
  std::uint64_t total = 0;
  for (const LogWindow& window : windows)
    total += window.end - window.begin;
  CHECK(total <= 2 * mib + 32 * 320 * kib);
}

TEST_CASE("a run's failure is read with its place in the log") {
  const FailureReading reading = read(failing_session);
  CHECK(reading.seen.failure_type == FailureType::assertion);
  CHECK(reading.seen.test_name == "test_counter");
  REQUIRE(reading.error_offset);
  CHECK(failing_session.substr(*reading.error_offset, 9) == "E       a");
}

TEST_CASE("offsets are those of the whole log, not of the windows") {
  const std::string before = filler(20 * mib);
  const std::string text = before + failing_session + filler(20 * mib);
  const std::uint64_t fault = before.size() + failing_session.find("test_counter FAILED");
  const FailureReading reading = read(text, {fault});
  CHECK(reading.seen.failure_type == FailureType::assertion);
  REQUIRE(reading.error_offset);
  CHECK(*reading.error_offset == before.size() + failing_session.find("E       assert"));
  const Match same = match(read(failing_session).seen, reading.seen);
  for (const std::string& reason : same.reasons)
    UNSCOPED_INFO(reason);
  CHECK(same.grade == MatchGrade::exact);
}

TEST_CASE("a passing run and an empty log show no failure") {
  CHECK(read("").seen.failure_type == FailureType::none);
  CHECK_FALSE(read("").error_offset);
  CHECK(read("collected 1 item\ntests/test_a.py::test_a PASSED [100%]\n===== 1 passed in 0.01s =====\n")
            .seen.failure_type == FailureType::none);
}

TEST_CASE("a log that cannot be read is an exception") {
  boost::asio::io_context io;
  WorkPool pool;
  FailureReader reader{pool};
  CHECK_THROWS_AS(run_coroutine(io, reader.read(-1, "x", {})), std::system_error);
  const UniqueFd folder{::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  CHECK_THROWS_AS(run_coroutine(io, reader.read(folder.get(), "x", {})), std::system_error);
}
