#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/api/api_under_test.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace {

struct LogOfOneAttempt {
  ApiUnderTest api;
  AttemptRow attempt = api.add_attempt(api.add_campaign(api.add_case("gather")), 1);
  std::filesystem::path file = api.log_of("gather", 1);
  std::string target = "/v1/cases/gather/attempts/1/log";

  void append(const std::string& text) const { std::ofstream{file, std::ios::app | std::ios::binary} << text; }
  WireReply get(const std::string& query = "", const std::string& header_lines = "") const {
    return api.get(target + query, header_lines);
  }
};

TEST_CASE("a log is served byte for byte") {
  const LogOfOneAttempt log;
  const std::string bytes{"one\n\x1b[31mtwo\xff\0\r\nthree", 20};
  log.append(bytes);
  const WireReply reply = log.get();
  CHECK(reply.status == 200);
  CHECK(reply.body == bytes);
  CHECK(reply.header("content-type") == "text/plain; charset=utf-8");
  CHECK(reply.header("accept-ranges") == "bytes");
  CHECK(reply.header("x-log-offset") == "0");
  CHECK(log.api.get("/v1/attempts/1/log").body == bytes);
  const WireReply head = log.api.connect().request("HEAD", log.target);
  CHECK(head.header("content-length") == std::to_string(bytes.size()));
}

TEST_CASE("a part of a log is served by its range") {
  const LogOfOneAttempt log;
  log.append("0123456789");
  const WireReply middle = log.get("", "Range: bytes=2-5\r\n");
  CHECK(middle.status == 206);
  CHECK(middle.body == "2345");
  CHECK(middle.header("content-range") == "bytes 2-5/10");
  CHECK(middle.header("x-log-offset") == "2");
  CHECK(log.get("", "Range: bytes=8-\r\n").body == "89");
  CHECK(log.get("", "Range: bytes=-1\r\n").body == "9");
  CHECK(log.get("", "Range: bytes=0-1,4-5\r\n").status == 200);
  const WireReply beyond = log.get("", "Range: bytes=10-\r\n");
  CHECK(beyond.status == 416);
  CHECK(beyond.header("content-range") == "bytes */10");
}

TEST_CASE("the last lines of a log are served with their offset") {
  const LogOfOneAttempt log;
  log.append("one\ntwo\nthree\n");
  const WireReply reply = log.get("?tail=2");
  CHECK(reply.body == "two\nthree\n");
  CHECK(reply.header("x-log-offset") == "4");
  CHECK(log.get("?tail=2", "Range: bytes=0-1\r\n").status == 400);
}

TEST_CASE("a large log is served whole, and any part of it") {
  const LogOfOneAttempt log;
  constexpr std::size_t size = 130u << 20;
  log.append("begin\n");
  std::filesystem::resize_file(log.file, size - 4);
  log.append("end\n");
  HttpClient client = log.api.connect();
  client.send("GET " + log.target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const WireReply head = client.read_head();
  CHECK(head.header("content-length") == std::to_string(size));
  std::size_t total = 0;
  std::string last;
  for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) {
    total += piece.size();
    last = (last + piece).substr(last.size() + piece.size() > 4 ? last.size() + piece.size() - 4 : 0);
  }
  CHECK(total == size);
  CHECK(last == "end\n");
  CHECK(log.get("", "Range: bytes=-4\r\n").body == "end\n");
  const WireReply tail = log.get("?tail=1");
  CHECK(tail.body.ends_with("end\n"));
  CHECK(tail.body.size() == 64u << 20);
}

TEST_CASE("a log is followed until its attempt ends") {
  LogOfOneAttempt log;
  log.append("one\n");
  HttpClient client = log.api.connect();
  client.send("GET " + log.target + "?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const WireReply head = client.read_head();
  CHECK(head.header("transfer-encoding") == "chunked");
  CHECK(client.read_chunk() == "one\n");
  log.append("two\n");
  CHECK(client.read_chunk() == "two\n");
  log.append("three");
  log.api.finish_attempt(log.attempt);
  std::string rest;
  for (std::string chunk = client.read_chunk(); !chunk.empty(); chunk = client.read_chunk())
    rest += chunk;
  CHECK(rest == "three");
  // The connection is still good after the end.
  CHECK(client.get("/healthz").status == 200);
}

TEST_CASE("a follower begins at the tail or resumes where it was") {
  LogOfOneAttempt log;
  log.append("one\ntwo\n");
  log.api.finish_attempt(log.attempt);
  CHECK(log.get("?follow=1&tail=1").body == "two\n");
  CHECK(log.get("?follow=1", "Range: bytes=4-\r\n").body == "two\n");
  const WireReply at_end = log.get("?follow=1", "Range: bytes=8-\r\n");
  CHECK(at_end.status == 200);
  CHECK(at_end.body.empty());
  CHECK(at_end.header("x-log-offset") == "8");
}

TEST_CASE("a log that is still to be made is waited for by followers only") {
  LogOfOneAttempt log;
  CHECK(log.get().status == 404);
  HttpClient client = log.api.connect();
  client.send("GET " + log.target + "?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  log.append("begun\n");
  log.api.change([&](Store& store) { store.attempts.spawned(log.attempt.id, 5); });
  CHECK(client.read_head().status == 200);
  CHECK(client.read_chunk() == "begun\n");
  log.api.finish_attempt(log.attempt);
  CHECK(client.read_chunk().empty());
}

TEST_CASE("an attempt that ended without a log says so to a follower") {
  LogOfOneAttempt log;
  HttpClient client = log.api.connect();
  client.send("GET " + log.target + "?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  log.api.finish_attempt(log.attempt);
  CHECK(client.read_reply().status == 404);
}

TEST_CASE("only a regular file is served as a log") {
  const LogOfOneAttempt log;
  std::ofstream{log.api.folder / "secret"} << "secret\n";
  SECTION("not a symlink to another file") {
    std::filesystem::create_symlink(log.api.folder / "secret", log.file);
    CHECK(log.get().status == 404);
    CHECK(log.get().body.find("secret\\n") == std::string::npos);
  }
  SECTION("not through a folder that is a symlink") {
    std::filesystem::remove_all(log.file.parent_path());
    std::filesystem::create_directories(log.api.folder / "elsewhere");
    std::ofstream{log.api.folder / "elsewhere" / "run_1.log"} << "secret\n";
    std::filesystem::create_symlink(log.api.folder / "elsewhere", log.file.parent_path());
    CHECK(log.get().status == 404);
  }
  SECTION("not a FIFO, which would hang the reader") {
    REQUIRE(::mkfifo(log.file.c_str(), 0600) == 0);
    CHECK(log.get().status == 404);
  }
  SECTION("not a folder") {
    std::filesystem::create_directories(log.file);
    CHECK(log.get().status == 404);
  }
}

TEST_CASE("a client that leaves a followed log takes nothing with it") {
  ServerLimits limits;
  limits.per_uid = 1;
  ApiUnderTest api{limits};
  api.add_attempt(api.add_campaign(api.add_case("gather")), 1);
  std::ofstream{api.log_of("gather", 1)} << "one\n";
  {
    HttpClient client = api.connect();
    client.send("GET /v1/attempts/1/log?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(client.read_head().status == 200);
    CHECK(client.read_chunk() == "one\n");
  }
  int status = 503;
  for (int i = 0; i < 10000 && status == 503; ++i)
    status = api.get("/healthz").status;
  CHECK(status == 200);
}

}  // namespace
}  // namespace ndr
