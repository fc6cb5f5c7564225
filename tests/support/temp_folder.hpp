#pragma once
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace ndr {

/// A fresh folder of this test's own (below $TMPDIR or /tmp), removed with all in it at the end of the scope.
class TempFolder {
public:
  TempFolder() {
    std::string name = std::filesystem::temp_directory_path() / "ndrepro-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error{errno, std::generic_category(), "mkdtemp " + name};
    path_ = std::filesystem::canonical(name);
  }
  ~TempFolder() {
    std::error_code ignored;  // a test may have taken rights away; the folder is only litter then
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

private:
  std::filesystem::path path_;
};

}  // namespace ndr
