#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/job_facts.hpp"
#include "storage/fact_tree.hpp"

namespace ndr {

using FactJson = nlohmann::ordered_json;
using FactPath = FactTree::Path;

FactPath below(FactPath path, const std::string& name);

/// Whole numbers without a decimal point.
FactJson number_json(double number);
/// A number where the text is one.
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
  void add(const std::string& row, FactJson value, const Origin& origin) {
    if (values_.empty()) origin_ = origin;
    values_.emplace_back(row, std::move(value), origin);
  }
  bool empty() const { return values_.empty(); }
  bool same() const {
    return std::all_of(values_.begin(), values_.end(),
                       [&](const auto& v) { return std::get<1>(v) == std::get<1>(values_[0]); });
  }
  template <class Put>  // put(path below, value, origin)
  void write(const FactPath& path, Put put) const {
    if (same()) return put(path, std::get<1>(values_[0]), origin_);
    for (const auto& [row, value, origin] : values_)
      put(below(path, row), value, origin);
  }

private:
  std::vector<std::tuple<std::string, FactJson, Origin>> values_;
  Origin origin_;
};

}  // namespace ndr
