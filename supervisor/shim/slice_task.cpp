#include "storage/atomic_file.hpp"
#include "supervisor/shim/slice_frames.hpp"
#include "supervisor/shim/slice_loop.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

constexpr int log_fd = 1;  // our standard output; nobody else writes to it

class LogTeller : public SliceTeller {
public:
  bool kept(const SliceRun& run, const std::filesystem::path& output) override {
    append_frame(log_fd, run, output);
    return true;
  }
  void progress(const SliceProgress& progress) override { append_text(log_fd, progress_line(progress)); }
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
