#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/log_range.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"
#include "api/requests.hpp"
#include "storage/case_folder.hpp"
#include "storage/record_json.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

struct ListSignals {
  AttemptId id;
  std::int64_t after;
  int limit;
  std::vector<LogSignalRow> operator()(Store& store) const { return store.attempts.signals(id, after, limit); }
};

struct OpenLog {
  UniqueFd fd;
  std::uint64_t size = 0;
};

Problem no_log(std::string detail, std::string hint) {
  return Problem{"no_log", std::move(detail), std::move(hint), {}, {}};
}

/// The log, opened without following a symlink at logs/ or below, so that no run can have another file served.
Answer<OpenLog> open_log(const std::filesystem::path& path) {
  const UniqueFd logs{::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  OpenLog log;
  if (logs) log.fd.reset(::openat(logs.get(), path.filename().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  const int error = errno;
  if (!log.fd && error == ENOENT)
    return no_log(path.string() + " is not there",
                  "it is made when the attempt starts; someone may have removed it since");
  if (!log.fd && (error == ELOOP || error == ENOTDIR || error == EACCES))
    return no_log(path.string() + " cannot be read: " + std::generic_category().message(error),
                  "it must be a regular file that the daemon's account may read");
  if (!log.fd) throw std::system_error{error, std::generic_category(), "open " + path.string()};
  struct stat status {};
  if (::fstat(log.fd.get(), &status) != 0)
    throw std::system_error{errno, std::generic_category(), "stat " + path.string()};
  if (!S_ISREG(status.st_mode)) return no_log(path.string() + " is not a regular file", "only the shim makes logs");
  log.size = static_cast<std::uint64_t>(status.st_size);
  return log;
}

/// Also waits for a log that is still to be made, when it is to be followed.
asio::awaitable<Answer<OpenLog>> log_of(Api& api, const Request& request, std::filesystem::path path, bool follow) {
  for (;;) {
    const std::uint64_t seen = api.services.changes.generation();
    const auto attempt = co_await attempt_of(api, request);
    if (!attempt) co_return attempt.error();
    auto log = open_log(path);
    if (log || !follow || attempt->verdict || attempt->spawned_at_ms) co_return log;
    co_await api.services.changes.newer_than(seen, std::chrono::minutes(1));
  }
}

struct FindCaseById {
  CaseId id;
  std::optional<CaseRow> operator()(Store& store) const { return store.cases.find(id); }
};

Reply log_reply(LogStream stream, std::uint64_t begin, int status) {
  return Reply{status,
               {{"Content-Type", "text/plain; charset=utf-8"},
                {"Accept-Ranges", "bytes"},
                {"X-Log-Offset", std::to_string(begin)}},
               std::move(stream)};
}

/// All from the Range's begin on, which may be where the log ends by now: that is how a follower resumes. 200, since
/// the Content-Range of a 206 names the end.
Reply followed_reply(Api& api, const AttemptRow& attempt, OpenLog log, const LogRequest& wanted) {
  std::uint64_t begin = 0;
  if (wanted.tail) begin = tail_offset(log.fd.get(), log.size, *wanted.tail);
  const auto range = byte_range_from(wanted.range.value_or(""), UINT64_MAX);
  if (range && *range) begin = std::min((*range)->begin, log.size);
  LogStream stream{std::move(log.fd), begin, attempt.id, api.executor, api.services.store, api.services.changes};
  return log_reply(std::move(stream), begin, 200);
}

/// What is there now: all, the Range, or the tail.
Answer<Reply> fixed_reply(OpenLog log, const LogRequest& wanted) {
  const auto range = byte_range_from(wanted.range.value_or(""), log.size);
  if (!range) return range.error();
  ByteRange part = range->value_or(ByteRange{0, log.size});
  if (wanted.tail) part.begin = tail_offset(log.fd.get(), log.size, *wanted.tail);
  Reply reply = log_reply(LogStream{std::move(log.fd), part}, part.begin, *range ? 206 : 200);
  if (*range)
    reply.headers.push_back({"Content-Range", "bytes " + std::to_string(part.begin) + "-" +
                                                  std::to_string(part.end - 1) + "/" + std::to_string(log.size)});
  return reply;
}

}  // namespace

Answering get_attempt(Api& api, const Request& request) {
  const auto row = co_await attempt_of(api, request);
  if (!row) co_return row.error();
  co_return json_reply(to_json_text(*row));
}

Answering get_attempt_log(Api& api, const Request& request) {
  const auto wanted = log_request_from(request);
  if (!wanted) co_return wanted.error();
  const auto attempt = co_await attempt_of(api, request);
  if (!attempt) co_return attempt.error();
  const FindCaseById work{attempt->case_id};
  const auto found = co_await api.services.store.read(work);
  const std::filesystem::path path = CaseFolder{found.value().folder}.run_log(attempt->number);
  auto log = co_await log_of(api, request, path, wanted->follow);
  if (!log) co_return log.error();
  if (wanted->follow) co_return followed_reply(api, *attempt, std::move(*log), *wanted);
  co_return fixed_reply(std::move(*log), *wanted);
}

Answering list_signals(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"limit", "after"})) co_return *problem;
  const auto limit = limit_from(request);
  if (!limit) co_return limit.error();
  const auto after = query_number(request, "after", 0, INT64_MAX, 0);
  if (!after) co_return after.error();
  const auto attempt = co_await attempt_of(api, request);
  if (!attempt) co_return attempt.error();
  const ListSignals work{attempt->id, *after, *limit + 1};
  std::vector<LogSignalRow> rows = co_await api.services.store.read(work);
  std::optional<std::string> cursor;
  if (cut_to(rows, *limit)) cursor = std::to_string(rows.back().id);
  co_return list_reply(request, "signals", to_json_text(rows), cursor);
}

}  // namespace ndr
