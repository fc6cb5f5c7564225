#pragma once
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/job_facts.hpp"
#include "storage/fact_tree.hpp"
#include "storage/strict_json.hpp"

namespace ndr {

using FactJson = nlohmann::ordered_json;
using FactPath = FactTree::Path;

FactPath below(FactPath path, const std::string& name);

/// Whole numbers without a decimal point.
FactJson number_json(double number);
/// A number where it is written as the text is: "3.10", "007" and "1e5" stay texts.
FactJson plain_json(const std::string& text);
/// "${{ inputs.timeout }} (default 45)"
FactJson shown_json(const WorkflowText& text);
FactJson yaml_json(const YamlNode& node);

/// Puts values under their path into a tree, with the name of the file that the origin counts.
class FactWriter {
public:
  FactWriter(const std::vector<std::string>& files, FactTree& tree) : files_(files), tree_(tree) {}
  void operator()(const FactPath& path, const FactJson& value, const Origin& origin) const;

private:
  const std::vector<std::string>& files_;
  FactTree& tree_;
};

/// A value for each row of a matrix, in the rows' order; of one row, or where all agree, the value alone.
class ByRow {
public:
  ByRow();
  ByRow(ByRow&&) noexcept;
  ByRow& operator=(ByRow&&) noexcept;
  ~ByRow();

  void add(const std::string& row, FactJson value, const Origin& origin);
  bool empty() const;
  bool same() const;      // nothing but one value
  bool all_null() const;  // where no row has any
  void write(const FactPath& path, const FactWriter& put) const;

private:
  struct Value;
  std::vector<Value> values_;
};

}  // namespace ndr
