#include "analyzer/evidence/formats_step.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/formats_platform.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_traced = 64;
constexpr std::size_t most_settings = 400;

bool looks_like_error(std::string_view text) {
  const std::string lower = to_lower(text.substr(0, 200));
  for (const std::string_view word : {"error:", "error response", "fatal:", "exception:", "command not found",
                                      "no such file or directory", "permission denied", "failed to ", "errno "}) {
    if (contains(lower, word)) return true;
  }
  return false;
}

// " wormhole_b0", "=blackhole": what stands behind the word "arch".
MaybeSourced<std::string> arch_named(std::string_view text, const Origin& origin) {
  text.remove_prefix(std::min(text.find_first_not_of(" =:"), text.size()));
  const auto is_part = [](char c) { return is_word(c); };
  const auto end = std::find_if_not(text.begin(), text.end(), is_part);
  const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  auto arch = name.size() < 8 ? std::nullopt : arch_in(name);
  if (!arch) return std::nullopt;
  return sourced(std::move(*arch), origin);
}

// "boards: 1 x P100", "Board type: n300 L", and a row of tt-smi's table: "│ 0 │ Wormhole │ n150 L │".
MaybeSourced<std::string> board_named(std::string_view text, const Origin& origin) {
  const std::string_view whole = trim(text);
  const bool names = whole.starts_with("board") || whole.starts_with("Board");
  const auto value = names ? after(whole.substr(0, 120), ":") : std::nullopt;
  const bool row = whole.starts_with("\xe2\x94\x82") || whole.starts_with("\xe2\x94\x83") || whole.starts_with('|');
  if (value && before(whole, ":").size() > 16) return std::nullopt;
  if (!value && !row) return std::nullopt;
  auto board = board_in(value ? *value : whole);
  return board ? sourced(std::move(*board), origin) : MaybeSourced<std::string>{};
}

// "pytest tests/a.py::test_b", "pytest tests": whether one of the command's words is the file, or a folder around it.
bool names_file(std::string_view command, std::string_view file) {
  for (std::string_view word : split(command, ' ')) {
    while (!word.empty() && (word.front() == '"' || word.front() == '\''))
      word.remove_prefix(1);
    word = before(before(word, "::"), "\"");
    if (word.ends_with('\'') || word.ends_with('/')) word.remove_suffix(1);
    if (word.starts_with("./")) word.remove_prefix(2);
    const bool around = word.size() > 2 && file.starts_with(word) && file.substr(word.size()).starts_with('/');
    if (!word.empty() && (word == file || around)) return true;
  }
  return false;
}

// The command of that number, unless it cannot have run the file and another one can.
std::size_t command_naming(const std::vector<ShellCommand>& commands, std::string_view file, std::size_t number) {
  if (file.empty() || names_file(commands[number].text, file)) return number;
  const auto named =
      std::find_if(commands.begin(), commands.end(), [&](const auto& c) { return names_file(c.text, file); });
  return named == commands.end() ? number : static_cast<std::size_t>(named - commands.begin());
}

std::string failed_file(const PytestSession& session) {
  const std::string id = session.first_failure      ? session.first_failure->id
                         : !session.summary.empty() ? session.summary.front().id
                                                    : std::string{};
  return std::string{before(id, "::")};
}

}  // namespace

void StepReader::read(const LogLine& line) {
  read_sizes(line.text, line.origin, sizes_);
  const bool pytest = pytest_.read(line);
  const bool gtest = !pytest && gtest_.read(line);
  forget_expected(line);
  forgive_allowed(line);
  if (pytest && pytest_.open()) {  // blocks repeat what was logged; only what their process said still counts
    read_limits(line);
    return;
  }
  const bool dump = timeout_dump_.read(line);
  const bool crash = !dump && crash_.read(line);
  const bool traced = !crash && !dump && traceback_.read(line);
  watcher_.read(line);
  read_limits(line);
  if (pytest || dump || traced) return;
  read_logged(line);
  if (gtest || crash) return;
  read_settings(line);
  read_weak(line);
}

void StepReader::read_progress(const LogLine& line) {
  if (!pytest_.read(line)) gtest_.read(line);
  forget_expected(line);
  forgive_allowed(line);
}

bool StepReader::open() const {
  return pytest_.open() || gtest_.open() || crash_.open() || traceback_.open() || timeout_dump_.open() ||
         watcher_.open();
}

// A test that ended well takes back what it logged: it expected it. Under xdist nobody knows whose line it was.
void StepReader::forget_expected(const LogLine& line) {
  if (gtest_.test_ended_well() || (pytest_.test_ended_well() && !pytest_.session().parallel)) {
    if (pytest_.session().first_failure || gtest_.failed()) return;
    forget_logged(line);
  }
  const bool well = pytest_.session().reported && !pytest_.session().bad;
  if (well) last_report_line_ = std::max(last_report_line_, line.origin.line);
}

void StepReader::forget_logged(const LogLine& line) {
  logged_.clear();
  severe_.reset();
  if (crash_.has_news()) crash_.forget();
  if (traceback_.fault()) traceback_.forget();
  last_report_line_ = line.origin.line;
}

