#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "supervisor/arms/hold/access_index.hpp"

namespace ndr::hold {

/// Where a breakpoint was set, and what stood there.
struct Breakpoint {
  std::uint8_t first_byte = 0;
  std::uint8_t passes_left = 0;
  bool is_reached = false;
  bool is_armed = false;   // nobody was held there yet
  std::size_t number = 0;  // in the index
};

/// The breakpoints of one memory: threads and children by vfork share it, a child by fork gets a copy.
/// An entry stays when its byte is put back: another thread may have run into it before and still has to be told.
class AddressSpace {
public:
  AddressSpace() = default;
  ~AddressSpace();
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  /// Draws breakpoints for the program that process `pid` has just begun to run. Nothing is set yet.
  void choose(pid_t pid, std::shared_ptr<AccessIndex> index, std::size_t wanted, Random& random);
  /// Sets what is chosen, once. No other thread may run within this memory: instructions are overwritten.
  void plant(pid_t pid);
  bool has(std::uint64_t address) const { return breakpoints_.contains(address); }
  bool is_planted() const { return is_planted_; }
  /// The memory of `child`, a copy of this one.
  std::shared_ptr<AddressSpace> copied_to(pid_t child) const;

  /// What a thread that stopped at `address` + 1 ran into. Its byte is back then.
  enum class Arrival {
    nothing,  // no breakpoint of ours
    late,     // somebody was held there before
    passes,   // nobody is held yet: the thread goes on by one instruction, then set_again()
    to_be_held,
  };
  Arrival arrive(pid_t tid, std::uint64_t address);
  void set_again(std::uint64_t address);
  /// Puts all bytes back.
  void clear(pid_t tid);

  bool is_own_program = false;  // not a program of the system

private:
  bool open_memory(pid_t tid);
  bool write(std::uint64_t address, std::uint8_t byte) const;

  int memory_ = -1;
  bool is_planted_ = false;
  std::shared_ptr<AccessIndex> index_;
  std::map<std::uint64_t, Breakpoint> breakpoints_;
};

/// The file that process `pid` runs; empty where it cannot be read.
std::string program_of(pid_t pid);
/// Whether a program is of the system, by its path: shells, interpreters, tools.
bool is_system_program(std::string_view path);

}  // namespace ndr::hold
