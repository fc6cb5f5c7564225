#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "storage/attempt_folder.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int most_copies = 64;
constexpr std::int64_t longest_ms = 30ll * 24 * 3600 * 1000;

std::vector<std::string> utf8_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> clean;
  clean.reserve(texts.size());
  for (const std::string& text : texts)
    clean.push_back(to_utf8(text));
  return clean;
}

template <class Number>
ordered_json or_null(const std::optional<Number>& number) {
  return number ? ordered_json(*number) : ordered_json(nullptr);
}

void absolute_path(JsonFields& fields, const char* name, std::filesystem::path& out) {
  std::string text;
  fields.text(name, text, 4095);
  out = text;
  if (!out.is_absolute()) fields.refuse(name, "must be an absolute path");
}

void command(JsonFields& fields, std::vector<std::string>& out) {
  fields.texts("command", out);
  if (out.empty()) return fields.refuse("command", "must not be empty");
  if (!out.front().starts_with('/')) fields.refuse("command", "must begin with an absolute path");
}

void environment(JsonFields& fields, std::vector<std::pair<std::string, std::string>>& out) {
  std::vector<std::string> entries;
  fields.texts("environment", entries);
  for (std::size_t index = 0; index < entries.size(); ++index) {
    const std::string& entry = entries[index];
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fields.refuse("environment", "item " + std::to_string(index) + " must be NAME=value");
    }
    out.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
}

void ladder(JsonFields& fields, StopLadder& out) {
  const json* object = fields.object("ladder");
  if (object == nullptr) return;
  JsonFields steps{*object, fields.pointer_to("ladder")};
  steps.integer("interrupt_ms", out.interrupt_ms, 0, longest_ms);
  steps.integer("terminate_ms", out.terminate_ms, 0, longest_ms);
  if (const auto refusal = steps.refusal()) fields.refuse(*refusal);
}

void slice(JsonFields& fields, std::optional<SliceSpec>& out) {
  if (!fields.has("slice")) return;
  const json* object = fields.object("slice");
  if (object == nullptr) return;
  SliceSpec read;
  JsonFields members{*object, fields.pointer_to("slice")};
  members.integer("copies", read.copies, 1, most_copies);
  members.integer("duration_ms", read.duration_ms, 0, longest_ms);
  members.integer("runs", read.runs, 0);
  members.integer("run_limit_ms", read.run_limit_ms, 1, longest_ms);
  members.flag("own_folders", read.own_folders);
  members.integer("shared_copies", read.shared_copies, 0, most_copies);
  members.integer("most_kept", read.most_kept, 1);
  std::string library, program;
  members.text("noise_library", library, 4095);
  members.text("hold_program", program, 4095);
  if (const auto refusal = members.refusal()) return fields.refuse(*refusal);
  read.noise_library = library;
  read.hold_program = program;
  out = read;
}

ordered_json slice_json(const SliceSpec& spec) {
  return {{"copies", spec.copies},
          {"duration_ms", spec.duration_ms},
          {"runs", spec.runs},
          {"run_limit_ms", spec.run_limit_ms},
          {"own_folders", spec.own_folders},
          {"shared_copies", spec.shared_copies},
          {"most_kept", spec.most_kept},
          {"noise_library", to_utf8(spec.noise_library.string())},
          {"hold_program", to_utf8(spec.hold_program.string())}};
}

void version_1(JsonFields& fields, int& out) { fields.integer("version", out, 1, 1); }

}  // namespace