// Whether the script says "pytest x || true" of its pytest command of that number, and runs each command just once.
bool StepReader::may_fail(int number) const {
  const auto& script = header_.script;
  const bool branches = std::any_of(script.begin(), script.end(), [](const auto& line) {
    constexpr std::array words{"for ", "while ", "until ", "if ", "case ", "function "};
    const std::string_view text = trim(line.value);
    return contains(text, "()") || std::any_of(words.begin(), words.end(), [&](auto w) { return text.starts_with(w); });
  });
  std::vector<ShellCommand> commands = branches ? std::vector<ShellCommand>{} : test_commands();
  std::erase_if(commands, [](const ShellCommand& command) { return command.kind != CommandKind::pytest; });
  const auto ordinal = static_cast<std::size_t>(number);
  if (ordinal >= commands.size()) return false;
  return commands[command_naming(commands, failed_file(pytest_.session()), ordinal)].may_fail;
}

// A session that failed, and whose script did not mind.
void StepReader::forgive_allowed(const LogLine& line) {
  const PytestSession& session = pytest_.session();
  if (!session.reported || !session.failed()) return;
  // The first command that is traced after it; what a later one forgives is something else.
  const bool first_trace = line.text.starts_with("+ ") && session.number >= traced_sessions_;
  if (first_trace) traced_sessions_ = session.number + 1;
  const bool traced = first_trace && (trim_end(line.text) == "+ true" || trim_end(line.text) == "+ :");
  const bool is_new = session.number >= judged_sessions_;
  judged_sessions_ = session.number + 1;
  if (!traced && !(is_new && may_fail(session.number))) return;
  pytest_.forgive();
  forget_logged(line);
}

void StepReader::read_logged(const LogLine& line) {
  const std::string level = logger_level(line.text);
  const bool harmless = level == "info" || level == "debug" || level == "trace" || level == "success";
  if (harmless) return;
  const auto type = type_by_message(line.text);
  if (!type) return;
  const bool warned = level == "warning" || level == "warn";
  if (warned && *type != FailureType::device_contention && *type != FailureType::assertion) return;
  const bool known = std::any_of(logged_.begin(), logged_.end(), [&](const Logged& l) { return l.type == *type; });
  if (!known) logged_.push_back({*type, keep(line)});
}

// Limits that the runtime prints when they are hit.
void StepReader::read_limits(const LogLine& line) {
  const auto take = [&](const char* name, std::optional<std::string_view> text) {
    const auto value = text ? leading_decimal(*text) : std::nullopt;
    if (value && limits_.count(name) == 0) limits_[name] = sourced(*value, line.origin);
  };
  if (contains(line.text, "Fabric Router Sync: Timeout")) take("fabric_sync_ms", after(line.text, "Timeout after "));
  if (contains(line.text, "waiting for physical cores")) take("fw_init_ms", after(line.text, "Timeout ("));
  if (contains(line.text, "***Timeout") && !limit_hit_) limit_hit_ = keep(line);
}

// What a shell shows of a command before it runs it: behind "+ " (set -x), or a prompt ("$ ", "me@host:~/dir$ ").
void StepReader::read_traced(const LogLine& line) {
  const std::string_view shown = typed_command(line.text);
  if (shown.empty()) return;
  for (ShellCommand& command : shell_commands(shown, line.origin)) {
    const bool only_sets = command.text.empty();
    if (only_sets && line.text.starts_with("+")) {
      for (auto& [name, value] : command.assignments) {
        if (is_setting_name(name) && traced_settings_.size() < most_settings) traced_settings_[name] = std::move(value);
      }
    }
    if (only_sets && !line.text.starts_with("+") && settings_.size() < most_settings) {
      for (auto& [name, value] : command.assignments) {
        if (is_setting_name(name)) settings_[name] = sourced(std::move(value), line.origin);
      }
    }
    if (!runs_tests(command.kind) || traced_.size() >= most_traced) continue;
    command.assignments.merge(std::exchange(traced_settings_, {}));
    const bool again = !traced_.empty() && traced_.back().text == command.text &&
                       traced_.back().origin.line + 1 == command.origin.line;  // announced, then traced
    if (!again) traced_.push_back(std::move(command));
  }
}

void StepReader::read_settings(const LogLine& line) {
  read_traced(line);
  if (pytest_.session().has_begun) return;  // settings are made before the tests run
  for (auto& [name, value] : shown_settings(line.text)) {
    if (settings_.size() < most_settings) settings_[name] = sourced(std::move(value), line.origin);
  }
  if (!board_hint_) board_hint_ = board_named(line.text, line.origin);
  if (arch_hint_) return;
  if (const auto arch = after(line.text, "arch")) arch_hint_ = arch_named(*arch, line.origin);
  if (arch_hint_) return;
  for (const std::string_view word : {"WH devices", "BH devices", "GS devices"}) {
    if (contains(line.text, word)) arch_hint_ = sourced(*arch_in(word), line.origin);
  }
}

