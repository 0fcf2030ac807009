#pragma once
#include <boost/align/aligned_allocator.hpp>
#include <vector>

namespace starling::simd {

/// Numbers that begin on a cache line, so that no vector of them straddles two.
using LaneVector = std::vector<double, boost::alignment::aligned_allocator<double, 64>>;

}  // namespace starling::simd
