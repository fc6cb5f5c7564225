#include "storage/slice_log.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view run_mark = "#ndrepro run ";
constexpr std::string_view end_mark = "#ndrepro end ";
constexpr std::string_view progress_mark = "#ndrepro slice ";
constexpr std::size_t longest_line = 4u << 20;
constexpr std::int64_t most_bytes = 1ll << 40;

std::optional<Kept> kept_from(std::string_view text) {
  for (const Kept kept : {Kept::failed, Kept::literal, Kept::first_passed, Kept::last_passed})
    if (to_text(kept) == text) return kept;
  return std::nullopt;
}

ordered_json place_json(const DelayedPlace& place) { return ordered_json::array({place.module, place.offset}); }

std::optional<DelayedPlace> place_from(const json& value) {
  if (!value.is_array() || value.size() < 2 || !value[0].is_string() || !value[1].is_number_unsigned())
    return std::nullopt;
  return DelayedPlace{value[0].get<std::string>(), value[1].get<std::uint64_t>()};
}

std::string line_of(std::string_view mark, const ordered_json& value) {
  return std::string{mark}.append(json_text(value)).append("\n");
}

struct ReadRun {
  SliceRun run;
  std::uint64_t bytes = 0;
};

std::optional<ReadRun> run_from(std::string_view text) {
  const json value = json_from(text);
  if (!value.is_object()) return std::nullopt;
  ReadRun read;
  JsonFields fields{value};
  std::string kept;
  std::int64_t bytes = 0;
  fields.integer("run", read.run.run, 1);
  fields.integer("copy", read.run.copy, 0);
  fields.natural("seed", read.run.seed);
  fields.text("kept", kept);
  fields.optional_integer("status", read.run.exit_code, 0, 255);
  fields.optional_integer("signal", read.run.term_signal, 1, 64);
  fields.flag("stood_still", read.run.stood_still);
  fields.integer("us", read.run.duration_us, 0);
  fields.integer("leftovers", read.run.leftovers, 0);
  fields.integer("bytes", bytes, 0, most_bytes);
  if (fields.has("places")) {
    for (const json& item : value["places"])
      if (auto place = place_from(item)) read.run.places.push_back(std::move(*place));
  }
  const std::optional<Kept> why = kept_from(kept);
  if (fields.refusal() || !why) return std::nullopt;
  read.run.kept = *why;
  read.bytes = static_cast<std::uint64_t>(bytes);
  return read;
}

}  // namespace

std::string_view to_text(Kept kept) {
  switch (kept) {
    case Kept::failed:
      return "failed";
    case Kept::literal:
      return "literal";
    case Kept::first_passed:
      return "first_passed";
    case Kept::last_passed:
      return "last_passed";
  }
  return "";
}

std::string frame_head(const SliceRun& run, std::uint64_t bytes) {
  ordered_json value{{"run", run.run}, {"copy", run.copy}, {"seed", run.seed}, {"kept", to_text(run.kept)}};
  value["status"] = run.exit_code ? ordered_json(*run.exit_code) : ordered_json(nullptr);
  value["signal"] = run.term_signal ? ordered_json(*run.term_signal) : ordered_json(nullptr);
  value["stood_still"] = run.stood_still;
  value["us"] = run.duration_us;
  value["leftovers"] = run.leftovers;
  value["bytes"] = bytes;
  if (!run.places.empty()) {
    ordered_json places = ordered_json::array();
    for (const DelayedPlace& place : run.places)
      places.push_back(place_json(place));
    value["places"] = std::move(places);
  }
  return line_of(run_mark, value);
}

std::string frame_tail(const SliceRun& run) {
  return std::string{"\n"}.append(end_mark).append(std::to_string(run.run)).append("\n");
}

std::string progress_line(const SliceProgress& progress) {
  return std::string{progress_mark}.append(progress_json(progress)).append("\n");
}

std::string progress_json(const SliceProgress& progress) {
  ordered_json value{{"runs", progress.runs},
                     {"passed", progress.passed},
                     {"kept", progress.kept},
                     {"cut", progress.cut},
                     {"ms", progress.elapsed_ms}};
  if (progress.over) {
    value["over"] = true;
    value["median_us"] = progress.median_us;
    value["p99_us"] = progress.p99_us;
    value["points"] = progress.points;
    value["preempting"] = progress.preempting;
    value["trouble"] = progress.trouble;
    ordered_json places = ordered_json::array();
    for (const auto& [place, runs] : progress.passed_places) {
      ordered_json item = place_json(place);
      item.push_back(static_cast<std::uint64_t>(runs));
      places.push_back(std::move(item));
    }
    if (!places.empty()) value["passed_places"] = std::move(places);
  }
  return json_text(value);
}

std::optional<SliceProgress> progress_from(std::string_view text) {
  const json value = json_from(text);
  if (!value.is_object()) return std::nullopt;
  SliceProgress read;
  JsonFields fields{value};
  fields.integer("runs", read.runs, 0);
  fields.integer("passed", read.passed, 0);
  fields.integer("kept", read.kept, 0);
  fields.integer("cut", read.cut, 0);
  fields.integer("ms", read.elapsed_ms, 0);
  if (fields.has("over")) fields.flag("over", read.over);
  if (read.over) {
    fields.integer("median_us", read.median_us, 0);
    fields.integer("p99_us", read.p99_us, 0);
    fields.natural("points", read.points);
    fields.text("preempting", read.preempting);
    fields.text("trouble", read.trouble);
    if (fields.has("passed_places")) {
      for (const json& item : value["passed_places"]) {
        auto place = place_from(item);
        if (place && item.size() == 3 && item[2].is_number_unsigned())
          read.passed_places.push_back({std::move(*place), item[2].get<std::int64_t>()});
      }
    }
  }
  return fields.refusal() ? std::nullopt : std::optional{std::move(read)};
}

std::vector<SliceEvent> SliceLogReader::feed(std::string_view bytes) {
  std::vector<SliceEvent> found;
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      skip_ -= taken;
      offset_ += taken;
      bytes.remove_prefix(taken);
      continue;
    }
    const std::size_t newline = bytes.find('\n');
    const std::size_t taken = newline == std::string_view::npos ? bytes.size() : newline + 1;
    // A line that goes on without end is none of ours.
    if (line_.size() < longest_line) line_.append(bytes.substr(0, taken));
    offset_ += taken;
    bytes.remove_prefix(taken);
    if (newline == std::string_view::npos) break;
    line_.pop_back();
    take_line(found);
    line_.clear();
  }
  return found;
}

void SliceLogReader::take_line(std::vector<SliceEvent>& found) {
  const std::string_view line = line_;
  if (line.starts_with(run_mark)) {
    std::optional<ReadRun> read = run_from(line.substr(run_mark.size()));
    if (!read) return;
    run_ = std::move(read->run);
    run_->begin = offset_;
    run_->end = offset_ + read->bytes;
    skip_ = read->bytes;
  } else if (line.starts_with(end_mark)) {
    if (run_) found.emplace_back(std::move(*run_));
    run_.reset();
  } else if (line.starts_with(progress_mark)) {
    if (std::optional<SliceProgress> read = progress_from(line.substr(progress_mark.size())))
      found.emplace_back(std::move(*read));
  }
}

std::vector<SliceEvent> slice_events(std::string_view log) { return SliceLogReader{}.feed(log); }

}  // namespace ndr
