#include "supervisor/campaign/arm_words.hpp"

#include <cstdio>

namespace ndr {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  if (value >= 100) std::snprintf(text, sizeof text, "%.0f", value);
  return text;
}

std::string micros(int us) { return short_time(static_cast<double>(us) / 1e6); }

/// "4 yields a run", or "yields at 50 % of the calls".
std::string how_many(const char* what, double chance, std::uint64_t points) {
  const double each_run = chance * static_cast<double>(points);
  if (points == 0) return std::string{what} + "s at " + number(chance * 100) + " % of the calls";
  return number(each_run) + " " + what + (each_run == 1 ? "" : "s") + " a run";
}

void add(std::string& text, const std::string& part) { text += (text.empty() ? "" : ", ") + part; }

std::string noise_words(const Arm& arm, std::uint64_t points) {
  const std::string redrawn = arm.redrawn ? ", drawn anew around that for each run" : "";
  if (arm.noise_us == 0) return how_many("yield", arm.noise_chance, points) + redrawn;
  return how_many("delay", arm.noise_chance, points) + " of up to " + micros(arm.noise_us) + redrawn;
}

std::string hold_words(const Arm& arm) {
  std::string text = std::to_string(arm.breakpoints) + (arm.breakpoints == 1 ? " instruction" : " instructions");
  if (!arm.near.empty()) text += " in " + arm.near.front() + (arm.near.size() > 1 ? " and its neighbourhood" : "");
  return text + " a run, each held once for " + micros(arm.hold_us);
}

std::string copies_words(const Arm& arm) {
  std::string text = std::to_string(arm.copies) + " copies";
  if (arm.shared_copies > 1) text += ", " + std::to_string(arm.shared_copies) + " of them with one TMPDIR";
  return text;
}

std::string watchdog_words(const Arm& arm) {
  if (arm.watchdog_scale <= 0) return "operation timeout off";
  return "operation timeout of " + short_time(arm.operation_timeout_s * arm.watchdog_scale);
}

}  // namespace

std::string short_time(double seconds) {
  if (seconds < 1) return number(seconds * 1000) + " ms";
  return (seconds < 120 ? number(seconds) + " s" : number(seconds / 60) + " min");
}

std::string arm_words(const Arm& arm, std::uint64_t points) {
  std::string text;
  if (arm.noise_chance > 0) add(text, noise_words(arm, points));
  if (arm.breakpoints > 0) add(text, hold_words(arm));
  if (arm.call_chance > 0)
    add(text, number(arm.call_chance * 100) + " % of the system calls held for " + micros(arm.hold_us));
  if (arm.preempts) add(text, "CPUs taken away now and then");
  if (arm.one_cpu) add(text, "all on one CPU");
  if (arm.priority_points > 0) add(text, "strict priorities of threads on one CPU, changed now and then");
  if (arm.counts_points) add(text, "calls counted, nothing delayed");
  if (arm.watchdog_scale != 1) add(text, watchdog_words(arm));
  if (arm.workers > 1) add(text, std::to_string(arm.workers) + " workers");
  if (arm.copies > 1) add(text, copies_words(arm));
  if (arm.keeps_folder) add(text, "one after the other in one folder, which nobody empties");
  if (arm.predecessors > 0)
    add(text, "after the last " + std::to_string(arm.predecessors) + " tests that came before it in CI");
  if (arm.fresh_board) add(text, "boards reset before");
  for (const auto& [name, value] : arm.environment)
    add(text, std::string{name}.append("=").append(value));
  for (const auto& [name, most] : arm.limits)
    add(text, "at most " + std::to_string(most) + " of " + name);
  if (arm.iterations > 1) add(text, std::to_string(arm.iterations) + " iterations");
  return text.empty() ? "as in CI" : text;
}

}  // namespace ndr
