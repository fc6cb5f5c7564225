#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <random>

#include "storage/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

// Appends events and writes each id to the pipe once its commit has returned: an acknowledgement.
void append_and_acknowledge(const std::filesystem::path& file, int pipe) {
  Store store{file};
  for (int i = 0;; ++i) {
    EventId id;
    const auto append = [&] { id = store.events.append({.at_ms = i, .type = "t", .body = std::string(200, 'b')}); };
    i % 4 == 3 ? store.quick_transaction(append) : store.transaction(append);
    if (::write(pipe, &id.value, sizeof id.value) != sizeof id.value) ::_exit(2);
  }
}

std::int64_t last_acknowledged(const std::string& bytes) {
  std::int64_t id = 0;
  const std::size_t whole = bytes.size() / sizeof id;
  if (whole > 0) std::memcpy(&id, bytes.data() + (whole - 1) * sizeof id, sizeof id);
  return id;
}

// Reads what comes until `microseconds` have passed since the first acknowledgement.
std::string read_for(const ChildProcess& child, int microseconds) {
  std::string bytes = child.read(sizeof(std::int64_t));
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds{microseconds};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return bytes;
    const timespec wait{0, left.count()};
    pollfd readable{child.output(), POLLIN, 0};
    if (::ppoll(&readable, 1, &wait, nullptr) > 0) bytes += child.read(sizeof(std::int64_t));
  }
}

// All ids from 1 to the last one, without a gap.
std::int64_t dense_count(Store& store) {
  std::int64_t count = 0;
  for (auto page = store.events.after({0}, 5000); !page.empty(); page = store.events.after({count}, 5000))
    for (const auto& row : page)
      REQUIRE(row.id.value == ++count);
  return count;
}

}  // namespace

TEST_CASE("no acknowledged row is lost when the process is killed at any moment") {
  const unsigned seed = std::random_device{}();
  std::cout << "durability seed " << seed << std::endl;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  TempFolder folder;
  const auto file = folder / "db";
  std::int64_t acknowledged = 0;
  for (int round = 0; round < 60; ++round) {
    ChildProcess child{[&](int pipe) { append_and_acknowledge(file, pipe); }};
    std::string bytes = read_for(child, static_cast<int>(random() % 20000));
    child.kill();
    bytes += child.read(1 << 20);  // what it had acknowledged before its end
    const std::int64_t last = last_acknowledged(bytes);
    REQUIRE(last > acknowledged);
    acknowledged = last;
    Store store{file};
    const std::int64_t kept = dense_count(store);
    REQUIRE(kept >= acknowledged);
    REQUIRE(kept <= acknowledged + 1);  // committed, and killed before the acknowledgement
    acknowledged = kept;
  }
  std::cout << "60 kills, " << acknowledged << " rows kept" << std::endl;
}

TEST_CASE("the time of a FULL commit", "[.][figures]") {
  TempFolder folder;
  Store store{folder / "db"};
  std::vector<std::int64_t> microseconds;
  for (int i = 0; i < 3000; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    store.transaction([&] { store.events.append({.at_ms = i, .type = "t", .body = "{}"}); });
    const auto took = std::chrono::steady_clock::now() - begin;
    microseconds.push_back(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::cout << "FULL commit: median " << microseconds[1500] << " us, p99 " << microseconds[2970] << " us\n";
  CHECK(microseconds.front() > 0);
}
