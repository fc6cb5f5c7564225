#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <system_error>

#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/shim/boards_view.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/start_command.hpp"
#include "supervisor/shim/supervision.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t shown_output = 64u << 10;
constexpr std::uint64_t output_limit = 16u << 20;

struct ProbeRequest {
  BoardRoots roots;
  std::vector<std::string> boards;
  std::vector<std::string> command;  // empty: none
  std::int64_t limit_ms = 60000;
};

bool is_board_name(const std::string& name) {
  return !name.empty() && name.size() <= 9 && name.find_first_not_of("0123456789") == std::string::npos;
}

void read_root(JsonFields& fields, const char* name, std::filesystem::path& root) {
  if (!fields.has(name)) return;
  std::string text;
  fields.text(name, text, 4095);
  root = text;
  if (!root.is_absolute()) fields.refuse(name, "must be an absolute path");
}

Checked<ProbeRequest> probe_request_from(const std::string& text) {
  const Checked<nlohmann::json> parsed = parse_json(text);
  if (parsed.has_error()) return parsed.error();
  ProbeRequest request;
  JsonFields fields{parsed.value()};
  read_root(fields, "nodes", request.roots.nodes);
  read_root(fields, "proc", request.roots.proc);
  if (fields.has("boards")) fields.texts("boards", request.boards, 1024);
  if (fields.has("command")) fields.texts("command", request.command, 1024);
  if (fields.has("limit_ms")) fields.integer("limit_ms", request.limit_ms, 1, 24ll * 3600 * 1000);
  if (!std::all_of(request.boards.begin(), request.boards.end(), is_board_name)) {
    fields.refuse("boards", "must be numbers of boards");
  }
  if (!request.command.empty() && !request.command.front().starts_with('/')) {
    fields.refuse("command", "must begin with an absolute path");
  }
  if (const auto refusal = fields.refusal()) return *refusal;
  return request;
}

std::vector<std::pair<std::string, std::string>> own_environment() {
  std::vector<std::pair<std::string, std::string>> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

/// The last bytes, since a program says at its end what came of it.
std::string end_of_output(const UniqueFd& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return {};
  const off_t from = std::max<off_t>(0, status.st_size - static_cast<off_t>(shown_output));
  std::string text(shown_output, '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), from);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  std::string clean = to_utf8(text);
  if (clean.size() > shown_output) {  // replaced bytes take three: cut again, at a character
    std::size_t cut = clean.size() - shown_output;
    while (cut < clean.size() && (static_cast<unsigned char>(clean[cut]) & 0xC0) == 0x80)
      ++cut;
    clean.erase(0, cut);
  }
  return clean;
}

ordered_json answer_of(const AttemptExit& exit, const UniqueFd& output) {
  ordered_json answer;
  answer["exit_code"] = exit.exit_code ? ordered_json(*exit.exit_code) : ordered_json(nullptr);
  answer["term_signal"] = exit.term_signal ? ordered_json(*exit.term_signal) : ordered_json(nullptr);
  answer["output"] = end_of_output(output);
  answer["timed_out"] = exit.cause == EndCause::deadline;
  answer["unkillable"] = exit.unkillable;
  return answer;
}

/// Runs the probe command as a run is held: its whole tree ends with its limit.
ordered_json run_command(const ProbeRequest& request) {
  // Memory, not a pipe: a descendant that keeps the output open can neither block us nor be blocked.
  const UniqueFd output{::memfd_create("probe-output", MFD_CLOEXEC)};
  if (!output) throw std::system_error{errno, std::generic_category(), "make a file in memory"};
  if (::fcntl(output.get(), F_SETFL, O_APPEND) != 0) throw std::system_error{errno, std::generic_category(), "append"};
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    throw std::system_error{errno, std::generic_category(), "become a subreaper"};
  }
  SignalFd signals;
  const Checked<StartedCommand> started =
      start_command({request.command, "/", own_environment(), output.get(), nullptr});
  if (started.has_error()) return {{"error", to_utf8(to_text(started.error()))}};
  Supervised what;
  what.leader = started.value().pid;
  what.ladder = {0, 2000};
  what.deadline_ms = request.limit_ms;
  what.log_limit_bytes = output_limit;
  what.log = output.get();
  return answer_of(Supervision{what, signals}.until_over(), output);
}

ordered_json json_of(const BoardHolder& holder) {
  ordered_json value;
  value["board"] = holder.board;
  value["pid"] = holder.pid;
  value["uid"] = holder.uid;
  value["command"] = to_utf8(holder.command);
  value["start_time"] = holder.start_time;
  return value;
}

}  // namespace

int probe() {
  const Checked<std::string> input = standard_input();
  const Checked<ProbeRequest> request =
      input.has_error() ? Checked<ProbeRequest>{input.error()} : probe_request_from(input.value());
  if (request.has_error()) {
    complain(request.error());
    return 2;
  }
  ordered_json answer;
  answer["devices"] = device_set(request.value().roots);
  const BoardHolders found = board_holders(request.value().roots, request.value().boards);
  answer["holders"] = ordered_json::array();
  for (const BoardHolder& holder : found.holders)
    answer["holders"].push_back(json_of(holder));
  answer["complete"] = found.complete;
  if (!request.value().command.empty()) answer["command"] = run_command(request.value());
  write_output(dump_json_line(answer));
  return 0;
}

}  // namespace ndr
