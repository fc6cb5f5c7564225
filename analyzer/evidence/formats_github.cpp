#include "analyzer/evidence/formats_github.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "analyzer/evidence/formats_trigger.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t longest_script = 400;  // lines
constexpr std::size_t longest_script_line = std::size_t{16} * 1024;
constexpr std::size_t most_script_bytes = std::size_t{128} * 1024;
constexpr std::size_t most_variables = 400;
constexpr std::size_t longest_variable = std::size_t{16} * 1024;
constexpr int longest_header = 4000;  // lines; a header that never closes is no header any more

constexpr std::array complaints{
    std::string_view{"lost communication with the server"},
    std::string_view{"runner has received a shutdown signal"},
    std::string_view{"A job hook failed"},
    std::string_view{"Docker pull failed"},
    std::string_view{"Docker login failed"},
    std::string_view{"docker: Error"},
    std::string_view{"Error response from daemon"},
    std::string_view{"Failed to initialize container"},
    std::string_view{"container is unhealthy"},
    std::string_view{"No space left on device"},
    std::string_view{"no space left on device"},
    std::string_view{"Unable to download artifact"},
    std::string_view{"Unable to find any artifacts"},
    std::string_view{"Artifact not found"},
    std::string_view{"Could not resolve host"},
    std::string_view{"Temporary failure in name resolution"},
    std::string_view{"Could not find a version that satisfies"},
    std::string_view{"No matching distribution found"},
    std::string_view{"Unable to locate package"},
    std::string_view{"unable to access 'http"},
    std::string_view{"/git' failed with exit code"},
    std::string_view{"The process '/usr/bin/"},
    std::string_view{"Unable to reset board"},
    std::string_view{"Read-only file system"},
    std::string_view{"Input/output error"},
    std::string_view{"Unable to process file command"},
    std::string_view{"Failed to download action"},
    std::string_view{"Failed to connect to"},
};

// "'runner-2'" -> "runner-2"
std::string without_quotes(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') text = text.substr(1, text.size() - 2);
  return std::string{text};
}

// "owner/repo/.github/workflows/x.yaml@refs/heads/main (sha)" -> "x.yaml"
std::string workflow_file(std::string_view reference) { return std::string{file_name(before(trim(reference), "@"))}; }

bool is_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

// What does not fit is left out: a hostile log may hold any number of lines, of any length.
void add_script_line(StepHeader& header, std::string_view line, const Origin& origin) {
  if (header.script.size() >= longest_script || header.script_bytes >= most_script_bytes) return;
  line = line.substr(0, std::min(longest_script_line, most_script_bytes - header.script_bytes));
  header.script_bytes += line.size();
  header.script.push_back(sourced(std::string{line}, origin));
}

// Actions that run a script in a container or again and again are given it under one of these names.
void take_action_script(StepHeader& header) {
  if (!header.is_action) return;
  for (const std::string name : {"run", "run_args", "command", "cmd", "script"}) {
    const auto given = header.with.find(name);
    if (given == header.with.end()) continue;
    for (const std::string_view line : split(given->second.value, '\n')) {
      add_script_line(header, line, given->second.origin);
    }
  }
}

FrameError::Kind kind_of(std::string_view text, FrameError& error) {
  if (const auto code = after(text, "Process completed with exit code ")) {
    constexpr std::uint64_t most = std::numeric_limits<int>::max();
    error.exit_code = static_cast<int>(std::min(leading_number(*code).value_or(1), most));
    return FrameError::Kind::exit_code;
  }
  if (text.starts_with("The action ") && contains(text, "has timed out")) {
    error.minutes = leading_decimal(after(text, "timed out after ").value_or("")).value_or(0);
    return FrameError::Kind::step_timeout;
  }
  if (const auto limit = after(text, "exceeded the maximum execution time of ")) {
    error.minutes = leading_decimal(*limit).value_or(0);
    return FrameError::Kind::job_timeout;
  }
  if (text.starts_with("The operation was canceled")) return FrameError::Kind::cancelled;
  return speaks_of_runner(text) ? FrameError::Kind::infra : FrameError::Kind::annotation;
}

// What only the runner says, also where the page shows it as "Error: ..." without its marker.
bool is_final(std::string_view text) {
  FrameError error;
  const auto kind = kind_of(text, error);
  return kind != FrameError::Kind::annotation && kind != FrameError::Kind::infra;
}

}  // namespace

bool speaks_of_runner(std::string_view text) {
  return std::any_of(complaints.begin(), complaints.end(), [&](auto part) { return contains(text, part); });
}

std::span<const std::string_view> runner_words() { return complaints; }

GithubFrame::Took GithubFrame::read(const LogLine& line) {
  stamped_ = stamped_ || !line.stamp.empty();
  framed_ = framed_ || stamped_;
  if (page_title_) {
    if (const auto took = read_page_title(line)) return *took;
  }
  if (part_ != Part::outside && read_header(line)) return Took::line;
  return read_outside(line);
}

std::optional<GithubFrame::Took> GithubFrame::read_page_title(const LogLine& line) {
  const KeptLine title = *std::exchange(page_title_, std::nullopt);
  if (trim(line.text) != title.text || !line.text.starts_with("  ")) return std::nullopt;
  framed_ = true;
  LogLine first = line;
  first.origin = title.origin;
  const Took took = begin_step(title.text, first, false);
  read_header(line);
  return took;
}

