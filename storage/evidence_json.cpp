#include "storage/evidence_json.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

using TextField = std::pair<const char*, MaybeSourced<std::string> Evidence::*>;

// Text fields in the order in which they are printed; the others stand where the form has them.
constexpr std::array<TextField, 5> first_fields{{{"exception", &Evidence::exception},
                                                 {"error_line", &Evidence::error_line},
                                                 {"throw_location", &Evidence::throw_location},
                                                 {"test_id", &Evidence::test_id},
                                                 {"test_file", &Evidence::test_file}}};
constexpr std::array<TextField, 11> last_fields{{{"arch", &Evidence::arch},
                                                 {"board", &Evidence::board},
                                                 {"workflow", &Evidence::workflow},
                                                 {"job", &Evidence::job},
                                                 {"rank_or_device", &Evidence::rank_or_device},
                                                 {"failing_statement", &Evidence::failing_statement},
                                                 {"failed_at", &Evidence::failed_at},
                                                 {"runner", &Evidence::runner},
                                                 {"container_image", &Evidence::container_image},
                                                 {"revision", &Evidence::revision},
                                                 {"cut_off", &Evidence::cut_off}}};
using NumberField = std::pair<const char*, MaybeSourced<double> Evidence::*>;
constexpr std::array<NumberField, 3> time_fields{{{"seconds_into_step", &Evidence::seconds_into_step},
                                                  {"seconds_into_test", &Evidence::seconds_into_test},
                                                  {"silent_seconds", &Evidence::silent_seconds}}};
using ListField = std::pair<const char*, std::vector<Sourced<std::string>> Evidence::*>;
constexpr std::array<ListField, 3> list_fields{
    {{"steps", &Evidence::steps}, {"predecessors", &Evidence::predecessors}, {"fallout", &Evidence::fallout}}};

ordered_json json_of(const Origin& origin) {
  return {{"file", origin.file}, {"line", origin.line}, {"offset", origin.offset}};
}

template <class Value>
void put(ordered_json& out, ordered_json& origins, const char* name, const MaybeSourced<Value>& field) {
  out[name] = field ? ordered_json(field->value) : ordered_json(nullptr);
  if (field) origins[name] = json_of(field->origin);
}

template <class Value>
void put(ordered_json& out, ordered_json& origins, const char* name,
         const std::map<std::string, Sourced<Value>>& fields) {
  out[name] = ordered_json::object();
  for (const auto& [key, field] : fields) {
    out[name][key] = field.value;
    origins[std::string{name} + "." + key] = json_of(field.origin);
  }
}

ordered_json json_of(const std::vector<StackFrame>& stack) {
  ordered_json frames = ordered_json::array();
  for (const StackFrame& frame : stack) {
    frames.push_back({{"file", frame.file},
                      {"line", frame.line},
                      {"function", frame.function},
                      {"text", frame.text},
                      {"origin", json_of(frame.origin)}});
  }
  return frames;
}

ordered_json json_of(const Sourced<std::string>& value) {
  return {{"value", value.value}, {"origin", json_of(value.origin)}};
}

ordered_json json_of(const std::vector<Conflict>& conflicts) {
  ordered_json list = ordered_json::array();
  for (const Conflict& conflict : conflicts) {
    list.push_back({{"field", conflict.field}, {"kept", json_of(conflict.kept)}, {"other", json_of(conflict.other)}});
  }
  return list;
}

ordered_json json_of(const MaybeSourced<std::string>& value) { return value ? json_of(*value) : ordered_json(nullptr); }

ordered_json json_of(const std::vector<Sourced<std::string>>& values) {
  ordered_json list = ordered_json::array();
  for (const auto& value : values)
    list.push_back(json_of(value));
  return list;
}

