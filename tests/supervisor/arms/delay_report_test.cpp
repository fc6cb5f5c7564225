#include "supervisor/arms/delay_report.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <string>

#include "supervisor/arms/noise/report.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
using noise::Report;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

std::unique_ptr<Report> empty_report() {
  auto report = std::make_unique<Report>();
  std::memset(static_cast<void*>(report.get()), 0, sizeof(Report));
  report->magic = Report::magic_text;
  return report;
}

void set_site(Report& report, std::size_t slot, std::uint64_t module, std::uint64_t offset, std::uint64_t delays,
              std::uint64_t delayed_ns) {
  report.sites[slot].address = 0x7f0000000000 + offset;
  report.sites[slot].module = module;
  report.sites[slot].offset = offset;
  report.sites[slot].delays = delays;
  report.sites[slot].delayed_ns = delayed_ns;
}

void set_module(Report& report, std::size_t index, const char* path) {
  std::strncpy(report.modules[index].path, path, sizeof report.modules[index].path);
}

std::string bytes_of(const Report& report) { return {reinterpret_cast<const char*>(&report), sizeof(Report)}; }

DelayTally tally_of(const Report& report, DelayWriter writer = DelayWriter::noise) {
  DelayTally tally;
  CHECK(add_delays(tally, writer, bytes_of(report)));
  finish_delays(tally);
  return tally;
}

}  // namespace

TEST_CASE("the reports of all processes of a folder make one tally") {
  TempFolder folder;
  auto report = empty_report();
  report->points = 100;
  report->delays = 3;
  report->delayed_ns = 3000;
  report->lost = 1;
  set_module(*report, 0, "/bin/program");
  set_module(*report, 1, "/lib/library.so");
  set_site(*report, 7, 1, 0x21, 2, 1000);
  set_site(*report, 9, 0, 0x101, 1, 2000);
  std::ofstream{folder / "noise-12"} << bytes_of(*report);
  std::ofstream{folder / "noise-13"} << bytes_of(*report);
  std::ofstream{folder / "hold-13"} << bytes_of(*report);
  std::ofstream{folder / "noise-x"} << "not of a process";
  std::ofstream{folder / "other"} << "other";
  const DelayTally tally = read_delays(folder.path());
  CHECK(tally.processes == 3);
  CHECK(tally.refused == 0);
  CHECK(tally.points == 300);
  CHECK(tally.delays == 9);
  CHECK(tally.delayed_ns == 9000);
  CHECK(tally.lost == 3);
  // The place of noise is before the one that the call returns to.
  CHECK(tally.sites == std::vector<DelayedSite>{{"/bin/program", 0x100, 2, 4000},
                                                {"/lib/library.so", 0x20, 4, 2000},
                                                {"/bin/program", 0x101, 1, 2000},
                                                {"/lib/library.so", 0x21, 2, 1000}});
  CHECK(read_delays(folder / "missing").processes == 0);
}

TEST_CASE("sites that make no sense are lost, whatever a run wrote") {
  auto report = empty_report();
  set_module(*report, 0, "relative/program");
  std::memset(report->modules[1].path, 'x', sizeof report->modules[1].path);  // without an end
  report->modules[1].path[0] = '/';
  set_module(*report, 3, "/bin/\033[31mred");
  set_module(*report, 4, "/bin/good");
  set_site(*report, 0, 0, 5, 1, 1);
  set_site(*report, 1, 1, 5, 2, 1);
  set_site(*report, 2, 2, 5, 4, 1);  // an empty path
  set_site(*report, 3, 3, 5, 8, 1);
  set_site(*report, 4, Report::most_modules, 5, 16, 1);
  set_site(*report, 5, most, 5, 32, 1);
  set_site(*report, 6, 4, 0, 64, 1);  // nothing is before the first byte
  set_site(*report, 7, 4, most, 128, 1);
  set_site(*report, 8, 4, 5, 256, 1);
  const DelayTally tally = tally_of(*report);
  CHECK(tally.lost == 255);
  CHECK(tally.sites == std::vector<DelayedSite>{{"/bin/good", 4, 256, 1}});
}

TEST_CASE("figures do not wrap around") {
  auto report = empty_report();
  report->points = most;
  report->delayed_ns = most - 1;
  set_module(*report, 0, "/bin/good");
  set_site(*report, 0, 0, 5, most, most);
  set_site(*report, 1, 0, 5, most, most);
  DelayTally tally = tally_of(*report);
  CHECK(add_delays(tally, DelayWriter::noise, bytes_of(*report)));
  finish_delays(tally);
  CHECK(tally.points == most);
  CHECK(tally.delayed_ns == most);
  CHECK(tally.sites == std::vector<DelayedSite>{{"/bin/good", 4, most, most}});
}

TEST_CASE("files that are no reports are refused") {
  TempFolder folder;
  auto report = empty_report();
  const std::string good = bytes_of(*report);
  std::ofstream{folder / "noise-1"} << good.substr(0, good.size() - 1);
  std::ofstream{folder / "noise-2"} << good << 'x';
  std::ofstream{folder / "noise-3"};
  std::ofstream{folder / "noise-4"} << std::string(good.size(), 'x');
  std::filesystem::create_directory(folder / "noise-5");
  REQUIRE(::mkfifo((folder / "noise-6").c_str(), 0600) == 0);
  std::ofstream{folder / "elsewhere"} << good;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "noise-7");
  REQUIRE(::truncate((folder / "noise-3").c_str(), off_t{1} << 40) == 0);
  const DelayTally tally = read_delays(folder.path());
  CHECK(tally.refused == 7);
  CHECK(tally.processes == 0);
}

TEST_CASE("random bytes are read without harm") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  DelayTally tally;
  for (int i = 0; i < 200; ++i) {
    auto report = empty_report();
    auto* bytes = reinterpret_cast<unsigned char*>(report.get());
    const std::size_t dense = i % 2 == 0 ? sizeof(Report) : 500;
    for (std::size_t at = 0; at < dense; ++at)
      bytes[random() % sizeof(Report)] = static_cast<unsigned char>(random());
    report->magic = Report::magic_text;
    CHECK(add_delays(tally, i % 3 == 0 ? DelayWriter::hold : DelayWriter::noise, bytes_of(*report)));
  }
  finish_delays(tally);
  CHECK(tally.processes == 200);
  CHECK(tally.sites.size() <= 4096);
}

TEST_CASE("sites beyond the limit are lost") {
  DelayTally tally;
  for (std::size_t process = 0; process < 20; ++process) {
    auto report = empty_report();
    set_module(*report, 0, "/bin/good");
    for (std::size_t slot = 0; slot < Report::most_sites; ++slot)
      set_site(*report, slot, 0, 1 + process * Report::most_sites + slot, 1, 1);
    REQUIRE(add_delays(tally, DelayWriter::noise, bytes_of(*report)));
  }
  finish_delays(tally);
  CHECK(tally.sites.size() == 4096);
  CHECK(tally.lost == 20 * Report::most_sites - 4096);
}