void StepReader::read_weak(const LogLine& line) {
  tries_again_ = tries_again_ || contains(line.text, "trying again") || contains(line.text, "etrying");
  if (!runner_complaint_ && speaks_of_runner(line.text)) runner_complaint_ = keep(line);
  const std::string level = logger_level(line.text);
  if (!weak_ && level.empty() && looks_like_error(line.text)) weak_ = keep(line);
  const bool severe = level == "critical" || level == "fatal" || level == "error";
  if (!severe_ && severe) severe_ = keep(line);
  const bool rank_died = contains(line.text, "noticed that process rank ") || contains(line.text, "exited on signal");
  if (rank_died && !rank_death_) rank_death_ = keep(line);
}

std::vector<ShellCommand> StepReader::test_commands() const {
  std::vector<ShellCommand> tests;
  for (ShellCommand& command : shell_commands(header_.script)) {
    if (runs_tests(command.kind)) tests.push_back(std::move(command));
  }
  return tests;
}

// Of what a trace shows, functions and scripts around the real commands count only where these do not show.
void StepReader::keep_kind_that_ran(std::vector<ShellCommand>& tests) const {
  const CommandKind kind = pytest_.sessions() > 0 ? CommandKind::pytest : CommandKind::gtest;
  const auto ran = [&](const ShellCommand& command) { return command.kind == kind; };
  if (ran_tests() && std::any_of(tests.begin(), tests.end(), ran))
    std::erase_if(tests, [&](const ShellCommand& command) { return command.kind == CommandKind::script; });
}

// Of several programs the one whose own file is at the stack's outer end.
std::optional<ShellCommand> StepReader::command_of_stack(const std::vector<ShellCommand>& tests,
                                                         const Fault* fault) const {
  if (ran_tests() || fault == nullptr || fault->python_stack.empty()) return std::nullopt;
  const std::string_view name = file_name(fault->python_stack.front().file);
  const auto found = std::find_if(tests.begin(), tests.end(), [&](const auto& c) { return contains(c.text, name); });
  if (name.empty() || found == tests.end()) return std::nullopt;
  return *found;
}

std::optional<ShellCommand> StepReader::failing_command(const Fault* fault) const {
  std::vector<ShellCommand> tests = test_commands();
  if (fault != nullptr && fault->command) {
    const auto known =
        std::find_if(tests.begin(), tests.end(), [&](const auto& c) { return c.text == fault->command->value; });
    if (known != tests.end()) return *known;
    auto named = shell_commands(fault->command->value, fault->command->origin);
    if (!named.empty()) return named.front();
  }
  const bool only_script =
      std::all_of(tests.begin(), tests.end(), [](const auto& c) { return c.kind == CommandKind::script; });
  if (only_script && !traced_.empty()) tests = traced_;
  keep_kind_that_ran(tests);
  if (tests.empty()) return std::nullopt;
  if (auto script = command_of_stack(tests, fault)) return script;
  // Of a script that runs both, the failed kind's commands are counted by themselves.
  const bool by_program = pytest_.sessions() == 0 || (gtest_.failed() && !pytest_.session().failed());
  const CommandKind kind = by_program ? CommandKind::gtest : CommandKind::pytest;
  const auto is_other = [&](const ShellCommand& command) { return command.kind != kind; };
  if (!std::all_of(tests.begin(), tests.end(), is_other)) std::erase_if(tests, is_other);
  const int program = gtest_.failed() ? gtest_.failed_program() : gtest_.programs() - 1;
  const bool looped = !by_program && pytest_.sessions() > static_cast<int>(tests.size());
  const int number = by_program ? program : looped ? 0 : pytest_.session().number;
  const std::size_t ordinal = std::min(static_cast<std::size_t>(std::max(0, number)), tests.size() - 1);
  const std::string file = fault != nullptr && fault->test_file ? fault->test_file->value : std::string{};
  return tests[command_naming(tests, file, ordinal)];
}

bool StepReader::is_setup_step() const { return !header_.title.empty() && test_commands().empty(); }

bool StepReader::ran_tests() const { return pytest_.sessions() > 0 || gtest_.programs() > 0; }

bool StepReader::ran_a_test() const { return pytest_.session().has_begun || gtest_.last_seen(); }

MaybeSourced<std::string> StepReader::still_running() const {
  const PytestSession& session = pytest_.session();
  const bool in_session = pytest_.sessions() > 0 && !session.reported;
  if (in_session && session.running) return sourced("the test " + session.running->id, session.running->seen.origin);
  if (const auto test = gtest_.running("")) return sourced("the test " + test->value, test->origin);
  if (in_session) return sourced(std::string{"a session of pytest"}, session.begun);
  const std::vector<ShellCommand> commands = test_commands();
  if (commands.empty() || ran_tests()) return std::nullopt;
  return sourced("the command " + commands.front().text, commands.front().origin);
}

bool StepReader::shows_failure() const {
  if (pytest_.session().failed() || gtest_.failed() || timeout_dump_.fault()) return true;
  const auto crash = crash_.fault();
  if (crash && crash->seen.origin.line > last_report_line_) return true;
  if (crash_.killed() && crash_.killed()->seen.origin.line > last_report_line_) return true;
  return !ran_tests() && (traceback_.fault().has_value() || watcher_.found());
}

}  // namespace ndr