ordered_json json_of(const std::vector<LogOutcome>& logs) {
  ordered_json list = ordered_json::array();
  for (const LogOutcome& log : logs) {
    list.push_back({{"file", log.file},
                    {"is_failure", log.is_failure},
                    {"same_failure", log.same_failure},
                    {"failure_type", to_text(log.failure_type)},
                    {"job", json_of(log.job)},
                    {"test_id", json_of(log.test_id)},
                    {"error_line", json_of(log.error_line)},
                    {"failed_at", json_of(log.failed_at)},
                    {"cut_off", json_of(log.cut_off)}});
  }
  return list;
}

void read_origin(JsonFields& parent, const char* name, Origin& out) {
  const json* object = parent.object(name);
  if (object == nullptr) return;
  JsonFields fields{*object, parent.pointer_to(name)};
  std::int64_t file = 0;
  fields.integer("file", file, 0, std::numeric_limits<std::uint32_t>::max());
  out.file = static_cast<std::uint32_t>(file);
  fields.natural("line", out.line);
  fields.natural("offset", out.offset);
  if (const auto refusal = fields.refusal()) parent.refuse(*refusal);
}

void read_text(JsonFields& fields, JsonFields& origins, const char* name, MaybeSourced<std::string>& out) {
  if (!fields.has(name)) return;
  Sourced<std::string> field;
  fields.text(name, field.value);
  read_origin(origins, name, field.origin);
  out = std::move(field);
}

// An array of objects, each read by `read(JsonFields&, Item&)`.
template <class Item, class Read>
void read_list(const json& document, JsonFields& fields, const char* name, std::vector<Item>& out, Read read) {
  if (!fields.has(name)) return fields.refuse(name, "is missing");
  const json& list = document[name];
  if (!list.is_array()) return fields.refuse(name, "must be an array");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string pointer = fields.pointer_to(name) + "/" + std::to_string(i);
    if (!list[i].is_object()) return fields.refuse(Refusal{pointer, "must be an object", ""});
    JsonFields item{list[i], pointer};
    read(item, out.emplace_back());
    if (const auto refusal = item.refusal()) return fields.refuse(*refusal);
  }
}

void read_frame(JsonFields& fields, StackFrame& frame) {
  fields.text("file", frame.file);
  fields.natural("line", frame.line);
  fields.text("function", frame.function);
  fields.text("text", frame.text);
  read_origin(fields, "origin", frame.origin);
}

void read_value(JsonFields& parent, const char* name, Sourced<std::string>& out) {
  const json* object = parent.object(name);
  if (object == nullptr) return;
  JsonFields fields{*object, parent.pointer_to(name)};
  fields.text("value", out.value);
  read_origin(fields, "origin", out.origin);
  if (const auto refusal = fields.refusal()) parent.refuse(*refusal);
}

void read_conflict(JsonFields& fields, Conflict& conflict) {
  fields.text("field", conflict.field);
  read_value(fields, "kept", conflict.kept);
  read_value(fields, "other", conflict.other);
}

void read_texts(JsonFields& fields, JsonFields& origins, const char* name,
                std::map<std::string, Sourced<std::string>>& out) {
  const json* object = fields.object(name);
  if (object == nullptr) return;
  JsonFields variables{*object, fields.pointer_to(name)};
  for (const auto& [key, unused] : object->items()) {
    Sourced<std::string> value;
    variables.text(key.c_str(), value.value);
    read_origin(origins, (std::string{name} + "." + key).c_str(), value.origin);
    out.emplace(key, std::move(value));
  }
  if (const auto refusal = variables.refusal()) fields.refuse(*refusal);
}

void read_number(const json& document, JsonFields& fields, JsonFields& origins, const char* name,
                 MaybeSourced<double>& out) {
  if (!fields.has(name)) return;
  if (!document[name].is_number()) return fields.refuse(name, "must be a number");
  Sourced<double> value{document[name].get<double>(), {}};
  read_origin(origins, name, value.origin);
  out = value;
}

void read_mechanism(JsonFields& fields, JsonFields& origins, Evidence& out) {
  if (!fields.has("mechanism")) return;
  std::string text;
  fields.text("mechanism", text, 64);
  const auto mechanism = failure_mechanism_from(text);
  if (!mechanism) return fields.refuse("mechanism", "is no mechanism of failure");
  Sourced<FailureMechanism> value{*mechanism, {}};
  read_origin(origins, "mechanism", value.origin);
  out.mechanism = value;
}

