#include "api/log_range.hpp"

#include <fcntl.h>

#include "storage/unique_fd.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

namespace ndr {
namespace {

std::optional<ByteRange> range(const std::string& header, std::uint64_t size) {
  return byte_range_from(header, size).value();
}

TEST_CASE("one range of bytes is read in its three forms") {
  CHECK(range("bytes=0-0", 10) == ByteRange{0, 1});
  CHECK(range("bytes=2-5", 10) == ByteRange{2, 6});
  CHECK(range("bytes=2-", 10) == ByteRange{2, 10});
  CHECK(range("bytes=2-99", 10) == ByteRange{2, 10});
  CHECK(range("bytes=-3", 10) == ByteRange{7, 10});
  CHECK(range("bytes=-99", 10) == ByteRange{0, 10});
  CHECK(range("bytes=0-18446744073709551615", 10) == ByteRange{0, 10});
}

TEST_CASE("what is no single range of bytes is ignored") {
  for (const std::string header : {"", "lines=1-2", "bytes=", "bytes=-", "bytes=5", "bytes=5-2", "bytes=a-b",
                                   "bytes=0-1,4-5", "bytes= 0-1", "bytes=0-18446744073709551616"}) {
    CAPTURE(header);
    CHECK_FALSE(range(header, 10));
  }
}

TEST_CASE("a range behind the end is not satisfiable and says how long the log is") {
  for (const std::string header : {"bytes=10-", "bytes=11-20", "bytes=-0"}) {
    const auto answer = byte_range_from(header, 10);
    REQUIRE(answer.has_error());
    CHECK(answer.error().status() == 416);
    CHECK(find_header(answer.error().headers, "Content-Range") == "bytes */10");
  }
  CHECK(byte_range_from("bytes=-5", 0).has_error());
  CHECK(byte_range_from("bytes=0-", 0).has_error());
}

Request request_for(const std::string& target, std::vector<Header> headers = {}) {
  Request request;
  request.target = target_from(target).value();
  request.headers = std::move(headers);
  return request;
}

TEST_CASE("tail and Range do not go together") {
  CHECK(log_request_from(request_for("/?tail=20&follow=1"))->tail == 20);
  CHECK(log_request_from(request_for("/?follow=1", {{"Range", "bytes=5-"}}))->follow);
  CHECK(log_request_from(request_for("/?tail=20", {{"Range", "bytes=5-"}})).error().status() == 400);
  CHECK(log_request_from(request_for("/?tail=0")).has_error());
  CHECK(log_request_from(request_for("/?grep=x")).has_error());
}

class OpenText {
public:
  explicit OpenText(const std::string& text) : size_(text.size()) {
    fd_.reset(::open((folder_ / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::uint64_t tail(std::uint64_t lines) const { return tail_offset(fd_.get(), size_, lines); }

private:
  TempFolder folder_;
  UniqueFd fd_;
  std::uint64_t size_;
};

TEST_CASE("the tail begins where the last lines begin") {
  const OpenText text{"one\ntwo\nthree\n"};
  CHECK(text.tail(1) == 8);
  CHECK(text.tail(2) == 4);
  CHECK(text.tail(3) == 0);
  CHECK(text.tail(99) == 0);
}

TEST_CASE("a last line without its newline counts") {
  const OpenText text{"one\ntwo\nthr"};
  CHECK(text.tail(1) == 8);
  CHECK(text.tail(2) == 4);
  CHECK(OpenText{""}.tail(5) == 0);
  CHECK(OpenText{"\n\n\n"}.tail(2) == 1);
}

TEST_CASE("the tail is found across blocks") {
  std::string text;
  for (int i = 0; i < 50000; ++i)
    text += "line " + std::to_string(i) + "\n";
  const OpenText log{text};
  for (const std::uint64_t lines : {1u, 1000u, 7000u, 40000u}) {
    std::size_t begin = text.size();
    for (std::uint64_t i = 0; i < lines; ++i)
      begin = text.rfind('\n', begin - 2) + 1;
    CHECK(log.tail(lines) == begin);
  }
}

}  // namespace
}  // namespace ndr