std::string to_json_text(const AttemptSpec& spec) {
  ordered_json environment = ordered_json::array();
  for (const auto& [name, value] : spec.environment)
    environment.push_back(to_utf8(std::string{name}.append("=").append(value)));
  ordered_json value;
  value["version"] = spec.version;
  value["case_name"] = to_utf8(spec.case_name);
  value["number"] = spec.number;
  value["command"] = utf8_texts(spec.command);
  value["working_folder"] = to_utf8(spec.working_folder.string());
  value["environment"] = std::move(environment);
  value["log"] = to_utf8(spec.log.string());
  value["deadline_ms"] = spec.deadline_ms;
  value["ladder"] = {{"interrupt_ms", spec.ladder.interrupt_ms}, {"terminate_ms", spec.ladder.terminate_ms}};
  value["log_limit_bytes"] = spec.log_limit_bytes;
  value["arm"] = to_utf8(spec.arm);
  value["parameters"] = to_utf8(spec.parameters);
  value["seed"] = spec.seed;
  value["literals"] = utf8_texts(spec.literals);
  if (spec.slice) value["slice"] = slice_json(*spec.slice);
  return dump_json(value);
}

Checked<AttemptSpec> attempt_spec_from(std::string_view text) {
  const Checked<json> parsed = parse_json(text);
  if (parsed.has_error()) return parsed.error();
  AttemptSpec spec;
  JsonFields fields{parsed.value()};
  version_1(fields, spec.version);
  fields.text("case_name", spec.case_name, 255);
  fields.integer("number", spec.number, 0);
  command(fields, spec.command);
  absolute_path(fields, "working_folder", spec.working_folder);
  environment(fields, spec.environment);
  absolute_path(fields, "log", spec.log);
  fields.integer("deadline_ms", spec.deadline_ms, 1, longest_ms);
  ladder(fields, spec.ladder);
  fields.natural("log_limit_bytes", spec.log_limit_bytes);
  fields.text("arm", spec.arm);
  fields.text("parameters", spec.parameters);
  fields.natural("seed", spec.seed);
  fields.texts("literals", spec.literals);
  slice(fields, spec.slice);
  if (const auto refusal = fields.refusal()) return *refusal;
  return spec;
}

std::string to_json_text(const AttemptExit& exit) {
  ordered_json value;
  value["version"] = exit.version;
  value["cause"] = to_text(exit.cause);
  value["exit_code"] = or_null(exit.exit_code);
  value["term_signal"] = or_null(exit.term_signal);
  value["core_dumped"] = exit.core_dumped;
  value["error"] = to_utf8(exit.error);
  value["started_at_ms"] = exit.started_at_ms;
  value["duration_ms"] = exit.duration_ms;
  value["stop_ms"] = exit.stop_ms;
  value["leftovers"] = exit.leftovers;
  value["killed"] = exit.killed;
  value["unkillable"] = exit.unkillable;
  value["log_bytes"] = exit.log_bytes;
  value["stop_log_bytes"] = or_null(exit.stop_log_bytes);
  value["oom_kills"] = exit.oom_kills;
  return dump_json(value);
}

Checked<AttemptExit> attempt_exit_from(std::string_view text) {
  const Checked<json> parsed = parse_json(text);
  if (parsed.has_error()) return parsed.error();
  AttemptExit exit;
  std::string cause;
  JsonFields fields{parsed.value()};
  version_1(fields, exit.version);
  fields.text("cause", cause);
  fields.optional_integer("exit_code", exit.exit_code, 0, 255);
  fields.optional_integer("term_signal", exit.term_signal, 1, 64);
  fields.flag("core_dumped", exit.core_dumped);
  fields.text("error", exit.error);
  fields.integer("started_at_ms", exit.started_at_ms, 0);
  fields.integer("duration_ms", exit.duration_ms, 0);
  fields.integer("stop_ms", exit.stop_ms, 0);
  fields.integer("leftovers", exit.leftovers, 0);
  fields.integer("killed", exit.killed, 0);
  fields.integer("unkillable", exit.unkillable, 0);
  fields.natural("log_bytes", exit.log_bytes);
  if (fields.has("stop_log_bytes")) fields.natural("stop_log_bytes", exit.stop_log_bytes.emplace());
  fields.natural("oom_kills", exit.oom_kills);
  const std::optional<EndCause> known = end_cause_from(cause);
  if (!known) fields.refuse("cause", "must be exited, stopped, deadline, log_limit or spawn_failed");
  if (const auto refusal = fields.refusal()) return *refusal;
  exit.cause = *known;
  return exit;
}

}  // namespace ndr
