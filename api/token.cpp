#include "api/token.hpp"

#include <sys/random.h>

#include <array>
#include <system_error>

#include "storage/atomic_file.hpp"

namespace ndr {

std::string create_token_files(const std::filesystem::path& folder) {
  std::array<unsigned char, 32> bytes{};
  // Up to 256 bytes come whole once the kernel's pool is ready (getrandom(2)).
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::system_error{errno, std::generic_category(), "getrandom of the token"};
  std::string token;
  for (const unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4];
    token += "0123456789abcdef"[byte & 15];
  }
  write_file_atomically(folder / "token", token + "\n", 0640);
  write_file_atomically(folder / "curl-header", "Authorization: Bearer " + token + "\n", 0640);
  return token;
}

}  // namespace ndr
