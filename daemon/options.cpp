#include "daemon/options.hpp"

#include <CLI/CLI.hpp>

namespace ndr {
namespace {

void add_serve_options(CLI::App& command, ServeOptions& options) {
  command.add_flag("--system", options.system, "The system instance: /etc, /var/lib and /run instead of XDG folders");
  command.add_option("--config", options.config, "Configuration file (YAML)");
  command.add_option("--state", options.state_folder, "Folder of the database");
  command.add_option("--runtime", options.runtime_folder, "Folder of the socket and the token");
  command.add_option("--tcp", options.tcp, "127.0.0.1:PORT, or off");
  command.add_option("--case-root", options.case_roots, "Folder below which cases may lie; may be repeated");
}

void add_inspect_options(CLI::App& command, InspectOptions& options) {
  command.add_option("--repository", options.repository, "Folder of the checkout");
  CLI::Option* workflow = command.add_option("--workflow", options.workflow, "Workflow file, of .github/workflows");
  command.add_option("--job", options.job, "Id or name of one of its jobs")->needs(workflow);
  command.add_option("--test", options.test, "Node id (path::test[params]) or gtest name (Suite.Test)");
  command.add_option("--log", options.logs, "CI log of the failure: which lines failed; may be repeated");
  command.add_flag("--json", options.json, "One JSON object: the facts, and where each was read");
  command.add_flag("--schema", options.schema, "Print the JSON Schema of what --json prints");
  command.callback([&options] {
    if (!options.schema && options.repository.empty()) throw CLI::RequiredError{"--repository"};
  });
}

void add_case_options(CLI::App& command, GenerateOptions& options) {
  command.add_option("case", options.folder, "Case folder")->required();
  command.add_option("--repository", options.repository, "Checkout of the test (default: what case.yaml says)");
  if (command.get_name() != "brief") command.add_flag("--json", options.json, "One JSON object instead of lines");
}

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"ndreprod: reproduces non-deterministic CI failures, and says how often and how sure.", "ndreprod"};
  app.set_version_flag("--version", std::string{"ndreprod "} + NDREPRO_VERSION);
  app.require_subcommand(1);

  CLI::App* serve = app.add_subcommand("serve", "Run the daemon in the foreground");
  add_serve_options(*serve, options.serve);
  CLI::App* check = app.add_subcommand("check-config", "Read the configuration, say what is wrong, and end");
  add_serve_options(*check, options.serve);
  CLI::App* analyze = app.add_subcommand("analyze", "Say what failed in CI logs; needs no daemon");
  analyze->add_option("files", options.analyze.files, "Log files, or one case folder")->required();
  CLI::Option* json = analyze->add_flag("--json", options.analyze.json, "One JSON object instead of a report");
  analyze->add_flag("--markdown", options.analyze.markdown, "A report in Markdown")->excludes(json);
  analyze->add_option("--repository", options.analyze.repository,
                      "Checkout of the test (default: what case.yaml says)");
  CLI::App* inspect = app.add_subcommand("inspect", "Say how a checkout's CI runs its tests; needs no daemon");
  add_inspect_options(*inspect, options.inspect);
  CLI::App* generate =
      app.add_subcommand("generate", "Write run_test.sh, the stress test and README.md of a case; needs no daemon");
  add_case_options(*generate, options.generate);
  CLI::App* lint = app.add_subcommand("lint", "Say what is wrong with the files of a case; needs no daemon");
  add_case_options(*lint, options.generate);
  CLI::App* brief = app.add_subcommand("brief", "All that is known of a case, for who refines its test by hand");
  add_case_options(*brief, options.generate);
  // Our own question to ourselves: not for people.
  CLI::App* places = app.add_subcommand("code-places", "")->group("");
  app.footer("Example: ndreprod analyze job.log\nThe client for a running daemon is ndreproctl.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    options.exit_code = app.exit(error) == 0 ? 0 : 2;
    return options;
  }
  options.command = serve->parsed()      ? Command::serve
                    : check->parsed()    ? Command::check_config
                    : inspect->parsed()  ? Command::inspect
                    : lint->parsed()     ? Command::lint
                    : brief->parsed()    ? Command::brief
                    : places->parsed()   ? Command::code_places
                    : generate->parsed() ? Command::generate
                                         : Command::analyze;
  return options;
}

}  // namespace ndr
