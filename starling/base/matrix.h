#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <type_traits>

namespace starling::base {

/// Signed sizes and subscripts, as Eigen counts.
using Index = Eigen::Index;

/// A cloud of points, or any table: one point a row, contiguous, shape (N, d).
template <class T>
using Points = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A cloud that someone else owns (a numpy array, a block of rows); bind by `const&`. Not deduced: call
/// f<double>(...).
template <class T>
using PointsRef = Eigen::Ref<const Points<T>>;

/// One number for each point.
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

}  // namespace starling::base
