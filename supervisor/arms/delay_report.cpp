#include "supervisor/arms/delay_report.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>

#include "storage/unique_fd.hpp"
#include "supervisor/arms/noise/report.hpp"

namespace ndr {
namespace {

using noise::Module;
using noise::Report;
using noise::Site;

constexpr std::size_t most_reports = 16384;
constexpr std::size_t most_kept_sites = 4096;

void add_to(std::uint64_t& sum, std::uint64_t more) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  sum = more > most - sum ? most : sum + more;
}

std::uint64_t word_at(std::string_view bytes, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

/// Absolute, ended within its place, and of printable bytes.
std::optional<std::string> module_path(std::string_view bytes, std::uint64_t index) {
  if (index >= Report::most_modules) return std::nullopt;
  const std::size_t begin = offsetof(Report, modules) + index * sizeof(Module) + offsetof(Module, path);
  const std::string_view place = bytes.substr(begin, sizeof Module::path);
  const std::size_t end = place.find('\0');
  if (end == std::string_view::npos || end == 0 || place[0] != '/') return std::nullopt;
  const std::string_view path = place.substr(0, end);
  const auto is_control = [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; };
  if (std::any_of(path.begin(), path.end(), is_control)) return std::nullopt;
  return std::string{path};
}

void merge_sites(std::vector<DelayedSite>& sites) {
  std::sort(sites.begin(), sites.end(), [](const DelayedSite& one, const DelayedSite& other) {
    return std::tie(one.module, one.offset) < std::tie(other.module, other.offset);
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (kept > 0 && sites[kept - 1].module == sites[i].module && sites[kept - 1].offset == sites[i].offset) {
      add_to(sites[kept - 1].delays, sites[i].delays);
      add_to(sites[kept - 1].delayed_ns, sites[i].delayed_ns);
    } else {
      if (kept != i) sites[kept] = std::move(sites[i]);
      ++kept;
    }
  }
  sites.resize(kept);
}

void add_site(DelayTally& tally, DelayWriter writer, std::string_view bytes, std::size_t begin) {
  const std::uint64_t delays = word_at(bytes, begin + offsetof(Site, delays));
  if (word_at(bytes, begin + offsetof(Site, address)) == 0 || delays == 0) return;
  std::optional<std::string> path = module_path(bytes, word_at(bytes, begin + offsetof(Site, module)));
  std::uint64_t offset = word_at(bytes, begin + offsetof(Site, offset));
  if (writer == DelayWriter::noise) --offset;
  // No module is that large: what is beyond is an address that was never resolved, or nonsense.
  if (!path || offset >= std::uint64_t{1} << 47) {
    add_to(tally.lost, delays);
    return;
  }
  tally.sites.push_back({std::move(*path), offset, delays, word_at(bytes, begin + offsetof(Site, delayed_ns))});
}

std::optional<DelayWriter> writer_of(std::string_view name) {
  std::optional<DelayWriter> writer;
  if (name.starts_with("noise-"))
    writer = DelayWriter::noise;
  else if (name.starts_with("hold-"))
    writer = DelayWriter::hold;
  if (!writer) return std::nullopt;
  const std::string_view number = name.substr(name.find('-') + 1);
  const bool is_pid = !number.empty() && number.size() <= 10 &&
                      std::all_of(number.begin(), number.end(), [](char byte) { return byte >= '0' && byte <= '9'; });
  return is_pid ? writer : std::nullopt;
}

/// The whole file where it is a plain one of a report's size; it may be a pipe, or grow while we read.
std::optional<std::string> report_bytes(int folder, const char* name) {
  const UniqueFd file{::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  struct stat found {};
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  if (found.st_size != static_cast<off_t>(sizeof(Report))) return std::nullopt;
  std::string bytes(sizeof(Report), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t more = ::pread(file.get(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (more <= 0) return std::nullopt;
    got += static_cast<std::size_t>(more);
  }
  return bytes;
}

}  // namespace

bool add_delays(DelayTally& tally, DelayWriter writer, std::string_view bytes) {
  if (bytes.size() != sizeof(Report) || word_at(bytes, offsetof(Report, magic)) != Report::magic_text) {
    ++tally.refused;
    return false;
  }
  ++tally.processes;
  add_to(tally.points, word_at(bytes, offsetof(Report, points)));
  add_to(tally.delays, word_at(bytes, offsetof(Report, delays)));
  add_to(tally.delayed_ns, word_at(bytes, offsetof(Report, delayed_ns)));
  add_to(tally.lost, word_at(bytes, offsetof(Report, lost)));
  for (std::size_t i = 0; i < Report::most_sites; ++i)
    add_site(tally, writer, bytes, offsetof(Report, sites) + i * sizeof(Site));
  // Thousands of processes of one program have the same sites: the list stays small.
  if (tally.sites.size() > 4 * most_kept_sites) finish_delays(tally);
  return true;
}

void finish_delays(DelayTally& tally) {
  merge_sites(tally.sites);
  std::sort(tally.sites.begin(), tally.sites.end(), [](const DelayedSite& one, const DelayedSite& other) {
    return std::tie(other.delayed_ns, other.delays, one.module, one.offset) <
           std::tie(one.delayed_ns, one.delays, other.module, other.offset);
  });
  while (tally.sites.size() > most_kept_sites) {
    add_to(tally.lost, tally.sites.back().delays);
    tally.sites.pop_back();
  }
}

DelayTally read_delays(const std::filesystem::path& folder) {
  DelayTally tally;
  UniqueFd opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!opened) return tally;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::fdopendir(opened.get()), ::closedir};
  if (!entries) return tally;
  const int at = opened.release();  // closedir() closes it
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::optional<DelayWriter> writer = writer_of(entry->d_name);
    if (!writer) continue;
    const bool has_room = tally.processes + tally.refused < most_reports;
    const std::optional<std::string> bytes = has_room ? report_bytes(at, entry->d_name) : std::nullopt;
    if (bytes)
      add_delays(tally, *writer, *bytes);
    else if (++tally.refused >= 4 * most_reports)
      break;
  }
  finish_delays(tally);
  return tally;
}

}  // namespace ndr
