#include "storage/state_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

namespace ndr {
namespace {

int open_lock(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) throw std::system_error{errno, std::generic_category(), "open " + file.string()};
  return fd;
}

// 0, or the errno of flock.
int try_lock(int fd) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// "process 42 (ndreprod)"; a holder that has not written its pid yet is "another process".
std::string holder(const std::filesystem::path& file) {
  int pid = 0;
  if (!(std::ifstream{file} >> pid) || pid <= 0) return "another process";
  std::string name;
  std::getline(std::ifstream{"/proc/" + std::to_string(pid) + "/comm"}, name);
  return "process " + std::to_string(pid) + (name.empty() ? "" : " (" + name + ")");
}

void write_holder(int fd, const std::filesystem::path& file) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    throw std::system_error{errno, std::generic_category(), "write " + file.string()};
}

}  // namespace

StateLock::StateLock(const std::filesystem::path& folder) : file_(open_lock(folder / "lock")) {
  const std::filesystem::path file = folder / "lock";
  const int error = try_lock(file_.get());
  if (error == EWOULDBLOCK)
    throw StateLocked{"the state folder " + folder.string() + " is in use by " + holder(file) +
                      "; stop it, or choose another state_folder"};
  if (error != 0) throw std::system_error{error, std::generic_category(), "flock " + file.string()};
  write_holder(file_.get(), file);
}

}  // namespace ndr
