#include "supervisor/shim/ready_line.hpp"

#include <nlohmann/json.hpp>

#include "storage/strict_json.hpp"

namespace ndr {

void ReadyLine::running(const ProcessIdentity& shim, int run_pid) {
  std::string identity = to_text(shim);
  identity.pop_back();
  nlohmann::ordered_json line;
  line["state"] = "running";
  line["pid"] = shim.pid;
  line["identity"] = identity;
  line["run_pid"] = run_pid;
  say(dump_json_line(line));
}

void ReadyLine::failed(const Refusal& refusal) {
  nlohmann::ordered_json line;
  line["state"] = "failed";
  line["field"] = refusal.field;
  line["error"] = refusal.reason;
  line["remedy"] = refusal.remedy;
  say(dump_json_line(line));
}

void ReadyLine::say(const std::string& line) {
  if (!fd_) return;
  // Who does not listen any more finds the same in the folder.
  [[maybe_unused]] const ssize_t told = ::write(fd_.get(), line.data(), line.size());
  fd_.reset();
}

}  // namespace ndr
