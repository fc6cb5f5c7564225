#pragma once
#include <vector>

#include "api/router.hpp"

namespace ndr {

/// The API on one page; openapi.json is held against it by a test.
const std::vector<Route>& routes();

}  // namespace ndr
