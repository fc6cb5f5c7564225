#include <cstdio>
#include <exception>
#include <iostream>

#include "daemon/analyze_command.hpp"
#include "daemon/app.hpp"
#include "daemon/configure.hpp"
#include "daemon/generate_command.hpp"
#include "daemon/inspect_command.hpp"
#include "daemon/logging.hpp"
#include "daemon/options.hpp"
#include "daemon/start_check.hpp"
#include "supervisor/arms/place_question.hpp"

namespace {

int refuse(const ndr::Refusal& refusal) {
  std::cerr << "ndreprod: " << ndr::to_text(refusal) << '\n';
  return 2;
}

int check_config(const ndr::Options& options) {
  const auto config = ndr::configure(options.serve);
  if (config.has_error()) return refuse(config.error());
  const auto rules = ndr::check_start(config->settings);
  if (rules.has_error()) return refuse(rules.error());
  std::cout << "the configuration is good; state in " << config->settings.state_folder.string() << '\n';
  return 0;
}

int serve(const ndr::Options& options) {
  const auto config = ndr::configure(options.serve);
  if (config.has_error()) return refuse(config.error());
  ndr::start_logging(config->log_level);
  return ndr::serve(*config);
}

int run(const ndr::Options& options) {
  switch (options.command) {
    case ndr::Command::none:
      return options.exit_code;
    case ndr::Command::serve:
      return serve(options);
    case ndr::Command::check_config:
      return check_config(options);
    case ndr::Command::analyze:
      return ndr::analyze_command(options.analyze, std::cout, std::cerr);
    case ndr::Command::inspect:
      return ndr::inspect_command(options.inspect, std::cout, std::cerr);
    case ndr::Command::generate:
      return ndr::generate_command(options.generate, std::cout, std::cerr);
    case ndr::Command::lint:
      return ndr::lint_command(options.generate, std::cout, std::cerr);
    case ndr::Command::brief:
      return ndr::brief_command(options.generate, std::cout, std::cerr);
    case ndr::Command::code_places:
      return ndr::places_command();
  }
  return 2;
}

}  // namespace

// The last of the three doors for a broken machine: say what was being done, and end.
int main(int argc, char** argv) {
  try {
    return run(ndr::parse_options(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ndreprod: %s\n", error.what());
    return 1;
  }
}
