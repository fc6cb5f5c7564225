#include "supervisor/shim/standard_fds.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void tidy_fds(int last_kept) {
  const auto first = static_cast<unsigned>(last_kept + 1);
  if (::syscall(SYS_close_range, first, ~0u, 0) != 0) {  // before Linux 5.9
    for (int fd = last_kept + 1; fd < 1024; ++fd)
      ::close(fd);
  }
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDWR);  // takes the lowest number, which is this one
  }
  if (last_kept > 2) ::fcntl(last_kept, F_SETFD, FD_CLOEXEC);
}

Checked<std::string> standard_input() {
  std::string text;
  if (::isatty(0) != 0) return {boost::system::in_place_value, std::move(text)};
  std::array<char, 16384> piece;
  while (text.size() <= standard_input_limit) {
    const ssize_t got = ::read(0, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error{errno, std::generic_category(), "read standard input"};
    if (got == 0) return {boost::system::in_place_value, std::move(text)};
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return Refusal{"standard input", "is larger than 4 MiB", ""};
}

void write_output(std::string_view text) {
  if (!write_all(1, text)) throw std::system_error{errno, std::generic_category(), "write standard output"};
}

void complain(const Refusal& refusal) {
  std::string line = "ndreprod-shim: " + to_utf8(to_text(refusal));
  std::replace_if(
      line.begin(), line.end(), [](char byte) { return byte >= 0 && byte < ' '; }, ' ');
  write_all(2, line + "\n");
}

}  // namespace ndr
