#include "supervisor/arms/hold/access_index.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <numeric>

namespace ndr::hold {
namespace {

std::size_t sum(const std::array<std::uint64_t, access_kinds>& counts) {
  return static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
}

std::string beside_this_program(const char* name) {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return name;
  std::string text{path, static_cast<std::size_t>(size)};
  return text.substr(0, text.rfind('/') + 1) + name;
}

// Runs ndrepro-hold-index with its output in `file`; whether it did its work.
bool make_index(const std::string& program, const std::string& near, int file) {
  const std::string maker = beside_this_program("ndrepro-hold-index");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(file, STDOUT_FILENO);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDERR_FILENO);
    const char* words[] = {maker.c_str(), program.c_str(), near.empty() ? nullptr : near.c_str(), nullptr};
    ::execv(maker.c_str(), const_cast<char* const*>(words));
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Names are of another file as soon as they are written anew: the file's time is enough.
std::string index_name(const struct stat& program, const std::string& near) {
  char name[256];
  struct stat names {};
  const bool has_names = !near.empty() && ::stat(near.c_str(), &names) == 0;
  std::snprintf(name, sizeof name, "index-%llx-%llu-%lld-%lld.%09ld-%lld.%09ld",
                static_cast<unsigned long long>(program.st_dev), static_cast<unsigned long long>(program.st_ino),
                static_cast<long long>(program.st_size), static_cast<long long>(program.st_mtim.tv_sec),
                program.st_mtim.tv_nsec, has_names ? static_cast<long long>(names.st_mtim.tv_sec) : 0,
                has_names ? names.st_mtim.tv_nsec : 0L);
  return name;
}

std::shared_ptr<AccessIndex> mapped_and_closed(int file) {
  if (file < 0) return nullptr;
  auto index = AccessIndex::mapped(file);
  ::close(file);
  return index;
}

}  // namespace

std::string index_bytes(const ProgramAccesses& program) {
  IndexHeader header;
  header.entry = program.entry;
  for (const MemoryAccess& access : program.accesses)
    ++header.counts[static_cast<std::size_t>(access.kind)];
  std::string bytes{reinterpret_cast<const char*>(&header), sizeof header};
  for (std::size_t kind = 0; kind < access_kinds; ++kind) {
    for (const MemoryAccess& access : program.accesses) {
      if (static_cast<std::size_t>(access.kind) != kind) continue;
      const std::uint64_t word = access.address << 8 | access.first_byte;
      bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
  }
  bytes.append(program.accesses.size() * sizeof(AccessHistory), '\0');
  return bytes;
}

std::shared_ptr<AccessIndex> AccessIndex::mapped(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || status.st_size < static_cast<off_t>(sizeof(IndexHeader))) return nullptr;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (bytes == MAP_FAILED) return nullptr;
  std::shared_ptr<AccessIndex> index{new AccessIndex(static_cast<std::byte*>(bytes), size)};
  const std::size_t each = sizeof(std::uint64_t) + sizeof(AccessHistory);
  const bool is_whole = index->header().magic == IndexHeader::magic_text && index->count() <= size / each &&
                        size == sizeof(IndexHeader) + index->count() * each;
  return is_whole ? index : nullptr;
}

AccessIndex::~AccessIndex() { ::munmap(bytes_, size_); }

std::size_t AccessIndex::count() const { return sum(header().counts); }

std::span<AccessHistory> AccessIndex::histories() const {
  return {reinterpret_cast<AccessHistory*>(bytes_ + sizeof(IndexHeader) + count() * sizeof(std::uint64_t)), count()};
}

std::shared_ptr<AccessIndex> index_of_process(int pid, const std::string& folder, const std::string& near) {
  const std::string program = "/proc/" + std::to_string(pid) + "/exe";
  struct stat status {};
  if (::stat(program.c_str(), &status) != 0) return nullptr;
  if (folder.empty()) {
    const int file = ::memfd_create("index", MFD_CLOEXEC);
    const bool is_made = file >= 0 && make_index(program, near, file);
    auto index = mapped_and_closed(file);
    return is_made ? index : nullptr;
  }
  const std::string path = folder + "/" + index_name(status, near);
  if (auto known = mapped_and_closed(::open(path.c_str(), O_RDWR | O_CLOEXEC))) return known;
  const std::string fresh = path + ".new-" + std::to_string(::getpid());
  const int file = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  if (!make_index(program, near, file)) {
    const std::string empty = index_bytes({});
    if (::ftruncate(file, 0) != 0 || ::pwrite(file, empty.data(), empty.size(), 0) < 0) ::unlink(fresh.c_str());
  }
  ::rename(fresh.c_str(), path.c_str());
  return mapped_and_closed(file);
}

}  // namespace ndr::hold
