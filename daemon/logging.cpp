#include "daemon/logging.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace ndr {
namespace {

// "<6>" and so on, sd-daemon(3): journald takes the priority from it.
class PriorityPrefix : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const char* prefix = "<6>";
    if (message.level >= spdlog::level::err)
      prefix = "<3>";
    else if (message.level == spdlog::level::warn)
      prefix = "<4>";
    else if (message.level <= spdlog::level::debug)
      prefix = "<7>";
    out.append(prefix, prefix + 3);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PriorityPrefix>(); }
};

// JOURNAL_STREAM is inherited: it speaks of our standard error only where it names its file (systemd.exec(5)).
bool logs_to_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat own {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &own) == 0 &&
         stream == std::to_string(own.st_dev) + ":" + std::to_string(own.st_ino);
}

}  // namespace

void start_logging(const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>("ndreprod", std::make_shared<spdlog::sinks::stderr_sink_st>());
  if (logs_to_journal()) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PriorityPrefix>('J').set_pattern("%J%v");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc));
  }
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace ndr
