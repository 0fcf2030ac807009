#pragma once
#include <string_view>

namespace starling::base {

std::string_view version();  ///< "0.1.0"
std::string_view
git_commit();  ///< the commit this was built from, with "+" when files had changed; or "unknown"
std::string_view build_summary();  ///< compiler, build type and architecture

}  // namespace starling::base
