#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "supervisor/shim/slice_loop.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

constexpr std::size_t piece_size = 256u << 10;

/// Appends to the log, which is our standard output; nobody else writes to it.
void append(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(1, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw std::system_error{errno, std::generic_category(), "write to the log"};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void append_frame(const SliceRun& run, const std::filesystem::path& output) {
  const UniqueFd file{::open(output.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return;
  auto left = static_cast<std::uint64_t>(status.st_size);
  append(frame_head(run, left));
  std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_size)), '\0');
  while (left > 0) {
    const ssize_t got =
        ::read(file.get(), piece.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    append(std::string_view{piece}.substr(0, static_cast<std::size_t>(got)));
    left -= static_cast<std::uint64_t>(got);
  }
  // The head has said how much there is: a file that shrank is filled up.
  append(std::string(static_cast<std::size_t>(left), ' '));
  append(frame_tail(run));
}

class LogTeller : public SliceTeller {
public:
  bool kept(const SliceRun& run, const std::filesystem::path& output) override {
    append_frame(run, output);
    return true;
  }
  void progress(const SliceProgress& progress) override { append(progress_line(progress)); }
};

}  // namespace

int loop_slice(const ShimOptions& options) {
  const AttemptFolder folder{options.folder};
  const Checked<AttemptSpec> spec = attempt_spec_from(read_file(folder.spec(), standard_input_limit));
  if (spec.has_error()) {
    complain({"spec" + spec.error().field, spec.error().reason, spec.error().remedy});
    return 2;
  }
  const std::optional<Arm> arm = arm_from(spec->arm, spec->parameters);
  if (!spec->slice || !arm) {
    complain({"spec", spec->slice ? "has parameters that are no arm's" : "has no slice", ""});
    return 2;
  }
  LogTeller log;
  SliceLoop{*spec, *arm, folder.runs(), log}.perform();
  return 0;
}

}  // namespace ndr
