#include "supervisor/run/log_tailer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <fstream>
#include <functional>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

namespace asio = boost::asio;
using namespace ndr;

namespace {

UniqueFd open_log(const std::filesystem::path& file) { return UniqueFd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)}; }

void append(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream{file, std::ios::binary | std::ios::app} << bytes;
}

/// Runs a coroutine to its end, with all that it started.
void run(asio::io_context& io, asio::awaitable<void> story) {
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(story), [&](std::exception_ptr error) {
    failure = error;
    io.stop();
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<std::string> read_to_end(LogTailer& tailer) {
  std::string all;
  for (;;) {
    const std::string_view chunk = co_await tailer.next_chunk();
    if (chunk.empty()) break;
    all += chunk;
  }
  co_return all;
}

asio::awaitable<void> expect_all(LogTailer& tailer, std::string expected) {
  tailer.finish();
  const std::string all = co_await read_to_end(tailer);
  CHECK(all.size() == expected.size());
  CHECK(all == expected);
}

}  // namespace

TEST_CASE("what is there already is handed over in order, from the offset on") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += "line " + std::to_string(i) + "\n";
  append(file, text);
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, open_log(file), file, 7};
  run(io, expect_all(tailer, text.substr(7)));
  CHECK(tailer.offset() == text.size());
}

namespace {

// Each chunk that is seen lets the next one be written: no byte is written before somebody waits for it.
asio::awaitable<void> write_and_see(LogTailer& tailer, std::filesystem::path file, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const std::string line = "part " + std::to_string(i);
    const auto executor = co_await asio::this_coro::executor;
    asio::post(executor, [file, line] { append(file, line); });
    const std::string_view seen = co_await tailer.next_chunk();
    CHECK(seen == line);
  }
}

}  // namespace

TEST_CASE("new bytes wake the reader, with or without a newline") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  append(file, "");
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, open_log(file), file, 0};
  run(io, write_and_see(tailer, file, 50));
}

namespace {

asio::awaitable<void> delete_and_go_on(LogTailer& tailer, std::filesystem::path file) {
  std::ofstream writer{file, std::ios::app};
  writer << "before" << std::flush;
  const std::string first{co_await tailer.next_chunk()};
  CHECK(first == "before");
  std::filesystem::remove(file);
  append(file, "another file");
  writer << "after" << std::flush;
  const std::string seen_2{co_await tailer.next_chunk()};
  CHECK(seen_2 == "after");
}

asio::awaitable<void> truncate_and_go_on(LogTailer& tailer, std::filesystem::path file) {
  append(file, "a long beginning");
  const std::string seen_3{co_await tailer.next_chunk()};
  CHECK(seen_3 == "a long beginning");
  std::filesystem::resize_file(file, 0);
  const auto executor = co_await asio::this_coro::executor;
  asio::post(executor, [&tailer] { tailer.wake(); });
  const std::string seen_4{co_await tailer.next_chunk()};
  CHECK(seen_4.empty());
  append(file, "then more");
  const std::string seen_5{co_await tailer.next_chunk()};
  CHECK(seen_5 == "then more");
  CHECK(tailer.truncations() == 1);
}

asio::awaitable<void> wake_and_see_nothing(LogTailer& tailer) {
  tailer.wake();
  const std::string_view seen = co_await tailer.next_chunk();
  CHECK(seen.empty());
  CHECK_FALSE(tailer.finished());
}

}  // namespace

TEST_CASE("a deleted and replaced log is read on through the held descriptor") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  append(file, "");
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, open_log(file), file, 0};
  run(io, delete_and_go_on(tailer, file));
}

TEST_CASE("a truncated log is noticed and read on from its new end") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  append(file, "");
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, open_log(file), file, 0};
  run(io, truncate_and_go_on(tailer, file));
}

TEST_CASE("a waiting reader can be woken without an end") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  append(file, "");
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, open_log(file), file, 0};
  run(io, wake_and_see_nothing(tailer));
}

TEST_CASE("two tailers of one file both see it, and one may go") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  append(file, "");
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer stays{io.get_executor(), watch, open_log(file), file, 0};
  { LogTailer goes{io.get_executor(), watch, open_log(file), file, 0}; }
  run(io, write_and_see(stays, file, 3));
}

TEST_CASE("a hundred megabytes without a newline need one small buffer") {
  const TempFolder folder;
  const auto file = folder.path() / "run_1.log";
  append(file, std::string(100 << 20, 'x'));
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, open_log(file), file, 0};
  tailer.finish();
  std::size_t total = 0;
  std::size_t largest = 0;
  asio::co_spawn(
      io,
      [](LogTailer& from, std::size_t& sum, std::size_t& most) -> asio::awaitable<void> {
        for (;;) {
          const std::string_view chunk = co_await from.next_chunk();
          if (chunk.empty()) co_return;
          sum += chunk.size();
          most = std::max(most, chunk.size());
        }
      }(tailer, total, largest),
      [&](std::exception_ptr error) {
        CHECK_FALSE(error);
        io.stop();
      });
  io.run();
  CHECK(total == 100u << 20);
  CHECK(largest <= 256u << 10);
}