GithubFrame::Took GithubFrame::read_outside(const LogLine& line) {
  const std::string_view text = line.text;
  if (text.starts_with("##[group]Run ")) return begin_step(text.substr(13), line, true);
  if (text.starts_with("##[group]") && trim(text.substr(9)) == "Inputs") {
    part_ = Part::inputs;
    framed_ = true;
    return Took::line;
  }
  if (text.starts_with("##[error]")) return take_error(text.substr(9), line);
  for (const std::string_view mark : {"##[command]", "[command]"}) {
    if (text.starts_with(mark)) read_command(text.substr(mark.size()), line.origin);
  }
  if (text.starts_with("Error: ") && is_final(text.substr(7))) return take_error(text.substr(7), line);
  if (text.starts_with("Post job cleanup.")) return Took::post_begins;
  if (text.starts_with("Cleaning up orphan processes")) {
    finished_ = true;
    return Took::line;
  }
  if (!stamped_ && text.starts_with("Run ") && line.process.empty()) {
    page_title_ = keep(line);
    page_title_->text = trim(text.substr(4));
    return Took::nothing;
  }
  return read_identity(line) || text.starts_with("##[") ? Took::line : Took::nothing;
}

bool GithubFrame::read_identity(const LogLine& line) {
  const std::string_view text = trim_end(line.text);
  const auto set = [&](MaybeSourced<std::string>& field, std::string value) {
    if (!field) field = sourced(std::move(value), line.origin);
    framed_ = true;
    return true;
  };
  if (text.starts_with("Runner name: ")) return set(job_.runner, without_quotes(text.substr(13)));
  if (text.starts_with("Complete job name: ")) return set(job_.job, std::string{trim(text.substr(19))});
  if (text.starts_with("Job defined at: ")) return set(job_.workflow, workflow_file(text.substr(16)));
  if (text.starts_with("HEAD is now at ")) return set(job_.revision, std::string{before(text.substr(15), " ")});
  const bool uses = text.starts_with("Uses: ") && contains(text, ".github/workflows/");
  return uses && set(job_.workflow, workflow_file(text.substr(6)));
}

// What the runner itself runs: "docker create ... --entrypoint "tail" IMAGE ...", "docker pull IMAGE".
void GithubFrame::read_command(std::string_view command, const Origin& origin) {
  const auto docker = after(command, "docker ");
  if (!docker) return;
  constexpr std::string_view entry = "--entrypoint \"tail\" ";
  std::string_view image;
  if (docker->starts_with("create ")) image = before(after(*docker, entry).value_or(""), " ");
  if (docker->starts_with("pull ")) image = trim(docker->substr(5));
  const bool is_reference = !image.empty() && image.find_first_of(" \"'") == std::string_view::npos;
  if (is_reference && !job_.container_image) job_.container_image = sourced(std::string{image}, origin);
}

GithubFrame::Took GithubFrame::begin_step(std::string_view title, const LogLine& line, bool raw) {
  header_ = StepHeader{};
  header_.title = trim_end(title);
  header_.seen = keep(line);
  header_.seen.text = header_.title;
  part_ = Part::script;
  raw_ = raw;
  header_lines_ = 0;
  last_key_.clear();
  framed_ = true;
  return Took::step_begins;
}

void GithubFrame::close_header() {
  if (part_ == Part::with || part_ == Part::env) take_action_script(header_);
  part_ = Part::outside;
}

bool GithubFrame::read_header(const LogLine& line) {
  std::string_view text = line.text;
  if (text.starts_with("##[endgroup]") || ++header_lines_ > longest_header) {
    close_header();
    return true;
  }
  const bool continues = stamped_ && line.stamp.empty();
  if (!raw_ || part_ == Part::inputs) {
    const bool ends = part_ != Part::inputs && !text.starts_with("  ");
    if (ends) {
      close_header();
      return false;
    }
    if (!raw_) text.remove_prefix(2);
  }
  const bool heading = !continues && part_ != Part::inputs;
  if (heading && text.starts_with("shell: ")) return true;
  if (heading && trim_end(text) == "env:") return part_ = Part::env, true;
  if (heading && trim_end(text) == "with:") {
    header_.is_action = true;
    header_.script.clear();
    header_.script_bytes = 0;
    return part_ = Part::with, true;
  }
  if (part_ == Part::script) {
    add_script_line(header_, text, line.origin);
  } else if (part_ == Part::env) {
    read_key_value(text, line, header_.environment);
  } else if (part_ == Part::inputs) {
    read_key_value(text, line, job_.inputs);
  } else if (part_ == Part::with) {
    read_key_value(text, line, header_.with);
  }
  return true;
}

void GithubFrame::read_key_value(std::string_view text, const LogLine& line,
                                 std::map<std::string, Sourced<std::string>>& into) {
  const auto colon = text.find(':');
  const std::string_view key = trim(text.substr(0, std::min(colon, text.size())));
  const bool begins = text.starts_with("  ") && colon != std::string_view::npos && is_key(key);
  if (stamped_ && line.stamp.empty()) {
    const auto value = into.find(last_key_);
    if (value != into.end() && value->second.value.size() < longest_variable) {
      value->second.value += "\n" + std::string{text};
    }
    return;
  }
  if (!begins || into.size() >= most_variables) return;
  last_key_ = key;
  into[last_key_] = sourced(std::string{trim(text.substr(colon + 1))}, line.origin);
}

GithubFrame::Took GithubFrame::take_error(std::string_view text, const LogLine& line) {
  error_ = FrameError{};
  error_.kind = kind_of(text, error_);
  error_.seen = keep(line);
  error_.seen.text = trim_end(text);
  framed_ = true;
  return Took::error;
}

}  // namespace ndr
