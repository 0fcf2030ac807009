#pragma once
#include <boost/align/aligned_allocator.hpp>
#include <vector>

namespace starling::simd {

/// Numbers that begin on a cache line, so that no vector of them straddles two.
template <class T>
using AlignedVector = std::vector<T, boost::alignment::aligned_allocator<T, 64>>;
using LaneVector = AlignedVector<double>;

}  // namespace starling::simd
