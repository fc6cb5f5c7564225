#include "supervisor/arms/hold/address_space.hpp"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace ndr::hold {
namespace {

constexpr std::uint8_t trap_instruction = 0xcc;

std::optional<std::uint64_t> entry_in_memory(pid_t pid) {
  const int file = ::open(("/proc/" + std::to_string(pid) + "/auxv").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::array<Elf64_auxv_t, 64> entries{};
  const ssize_t size = ::read(file, entries.data(), sizeof entries);
  ::close(file);
  for (std::size_t i = 0; size > 0 && i < static_cast<std::size_t>(size) / sizeof entries[0]; ++i)
    if (entries[i].a_type == AT_ENTRY) return entries[i].a_un.a_val;
  return std::nullopt;
}

}  // namespace

AddressSpace::~AddressSpace() {
  if (memory_ >= 0) ::close(memory_);
}

void AddressSpace::choose(pid_t pid, std::shared_ptr<AccessIndex> index, std::size_t wanted, Random& random) {
  const auto entry = entry_in_memory(pid);
  if (index == nullptr || !entry) return;
  const std::uint64_t bias = *entry - index->header().entry;
  for (const std::size_t number : draw_accesses(index->header().counts, index->histories(), wanted, random))
    breakpoints_[bias + index->address(number)] = {index->first_byte(number), passes_before_hold(random), false, false,
                                                   number};
  index_ = std::move(index);
}

void AddressSpace::plant(pid_t pid) {
  if (is_planted_ || breakpoints_.empty() || !open_memory(pid)) return;
  is_planted_ = true;
  for (auto& [address, breakpoint] : breakpoints_) {
    std::uint8_t there = 0;
    // What is not as in the file was written since, by the program itself or by a debugger: left alone.
    const bool is_as_linked =
        ::pread(memory_, &there, 1, static_cast<off_t>(address)) == 1 && there == breakpoint.first_byte;
    if (!is_as_linked || !write(address, trap_instruction)) continue;
    breakpoint.is_armed = true;
    AccessHistory& history = index_->histories()[breakpoint.number];
    history = after(history, false);
  }
  std::erase_if(breakpoints_, [](const auto& entry) { return !entry.second.is_armed; });
}

std::shared_ptr<AddressSpace> AddressSpace::copied_to(pid_t child) const {
  auto copy = std::make_shared<AddressSpace>();
  copy->is_planted_ = is_planted_;
  copy->index_ = index_;
  copy->breakpoints_ = breakpoints_;
  copy->is_own_program = is_own_program;
  if (!breakpoints_.empty()) copy->open_memory(child);
  return copy;
}

AddressSpace::Arrival AddressSpace::arrive(pid_t tid, std::uint64_t address) {
  const auto found = breakpoints_.find(address);
  if (!is_planted_ || found == breakpoints_.end()) return Arrival::nothing;
  if (memory_ < 0 && !open_memory(tid)) return Arrival::nothing;
  Breakpoint& breakpoint = found->second;
  // Always: a copied memory may still have the trap though the table it was copied with says otherwise.
  write(address, breakpoint.first_byte);
  if (!breakpoint.is_armed) return Arrival::late;
  if (!std::exchange(breakpoint.is_reached, true)) {
    AccessHistory& history = index_->histories()[breakpoint.number];
    history = after(history, true);
  }
  if (breakpoint.passes_left > 0) {
    --breakpoint.passes_left;
    return Arrival::passes;
  }
  breakpoint.is_armed = false;
  return Arrival::to_be_held;
}

void AddressSpace::set_again(std::uint64_t address) {
  const auto found = breakpoints_.find(address);
  if (found != breakpoints_.end() && found->second.is_armed) write(address, trap_instruction);
}

void AddressSpace::clear(pid_t tid) {
  if (!is_planted_ || (memory_ < 0 && !open_memory(tid))) return;
  for (auto& [address, breakpoint] : breakpoints_) {
    write(address, breakpoint.first_byte);
    breakpoint.is_armed = false;
  }
}

bool AddressSpace::open_memory(pid_t tid) {
  if (memory_ < 0) memory_ = ::open(("/proc/" + std::to_string(tid) + "/mem").c_str(), O_RDWR | O_CLOEXEC);
  return memory_ >= 0;
}

bool AddressSpace::write(std::uint64_t address, std::uint8_t byte) const {
  return ::pwrite(memory_, &byte, 1, static_cast<off_t>(address)) == 1;
}

std::string program_of(pid_t pid) {
  char path[4096];
  const ssize_t size = ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path, sizeof path);
  return size <= 0 ? std::string{} : std::string{path, static_cast<std::size_t>(size)};
}

bool is_system_program(std::string_view path) {
  constexpr std::array<std::string_view, 6> folders{"/usr/", "/bin/", "/sbin/", "/lib", "/opt/", "/snap/"};
  return path.empty() || std::any_of(folders.begin(), folders.end(),
                                     [path](std::string_view folder) { return path.starts_with(folder); });
}

}  // namespace ndr::hold
