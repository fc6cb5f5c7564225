#include <fcntl.h>
#include <unistd.h>

#include "supervisor/shim/event_fds.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

void write_all(const std::filesystem::path& fifo, const std::string& text) {
  const UniqueFd writer{::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
  REQUIRE(::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

}  // namespace

TEST_CASE("a writer without an end gets one piece of its requests heard at a time") {
  const TempFolder temp;
  ControlFifo control{temp / "control"};
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += stop_request({1, 2});
  write_all(temp / "control", text);
  std::size_t heard = 0;
  int turns = 0;
  for (std::size_t now = control.take().size(); now > 0; now = control.take().size(), ++turns) {
    CHECK(now <= 4096 / stop_request({1, 2}).size() + 1);
    heard += now;
  }
  CHECK(heard == 1000);
  CHECK(turns == 3);
}

TEST_CASE("a request that comes in two parts is one request") {
  const TempFolder temp;
  ControlFifo control{temp / "control"};
  write_all(temp / "control", "stop 200");
  CHECK(control.take().empty());
  write_all(temp / "control", " 100\n");
  CHECK(control.take() == std::vector<StopLadder>{{200, 100}});
  CHECK(control.take().empty());
}
