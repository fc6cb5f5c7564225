#include "storage/attempt_repository.hpp"

#include "analyzer/assert.hpp"
#include "storage/query.hpp"

namespace ndr {
namespace {

const std::string select_attempts =
    "SELECT a.id, a.campaign_id, a.case_id, c.name, a.host_id, a.number, a.phase, a.arm, a.parameters, "
    "a.seed, "
    "a.subject, a.created_at_ms, a.spawned_at_ms, a.ended_at_ms, a.verdict, a.reason, a.explanation, "
    "a.match_grade, "
    "a.match_reasons, a.failure_json, a.exit_code, a.term_signal, a.runs, a.matched, a.different, "
    "a.infrastructure, "
    "a.exposure_ms, a.iterations, a.log_bytes, a.log_offset, a.slice_json FROM attempts a JOIN cases c ON c.id = "
    "a.case_id ";

AttemptRow attempt_of(Query& query) {
  AttemptRow row;
  query.into(row.id, row.campaign_id, row.case_id, row.case_name, row.host_id, row.number, row.phase, row.arm,
             row.parameters, row.seed, row.subject, row.created_at_ms, row.spawned_at_ms, row.ended_at_ms, row.verdict,
             row.reason, row.explanation, row.match_grade, row.match_reasons, row.failure_json, row.exit_code,
             row.term_signal, row.runs, row.matched, row.different, row.infrastructure, row.exposure_ms, row.iterations,
             row.log_bytes, row.log_offset, row.slice_json);
  return row;
}

std::optional<AttemptRow> first_attempt(Query&& query) {
  return query.next() ? std::optional{attempt_of(query)} : std::nullopt;
}

std::vector<AttemptRow> all_attempts(Query&& query) {
  std::vector<AttemptRow> rows;
  while (query.next())
    rows.push_back(attempt_of(query));
  return rows;
}

const std::string select_failures =
    "SELECT id, attempt_id, run, copy, seed, verdict, explanation, match_grade, match_reasons, failure_json, "
    "exit_code, "
    "term_signal, duration_us, log_offset, log_bytes, places_json FROM run_failures ";

std::vector<RunFailureRow> all_failures(Query&& query) {
  std::vector<RunFailureRow> rows;
  while (query.next()) {
    RunFailureRow& row = rows.emplace_back();
    query.into(row.id, row.attempt_id, row.run, row.copy, row.seed, row.verdict, row.explanation, row.match_grade,
               row.match_reasons, row.failure_json, row.exit_code, row.term_signal, row.duration_us, row.log_offset,
               row.log_bytes, row.places_json);
  }
  return rows;
}

}  // namespace

AttemptId AttemptRepository::begin(const AttemptRow& row) {
  Query{database_,
        "INSERT INTO attempts (campaign_id, case_id, host_id, number, phase, arm, parameters, seed, subject, "
        "created_at_ms) SELECT id, case_id, ?, ?, ?, ?, ?, ?, ?, ? FROM campaigns WHERE id = ?",
        row.host_id,
        row.number,
        row.phase,
        row.arm,
        row.parameters,
        row.seed,
        row.subject,
        row.created_at_ms,
        row.campaign_id}
      .run();
  NDR_ASSERT(database_.changes() == 1);  // else the campaign does not exist
  return {database_.last_insert_id()};
}

void AttemptRepository::spawned(AttemptId id, std::int64_t at_ms) {
  Query{database_, "UPDATE attempts SET spawned_at_ms = ? WHERE id = ? AND verdict IS NULL", at_ms, id}.run();
  NDR_ASSERT(database_.changes() == 1);
}

void AttemptRepository::progress(AttemptId id, std::uint64_t log_offset, std::int64_t iterations) {
  Query{database_, "UPDATE attempts SET log_offset = ?, iterations = ? WHERE id = ? AND verdict IS NULL", log_offset,
        iterations, id}
      .run();
  NDR_ASSERT(database_.changes() == 1);
}

void AttemptRepository::finish(const AttemptRow& row) {
  NDR_ASSERT(row.verdict.has_value());
  Query{database_,
        "UPDATE attempts SET spawned_at_ms = coalesce(spawned_at_ms, ?), ended_at_ms = ?, verdict = ?, "
        "reason = ?, "
        "explanation = ?, match_grade = ?, match_reasons = ?, failure_json = ?, exit_code = ?, term_signal = "
        "?, "
        "runs = ?, matched = ?, different = ?, infrastructure = ?, exposure_ms = ?, iterations = ?, "
        "log_bytes = ?, "
        "log_offset = ?, slice_json = ? WHERE id = ? AND verdict IS NULL",
        row.spawned_at_ms,
        row.ended_at_ms,
        row.verdict,
        row.reason,
        row.explanation,
        row.match_grade,
        row.match_reasons,
        row.failure_json,
        row.exit_code,
        row.term_signal,
        row.runs,
        row.matched,
        row.different,
        row.infrastructure,
        row.exposure_ms,
        row.iterations,
        row.log_bytes,
        row.log_offset,
        row.slice_json,
        row.id}
      .run();
  NDR_ASSERT(database_.changes() == 1);
}

std::optional<AttemptRow> AttemptRepository::find(AttemptId id) {
  return first_attempt({database_, select_attempts + "WHERE a.id = ?", id});
}

std::optional<AttemptRow> AttemptRepository::find(CaseId case_id, int number) {
  return first_attempt({database_, select_attempts + "WHERE a.case_id = ? AND a.number = ?", case_id, number});
}

std::vector<AttemptRow> AttemptRepository::of_campaign(CampaignId id) {
  return all_attempts({database_, select_attempts + "WHERE a.campaign_id = ? ORDER BY a.id", id});
}

std::vector<AttemptRow> AttemptRepository::unfinished() {
  return all_attempts({database_, select_attempts + "WHERE a.verdict IS NULL ORDER BY a.id"});
}

int AttemptRepository::last_number(CaseId id) {
  Query query{database_, "SELECT coalesce(max(number), 0) FROM attempts WHERE case_id = ?", id};
  int number = 0;
  if (query.next()) query.into(number);
  return number;
}

void AttemptRepository::add_signals(const std::vector<LogSignalRow>& rows) {
  for (const LogSignalRow& row : rows) {
    Query{database_,
          "INSERT INTO log_signals (attempt_id, rule, signal_class, offset, line, fields_json, seen_at_ms) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)",
          row.attempt_id,
          row.rule,
          row.signal_class,
          row.offset,
          row.line,
          row.fields_json,
          row.seen_at_ms}
        .run();
  }
}

std::vector<LogSignalRow> AttemptRepository::signals(AttemptId id, std::int64_t after, int limit) {
  Query query{database_,
              "SELECT id, attempt_id, rule, signal_class, offset, line, fields_json, seen_at_ms FROM log_signals "
              "WHERE attempt_id = ? AND id > ? ORDER BY id LIMIT ?",
              id, after, limit};
  std::vector<LogSignalRow> rows;
  while (query.next()) {
    LogSignalRow& row = rows.emplace_back();
    query.into(row.id, row.attempt_id, row.rule, row.signal_class, row.offset, row.line, row.fields_json,
               row.seen_at_ms);
  }
  return rows;
}

std::vector<ArmHistory> AttemptRepository::arm_history(CaseId without, const std::string& failure_type) {
  Query query{
      database_,
      "SELECT arm, count(*), sum(matched > 0) FROM (SELECT a.arm AS arm, a.case_id, sum(a.matched) AS matched "
      "FROM attempts a JOIN campaigns c ON c.id = a.campaign_id WHERE a.slice_json <> '' AND a.case_id <> ? AND "
      "json_extract(c.signature_json, '$.failure_type') = ? GROUP BY a.arm, a.case_id) GROUP BY arm ORDER BY arm",
      without, failure_type};
  std::vector<ArmHistory> rows;
  while (query.next()) {
    ArmHistory& row = rows.emplace_back();
    query.into(row.arm, row.cases, row.matched);
  }
  return rows;
}

void AttemptRepository::add_failures(const std::vector<RunFailureRow>& rows) {
  for (const RunFailureRow& row : rows) {
    Query{database_,
          "INSERT INTO run_failures (attempt_id, run, copy, seed, verdict, explanation, match_grade, match_reasons, "
          "failure_json, exit_code, term_signal, duration_us, log_offset, log_bytes, places_json) VALUES (?, ?, ?, ?, "
          "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          row.attempt_id,
          row.run,
          row.copy,
          row.seed,
          row.verdict,
          row.explanation,
          row.match_grade,
          row.match_reasons,
          row.failure_json,
          row.exit_code,
          row.term_signal,
          row.duration_us,
          row.log_offset,
          row.log_bytes,
          row.places_json}
        .run();
  }
}

std::vector<RunFailureRow> AttemptRepository::failures(AttemptId id, std::int64_t after, int limit) {
  Query query{database_, select_failures + "WHERE attempt_id = ? AND id > ? ORDER BY id LIMIT ?", id, after, limit};
  return all_failures(std::move(query));
}

std::vector<RunFailureRow> AttemptRepository::failures_of_campaign(CampaignId id, std::int64_t after, int limit) {
  Query query{database_,
              select_failures +
                  "WHERE attempt_id IN (SELECT id FROM attempts WHERE campaign_id = ?) AND id > ? "
                  "ORDER BY id LIMIT ?",
              id, after, limit};
  return all_failures(std::move(query));
}

std::int64_t AttemptRepository::signal_count(AttemptId id) {
  Query query{database_, "SELECT count(*) FROM log_signals WHERE attempt_id = ?", id};
  std::int64_t count = 0;
  if (query.next()) query.into(count);
  return count;
}

}  // namespace ndr
