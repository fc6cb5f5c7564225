#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/job/expression.hpp"
#include "analyzer/job/job_facts.hpp"

namespace ndr {

/// What the expressions of one workflow, or of one composite action within it, may name: inputs, a matrix row, env.
class WorkflowScope {
public:
  /// `is_action`: an input that nobody gives has its default for sure; of a workflow, a caller may still give it.
  WorkflowScope(std::string file, FactFiles& files, bool is_action)
      : file_(std::move(file)), files_(files), is_action_(is_action) {}

  void declare_inputs(const YamlNode* inputs);
  void give_input(const std::string& name, WorkflowText value) { given_[name] = std::move(value); }
  void set_row(const MatrixRow* row) { row_ = row; }
  void set_environment(const JobEnvironment* environment) { environment_ = environment; }

  /// The scalar with its expressions replaced, or those that are unknown kept.
  WorkflowText text(const YamlNode& node) const;
  std::string with_defaults(std::string_view text) const;
  /// A list, one text or an object (`group:`/`labels:`) as one text.
  WorkflowText list_text(const YamlNode& node) const;
  /// `if:` with or without its braces; true where nobody here can know.
  bool may_run(std::string_view condition) const;
  /// Whether the text names an input that has its default.
  bool names_default(std::string_view text) const;
  /// The node of the matrix that a text consists of ("${{ matrix.test-group.cmd }}"); null where it is no such text.
  const YamlNode* matrix_node(std::string_view text) const;
  ContextLookup lookup(bool with_defaults) const;

  Origin at(std::uint64_t line) const { return files_.at(file_, line); }
  const std::string& file() const { return file_; }
  FactFiles& files() const { return files_; }

private:
  std::optional<ExpressionValue> look_up(const std::vector<std::string>& path, bool with_defaults) const;
  std::optional<ExpressionValue> input(const std::string& name, bool with_defaults) const;

  std::string file_;
  FactFiles& files_;
  bool is_action_;
  std::map<std::string, YamlNode> defaults_;
  std::map<std::string, WorkflowText> given_;
  const MatrixRow* row_ = nullptr;
  const JobEnvironment* environment_ = nullptr;
};

}  // namespace ndr