void read_maybe(JsonFields& parent, const char* name, MaybeSourced<std::string>& out) {
  if (parent.has(name)) read_value(parent, name, out.emplace());
}

void read_sourced(JsonFields& fields, Sourced<std::string>& value) {
  fields.text("value", value.value);
  read_origin(fields, "origin", value.origin);
}

void read_timeouts(JsonFields& fields, JsonFields& origins, Evidence& out) {
  const json* object = fields.object("timeouts");
  if (object == nullptr) return;
  for (const auto& [name, number] : object->items()) {
    if (!number.is_number())
      return fields.refuse(Refusal{fields.pointer_to("timeouts") + "/" + name, "must be a number", ""});
    Sourced<double> value{number.get<double>(), {}};
    read_origin(origins, ("timeouts." + name).c_str(), value.origin);
    out.timeouts.emplace(name, value);
  }
}

void read_type(JsonFields& fields, FailureType& out) {
  std::string text;
  fields.text("failure_type", text, 64);
  const auto type = failure_type_from(text);
  if (type)
    out = *type;
  else
    fields.refuse("failure_type", "is no type of failure");
}

void read_secret(JsonFields& fields, std::pair<std::string, Origin>& secret) {
  fields.text("name", secret.first);
  read_origin(fields, "origin", secret.second);
}

void read_outcome(JsonFields& fields, LogOutcome& log) {
  std::int64_t file = 0;
  fields.integer("file", file, 0, std::numeric_limits<std::uint32_t>::max());
  log.file = static_cast<std::uint32_t>(file);
  fields.flag("is_failure", log.is_failure);
  fields.flag("same_failure", log.same_failure);
  read_type(fields, log.failure_type);
  read_maybe(fields, "job", log.job);
  read_maybe(fields, "test_id", log.test_id);
  read_maybe(fields, "error_line", log.error_line);
  read_maybe(fields, "failed_at", log.failed_at);
  read_maybe(fields, "cut_off", log.cut_off);
}

// Absent from what an older version wrote: then they are unknown.
void read_circumstances(const json& document, JsonFields& fields, JsonFields& origins, Evidence& out) {
  if (fields.has("shows_tests")) fields.flag("shows_tests", out.shows_tests);
  for (const auto& [name, field] : time_fields)
    read_number(document, fields, origins, name, out.*field);
  read_mechanism(fields, origins, out);
  if (fields.has("settings")) read_texts(fields, origins, "settings", out.settings);
  std::vector<std::pair<std::string, Origin>> secrets;
  if (fields.has("secrets")) read_list(document, fields, "secrets", secrets, read_secret);
  out.secrets.insert(secrets.begin(), secrets.end());
  if (fields.has("predecessor_count")) fields.natural("predecessor_count", out.predecessor_count);
  for (const auto& [name, field] : list_fields) {
    if (fields.has(name)) read_list(document, fields, name, out.*field, read_sourced);
  }
  if (fields.has("logs")) read_list(document, fields, "logs", out.logs, read_outcome);
}

}  // namespace

