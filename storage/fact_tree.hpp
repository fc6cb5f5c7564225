#pragma once
#include <memory>
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "storage/strict_json.hpp"

namespace ndr {

/// A JSON tree of facts and, beside it, where each was read: `origins` maps the JSON pointer (RFC 6901) of a value to
/// {"file", "line"}, `problems` lists what could not be read.
class FactTree {
public:
  using Path = std::vector<std::string>;

  FactTree();
  ~FactTree();
  FactTree(const FactTree&) = delete;
  FactTree& operator=(const FactTree&) = delete;

  /// Sets the value at the path. A list or an object has the origin for all of its leaves that have none of their own.
  /// A value on the way to the path that is no object gives way to one. An empty file or line 0: nobody knows.
  void put(const Path& path, const nlohmann::ordered_json& value, const std::string& file, std::uint64_t line);
  void problem(const Refusal& refusal);
  bool has(const Path& path) const;

  /// The whole tree; the object is spent.
  nlohmann::ordered_json take();

private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ndr
