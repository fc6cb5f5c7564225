#include "supervisor/shim/own_cgroup.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

const std::string unified = "35 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string v1 = "33 25 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";

}  // namespace

TEST_CASE("our cgroup is found on a unified host") {
  CHECK(cgroup_folder_from(unified, "0::/system.slice/ndreprod.service\n") ==
        "/sys/fs/cgroup/system.slice/ndreprod.service");
  CHECK(cgroup_folder_from(unified, "0::/\n") == "/sys/fs/cgroup/");
}

TEST_CASE("our cgroup is found beside version 1 controllers") {
  const std::string mounts = v1 + "41 25 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  CHECK(cgroup_folder_from(mounts, "4:cpu:/a\n1:name=systemd:/b\n0::/user.slice\n") ==
        "/sys/fs/cgroup/unified/user.slice");
}

TEST_CASE("a mount of a part of the tree is taken into account") {
  const std::string part = "35 25 0:30 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
  CHECK(cgroup_folder_from(part, "0::/docker/abc/x\n") == "/sys/fs/cgroup/x");
  CHECK(cgroup_folder_from(part, "0::/docker/abc\n") == "/sys/fs/cgroup");
  CHECK_FALSE(cgroup_folder_from(part, "0::/docker/abcd\n").has_value());
  CHECK_FALSE(cgroup_folder_from(part, "0::/elsewhere\n").has_value());
}

TEST_CASE("blanks in mount points are unescaped") {
  CHECK(cgroup_folder_from("35 25 0:30 / /a\\040b\\134c rw - cgroup2 cgroup2 rw\n", "0::/x\n") == "/a b\\c/x");
}

TEST_CASE("without cgroup version 2 there is no folder") {
  CHECK_FALSE(cgroup_folder_from(v1, "0::/x\n").has_value());
  CHECK_FALSE(cgroup_folder_from(unified, "4:cpu:/a\n").has_value());
  CHECK_FALSE(cgroup_folder_from(unified, "0::/../outside\n").has_value());
  CHECK_FALSE(cgroup_folder_from("", "").has_value());
  CHECK_FALSE(cgroup_folder_from("nonsense - cgroup2 x\n", "0::/x\n").has_value());
}

TEST_CASE("a recorded path that no shim made is not opened") {
  CHECK_FALSE(OwnCgroup::open("/sys/fs/cgroup", 1).has_value());
  CHECK_FALSE(OwnCgroup::open("/sys/fs/cgroup/unified/system.slice", 1).has_value());
  CHECK_FALSE(OwnCgroup::open("/tmp/ndrepro-x-1-7", 7).has_value());
  CHECK_FALSE(OwnCgroup::open("/sys/fs/cgroup/../../tmp/ndrepro-x-1-7", 7).has_value());
}
