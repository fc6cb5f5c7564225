#include "supervisor/arms/noise/settings.hpp"

namespace ndr::noise {
namespace {

constexpr std::uint32_t longest_nap_us = 100000;

// The text from `at` on, as far as it is looked at.
struct Cursor {
  const char* at;

  bool take(const char* word) {
    const char* here = at;
    for (; *word != '\0'; ++word, ++here) {
      if (*here != *word) return false;
    }
    at = here;
    return true;
  }
  bool ends() const { return *at == '\0' || *at == ','; }

  bool take_number(std::uint64_t& number) {
    const char* begin = at;
    number = 0;
    for (; *at >= '0' && *at <= '9' && at - begin < 19; ++at)
      number = number * 10 + static_cast<std::uint64_t>(*at - '0');
    return at > begin;
  }
  // "0.25", "1"; at most one, which is a chance.
  bool take_chance(double& chance) {
    std::uint64_t whole = 0;
    if (!take_number(whole) || whole > 1) return false;
    chance = static_cast<double>(whole);
    if (*at != '.') return true;
    ++at;
    double scale = 0.1;
    for (; *at >= '0' && *at <= '9'; ++at, scale /= 10)
      chance += scale * (*at - '0');
    return chance <= 1;
  }
  bool take_us(std::uint32_t& us) {
    std::uint64_t number = 0;
    if (!take_number(number) || number > longest_nap_us) return false;
    us = static_cast<std::uint32_t>(number);
    return true;
  }
  bool take_path(char* path, std::size_t size) {
    std::size_t length = 0;
    for (; !ends() && length + 1 < size; ++at)
      path[length++] = *at;
    path[length] = '\0';
    return ends() && length > 0 && path[0] == '/';
  }
};

bool take_mode(Cursor& text, Mode& mode) {
  if (text.take("count"))
    mode = Mode::count;
  else if (text.take("sleep"))
    mode = Mode::sleep;
  else if (text.take("yield"))
    mode = Mode::yield;
  else if (text.take("pct"))
    mode = Mode::pct;
  else if (text.take("off"))
    mode = Mode::off;
  else
    return false;
  return true;
}

bool take_setting(Cursor& text, NoiseSettings& settings) {
  std::uint64_t number = 0;
  if (text.take("mode=")) return take_mode(text, settings.mode);
  if (text.take("p=")) return text.take_chance(settings.chance);
  if (text.take("us=")) return text.take_us(settings.longest_us);
  if (text.take("start_p=")) return text.take_chance(settings.start_chance);
  if (text.take("start_us=")) return text.take_us(settings.start_us);
  if (text.take("points=")) return text.take_number(settings.points);
  if (text.take("seed=")) return text.take_number(settings.seed);
  if (text.take("report=")) return text.take_path(settings.report, sizeof settings.report);
  if (!text.take("cut=") || !text.take_number(number) || number > 1) return false;
  settings.cuts_waits = number == 1;
  return true;
}

}  // namespace

NoiseSettings settings_from(const char* text) {
  NoiseSettings settings;
  Cursor cursor{text == nullptr ? "" : text};
  while (*cursor.at != '\0') {
    if (!take_setting(cursor, settings) || !cursor.ends()) return {};
    if (*cursor.at == ',') ++cursor.at;
  }
  return settings;
}

}  // namespace ndr::noise
