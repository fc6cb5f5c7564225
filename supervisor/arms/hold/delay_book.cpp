#include "supervisor/arms/hold/delay_book.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

namespace ndr::hold {

using noise::Module;
using noise::Report;
using noise::Site;

DelayBook::~DelayBook() {
  if (report_ == nullptr) return;
  report_->points.store(points_);
  ::munmap(report_, sizeof(Report));
}

void DelayBook::add(std::uint64_t address, std::uint64_t hold_ns) {
  if (folder_.empty() || !map()) return;
  report_->points.store(points_, std::memory_order_relaxed);
  report_->delays.fetch_add(1, std::memory_order_relaxed);
  report_->delayed_ns.fetch_add(hold_ns, std::memory_order_relaxed);
  Site* site = site_at(address);
  if (site == nullptr) {
    report_->lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  site->delays.fetch_add(1, std::memory_order_relaxed);
  site->delayed_ns.fetch_add(hold_ns, std::memory_order_relaxed);
}

bool DelayBook::map() {
  if (report_ != nullptr) return true;
  const std::string path = folder_ + "/hold-" + std::to_string(pid_);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  if (::ftruncate(file, sizeof(Report)) == 0) {
    void* mapped = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) report_ = static_cast<Report*>(mapped);
  }
  ::close(file);
  if (report_ != nullptr) report_->magic = Report::magic_text;
  return report_ != nullptr;
}

Site* DelayBook::site_at(std::uint64_t address) {
  if (const auto known = sites_.find(address); known != sites_.end()) return known->second;
  if (sites_used_ == Report::most_sites) return nullptr;
  Site* site = &report_->sites[sites_used_++];
  std::uint64_t base = 0;
  site->module = module_at(address, base);
  site->offset = address - base;
  site->address.store(address);
  sites_[address] = site;
  return site;
}

// The file that is mapped there, and where its first byte lies; what is no file has the name the kernel gives it.
std::uint64_t DelayBook::module_at(std::uint64_t address, std::uint64_t& base) {
  std::ifstream maps{"/proc/" + std::to_string(pid_) + "/maps"};
  std::string first_path;
  std::uint64_t first_begin = 0;
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0;
    unsigned long long end = 0;
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %*s %*s %*s %*s %n", &begin, &end, &path_at) < 2) continue;
    const std::string path = line.substr(static_cast<std::size_t>(path_at));
    if (path != first_path || path.empty()) {
      first_path = path;
      first_begin = begin;
    }
    if (address < begin || address >= end) continue;
    base = first_begin;
    const std::uint64_t used = report_->modules_used.load();
    for (std::uint64_t i = 0; i < used; ++i)
      if (report_->modules[i].base == base && path == report_->modules[i].path) return i;
    if (used == Report::most_modules) return used;
    Module& module = report_->modules[used];
    module.base = base;
    std::strncpy(module.path, path.c_str(), sizeof module.path - 1);
    report_->modules_used.store(used + 1);
    return used;
  }
  return Report::most_modules;
}

}  // namespace ndr::hold
