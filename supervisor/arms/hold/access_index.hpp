#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "supervisor/arms/hold/draw.hpp"
#include "supervisor/arms/hold/elf_program.hpp"

namespace ndr::hold {

/// A program's accesses as a file, made by ndrepro-hold-index: this header, then for each access its address (56 bits,
/// above) and the first byte of its instruction (8 bits, below), in the order of draw_accesses(); then their
/// AccessHistory, which runs change.
struct IndexHeader {
  static constexpr std::uint64_t magic_text = 0x3178692d72646eULL;  // "ndr-ix1"
  std::uint64_t magic = magic_text;
  std::uint64_t entry = 0;
  std::array<std::uint64_t, access_kinds> counts{};
};

/// The whole file's bytes.
std::string index_bytes(const ProgramAccesses& program);

/// One index, mapped for reading and for its histories. Runs beside each other change them without a lock: a lost
/// count is of no weight.
class AccessIndex {
public:
  /// Null where the file is none of this form.
  static std::shared_ptr<AccessIndex> mapped(int file);
  ~AccessIndex();
  AccessIndex(const AccessIndex&) = delete;
  AccessIndex& operator=(const AccessIndex&) = delete;

  const IndexHeader& header() const { return *reinterpret_cast<const IndexHeader*>(bytes_); }
  std::uint64_t address(std::size_t number) const { return words()[number] >> 8; }
  std::uint8_t first_byte(std::size_t number) const { return static_cast<std::uint8_t>(words()[number] & 0xff); }
  std::span<AccessHistory> histories() const;

private:
  AccessIndex(std::byte* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  std::size_t count() const;
  const std::uint64_t* words() const { return reinterpret_cast<const std::uint64_t*>(bytes_ + sizeof(IndexHeader)); }

  std::byte* bytes_;
  std::size_t size_;
};

/// The index of the program that process `pid` has just begun to run: from `folder`, or made anew by
/// ndrepro-hold-index beside this program and left there (empty: nothing is kept). `near`: path of the file of
/// names, or empty. Null where it cannot be made; then an empty one is left, so that no run tries again.
std::shared_ptr<AccessIndex> index_of_process(int pid, const std::string& folder, const std::string& near);

}  // namespace ndr::hold
