#include "storage/file_system.hpp"

#include <fcntl.h>
#include <sys/vfs.h>

#include <cerrno>
#include <system_error>

namespace ndr {
namespace {

struct Known {
  unsigned long f_type;
  std::string_view name;
};

// linux/magic.h and statfs(2); those of Lustre, GPFS, BeeGFS, PanFS and vboxsf from their own drivers.
constexpr Known network_types[] = {
    {0x6969, "NFS"},      {0xFF534D42, "CIFS"},   {0xFE534D42, "SMB2"},  {0x517B, "SMB"},
    {0x00C36400, "Ceph"}, {0x5346414F, "AFS"},    {0x6B414653, "AFS"},   {0x01021997, "9P"},
    {0x65735546, "FUSE"}, {0x73757245, "Coda"},   {0x564C, "NCP"},       {0x0BD00BD0, "Lustre"},
    {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"}, {0xAAD7AAEA, "PanFS"}, {0x7461636F, "OCFS2"},
    {0x01161970, "GFS2"}, {0x786F4256, "vboxsf"},
};

}  // namespace

std::optional<std::string_view> network_file_system(long f_type) {
  for (const Known& known : network_types) {
    // 32 bits: f_type is signed and sign-extended on some architectures.
    if (known.f_type == (static_cast<unsigned long>(f_type) & 0xFFFFFFFFul)) return known.name;
  }
  return std::nullopt;
}

std::optional<std::string_view> network_file_system(const UniqueFd& file) {
  struct statfs status {};
  if (::fstatfs(file.get(), &status) != 0) {
    throw std::system_error{errno, std::generic_category(), "find the type of the file system"};
  }
  return network_file_system(static_cast<long>(status.f_type));
}

std::optional<std::string_view> network_file_system(std::filesystem::path folder) {
  for (;;) {
    const UniqueFd nearest{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (nearest || !folder.has_relative_path()) return network_file_system(nearest);
    folder = folder.parent_path();
  }
}

}  // namespace ndr