std::string to_json_text(const Evidence& evidence) {
  ordered_json out;
  ordered_json origins = ordered_json::object();
  out["is_failure"] = evidence.is_failure;
  out["failure_type"] = to_text(evidence.failure_type);
  out["shows_tests"] = evidence.shows_tests;
  for (const auto& [name, field] : first_fields)
    put(out, origins, name, evidence.*field);
  put(out, origins, "test_line", evidence.test_line);
  put(out, origins, "command", evidence.command);
  put(out, origins, "env", evidence.environment);
  put(out, origins, "timeouts", evidence.timeouts);
  for (const auto& [name, field] : last_fields)
    put(out, origins, name, evidence.*field);
  for (const auto& [name, field] : time_fields)
    put(out, origins, name, evidence.*field);
  out["mechanism"] = evidence.mechanism ? ordered_json(to_text(evidence.mechanism->value)) : ordered_json(nullptr);
  if (evidence.mechanism) origins["mechanism"] = json_of(evidence.mechanism->origin);
  put(out, origins, "settings", evidence.settings);
  out["secrets"] = ordered_json::array();
  for (const auto& [name, origin] : evidence.secrets)
    out["secrets"].push_back({{"name", name}, {"origin", json_of(origin)}});
  out["predecessor_count"] = evidence.predecessor_count;
  for (const auto& [name, field] : list_fields)
    out[name] = json_of(evidence.*field);
  out["logs"] = json_of(evidence.logs);
  out["python_stack"] = json_of(evidence.python_stack);
  out["native_stack"] = json_of(evidence.native_stack);
  out["conflicts"] = json_of(evidence.conflicts);
  out["files"] = evidence.files;
  out["origins"] = std::move(origins);
  return dump_json(out);
}

Checked<Evidence> evidence_from_json(std::string_view text) {
  const auto document = parse_json(text);
  if (document.has_error()) return document.error();
  if (!document->is_object()) return Refusal{"", "must be an object", ""};
  Evidence evidence;
  JsonFields fields{*document};
  const json* where = fields.object("origins");
  if (where == nullptr) return *fields.refusal();
  JsonFields origins{*where, fields.pointer_to("origins")};
  fields.flag("is_failure", evidence.is_failure);
  read_type(fields, evidence.failure_type);
  for (const auto& [name, field] : first_fields)
    read_text(fields, origins, name, evidence.*field);
  read_text(fields, origins, "command", evidence.command);
  for (const auto& [name, field] : last_fields)
    read_text(fields, origins, name, evidence.*field);
  if (fields.has("test_line")) {
    evidence.test_line.emplace();
    fields.natural("test_line", evidence.test_line->value);
    read_origin(origins, "test_line", evidence.test_line->origin);
  }
  read_texts(fields, origins, "env", evidence.environment);
  read_timeouts(fields, origins, evidence);
  read_list(*document, fields, "python_stack", evidence.python_stack, read_frame);
  read_list(*document, fields, "native_stack", evidence.native_stack, read_frame);
  read_list(*document, fields, "conflicts", evidence.conflicts, read_conflict);
  fields.texts("files", evidence.files);
  read_circumstances(*document, fields, origins, evidence);
  if (const auto refusal = origins.refusal()) fields.refuse(*refusal);
  if (const auto refusal = fields.refusal()) return *refusal;
  return evidence;
}

std::string to_json_text(const Signature& signature) {
  ordered_json out;
  out["failure_type"] = to_text(signature.failure_type);
  out["exception"] = signature.exception;
  out["message_template"] = signature.message_template;
  out["site_file"] = signature.site_file;
  out["site_function"] = signature.site_function;
  out["raised_in_test"] = signature.raised_in_test;
  out["statement"] = signature.statement;
  out["frames"] = signature.frames;
  out["test_name"] = signature.test_name;
  out["literals"] = signature.literals;
  return dump_json(out);
}

Checked<Signature> signature_from_json(std::string_view text) {
  const auto document = parse_json(text);
  if (document.has_error()) return document.error();
  if (!document->is_object()) return Refusal{"", "must be an object", ""};
  Signature signature;
  JsonFields fields{*document};
  read_type(fields, signature.failure_type);
  fields.text("exception", signature.exception);
  fields.text("message_template", signature.message_template);
  fields.text("site_file", signature.site_file);
  fields.text("site_function", signature.site_function);
  fields.flag("raised_in_test", signature.raised_in_test);
  fields.text("statement", signature.statement);
  fields.texts("frames", signature.frames);
  fields.text("test_name", signature.test_name);
  fields.texts("literals", signature.literals);
  if (const auto refusal = fields.refusal()) return *refusal;
  return signature;
}

}  // namespace ndr
