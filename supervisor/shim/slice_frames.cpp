#include "supervisor/shim/slice_frames.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "storage/unique_fd.hpp"
#include "supervisor/shim/slice_copy.hpp"
#include "supervisor/shim/standard_fds.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t frame_piece = 256u << 10;
constexpr std::uint64_t most_recovered = 256u << 20;

UniqueFd open_regular(const fs::path& path, int flags) {
  UniqueFd file{::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status {};
  if (file && (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))) file.reset();
  return file;
}

std::uint64_t size_of_file(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::size_t read_piece(int file, std::string& piece, std::uint64_t at) {
  for (;;) {
    const ssize_t got = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
}

/// What a loop that died left in its folder and in its log.
class Left {
public:
  Left(const fs::path& runs, int log) : runs_(runs), log_(log) {
    read_log();
    read_folder();
  }

  void append_rest() {
    if (reader_.is_in_line()) append_text(log_, "\n");
    finish_frame();
    std::uint64_t bytes = 0;
    for (const auto& [number, message] : ended_) {
      if (told_.contains(number)) continue;
      const fs::path output = kept_output(runs_, number);
      std::error_code none;
      const std::uint64_t size = fs::file_size(output, none);
      if (none || (bytes += size) > most_recovered) continue;
      SliceRun run = slice_run_of(message);
      run.places = delayed_places(kept_report(runs_, number));
      append_frame(log_, run, output);
    }
  }

private:
  void read_log() {
    std::string piece(frame_piece, '\0');
    for (std::uint64_t at = 0;;) {
      const std::size_t got = read_piece(log_, piece, at);
      if (got == 0) return;
      at += got;
      for (const SliceEvent& event : reader_.feed(std::string_view{piece}.substr(0, got)))
        if (const auto* run = std::get_if<SliceRun>(&event)) told_.insert(run->run);
    }
  }

  void read_folder() {
    std::error_code none;
    for (const fs::directory_entry& entry : fs::directory_iterator{runs_, none}) {
      const UniqueFd file = open_regular(entry.path(), O_RDONLY);
      std::string bytes(sizeof(KeptMessage) + 1, '\0');
      if (!file || read_piece(file.get(), bytes, 0) != sizeof(KeptMessage)) continue;
      KeptMessage message;
      std::copy_n(bytes.data(), sizeof message, reinterpret_cast<char*>(&message));
      if (entry.path() == kept_message(runs_, message.run)) ended_.emplace(message.run, message);
    }
  }

  /// Its head has said how long it is.
  void finish_frame() {
    const SliceRun* begun = reader_.unfinished();
    if (begun == nullptr) return;
    const std::uint64_t missing = reader_.missing_bytes();
    const UniqueFd output = open_regular(kept_output(runs_, begun->run), O_RDONLY);
    append_bytes(log_, output.get(), begun->end - begun->begin - missing, missing);
    append_text(log_, frame_tail(*begun));
    told_.insert(begun->run);
  }

  fs::path runs_;
  int log_;
  SliceLogReader reader_;
  std::set<std::int64_t> told_;
  std::map<std::int64_t, KeptMessage> ended_;
};

}  // namespace

void append_text(int log, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(log, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw std::system_error{errno, std::generic_category(), "write to the log"};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void append_bytes(int log, int output, std::uint64_t from, std::uint64_t bytes) {
  std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, frame_piece)), '\0');
  while (bytes > 0) {
    const std::size_t got = std::min<std::uint64_t>(read_piece(output, piece, from), bytes);
    if (got == 0) break;
    append_text(log, std::string_view{piece}.substr(0, got));
    from += got;
    bytes -= got;
  }
  // The head has said how much there is: a file that shrank is filled up.
  append_text(log, std::string(static_cast<std::size_t>(bytes), ' '));
}

void append_frame(int log, const SliceRun& run, const fs::path& output) {
  const UniqueFd file = open_regular(output, O_RDONLY);
  if (!file) return;
  const std::uint64_t bytes = size_of_file(file.get());
  append_text(log, frame_head(run, bytes));
  append_bytes(log, file.get(), 0, bytes);
  append_text(log, frame_tail(run));
}

bool recover_runs(const fs::path& runs, const fs::path& log) {
  std::error_code none;
  if (!fs::is_directory(fs::symlink_status(runs, none))) return false;
  try {
    const UniqueFd file = open_regular(log, O_RDWR | O_APPEND);
    if (file) Left{runs, file.get()}.append_rest();
  } catch (const std::system_error& broken) {
    complain({runs.string(), broken.what(), ""});
  }
  fs::remove_all(runs, none);
  return true;
}

}  // namespace ndr
