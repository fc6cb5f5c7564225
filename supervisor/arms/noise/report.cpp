#include "supervisor/arms/noise/report.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "supervisor/arms/noise/callers.hpp"

namespace ndr::noise {
namespace {

// The program itself goes by the name that it was started by, which need not be a path.
void write_path(char* path, std::size_t size, const char* name) {
  if (name != nullptr && name[0] == '/') {
    std::strncpy(path, name, size - 1);
    return;
  }
  if (::syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, size - 1) < 0 && name != nullptr)
    std::strncpy(path, name, size - 1);
}

std::uint64_t module_of(Report& report, const Dl_info& found) {
  const auto base = reinterpret_cast<std::uint64_t>(found.dli_fbase);
  const std::uint64_t used = report.modules_used.load(std::memory_order_acquire);
  for (std::uint64_t i = 0; i < used && i < Report::most_modules; ++i) {
    if (report.modules[i].base == base) return i;
  }
  const std::uint64_t mine = report.modules_used.fetch_add(1, std::memory_order_acq_rel);
  if (mine >= Report::most_modules) return Report::most_modules;
  Module& module = report.modules[mine];
  module.base = base;
  write_path(module.path, sizeof module.path, found.dli_fname);
  return mine;
}

// The slot of the address, or a free one that becomes its own; null where all are taken.
Site* site_of(Report& report, std::uint64_t address) {
  const std::uint64_t begin = (address >> 2) * 0x9e3779b97f4a7c15U;
  for (std::uint64_t i = 0; i < Report::most_sites; ++i) {
    Site& site = report.sites[(begin + i) % Report::most_sites];
    std::uint64_t known = site.address.load(std::memory_order_acquire);
    if (known == address) return &site;
    if (known != 0) continue;
    if (!site.address.compare_exchange_strong(known, address, std::memory_order_acq_rel)) {
      if (known == address) return &site;
      continue;
    }
    Dl_info found{};
    if (::dladdr(reinterpret_cast<void*>(address), &found) == 0) return &site;
    site.module = module_of(report, found);
    site.offset = address - reinterpret_cast<std::uint64_t>(found.dli_fbase);
    return &site;
  }
  return nullptr;
}

// Without optimisation the caller of a lock is a wrapper of the standard library, and who called that is of interest.
// Yields are too short to look each time.
void add_callers(Report& report, std::uint64_t address, std::uint64_t nap_ns, std::uint64_t delays_before) {
  constexpr std::size_t most_callers = 6;
  constexpr std::uint64_t looks_at_yields = 64;
  if (nap_ns == 0 && delays_before >= looks_at_yields) return;
  std::uint64_t callers[most_callers];
  const std::size_t found = callers_of(address, callers, most_callers);
  for (std::size_t i = 0; i < found; ++i) {
    Site* site = site_of(report, callers[i]);
    if (site != nullptr) site->delays.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

Report* map_report(const char* folder) {
  if (folder[0] == '\0') return nullptr;
  char path[600];
  std::snprintf(path, sizeof path, "%s/noise-%d", folder, static_cast<int>(::getpid()));
  // By system calls: open() and close() are wrapped here.
  const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  Report* report = nullptr;
  if (::syscall(SYS_ftruncate, file, sizeof(Report)) == 0) {
    void* mapped = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(file), 0);
    if (mapped != MAP_FAILED) report = static_cast<Report*>(mapped);
  }
  ::syscall(SYS_close, file);
  if (report != nullptr) report->magic = Report::magic_text;
  return report;
}

void add_delay(Report& report, std::uint64_t address, std::uint64_t nap_ns) {
  report.delays.fetch_add(1, std::memory_order_relaxed);
  report.delayed_ns.fetch_add(nap_ns, std::memory_order_relaxed);
  Site* site = site_of(report, address);
  if (site == nullptr) {
    report.lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::uint64_t before = site->delays.fetch_add(1, std::memory_order_relaxed);
  site->delayed_ns.fetch_add(nap_ns, std::memory_order_relaxed);
  add_callers(report, address, nap_ns, before);
}

}  // namespace ndr::noise
