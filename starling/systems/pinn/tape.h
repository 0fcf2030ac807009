#pragma once
#include <cstddef>
#include <vector>

#include "starling/systems/pinn/expression.h"

namespace starling::pinn {

/// Expressions as a list of operations on rows of `lanes` numbers, one a sample, with their derivatives in
/// the symbols and in the learned coefficients: forward once, then reverse for every root.
template <class T>
class Tape {
 public:
  static constexpr std::ptrdiff_t lanes = 256 / static_cast<std::ptrdiff_t>(sizeof(T));

  Tape(const Graph& graph, const std::vector<int>& roots);

  /// The symbols that the roots read, as numbers of the graph's.
  const std::vector<int>& symbols() const { return symbols_; }
  std::ptrdiff_t roots() const { return static_cast<std::ptrdiff_t>(roots_.size()); }

  /// Numbers that evaluate and reverse need.
  std::ptrdiff_t room() const { return 2 * static_cast<std::ptrdiff_t>(steps_.size()) * lanes; }

  /// Fills `room` from rows of coordinates (axis a at coordinates + a · lanes), of symbols (in the order of
  /// symbols(), apart) and the learned coefficients.
  void evaluate(const T* coordinates, const T* const* symbols, const T* learned, T* room) const;
  /// The row of a root after evaluate.
  const T* value(std::ptrdiff_t root, const T* room) const {
    return row(roots_[static_cast<std::size_t>(root)], room);
  }

  /// The derivatives of one root after evaluate, added to rows in the order of symbols() and to rows of the
  /// coefficients, all weighted by the row `weight`.
  void reverse(std::ptrdiff_t root, const T* weight, T* room, T* const* symbols, T* const* learned) const;

 private:
  struct Step {
    Op op;
    int a = -1, b = -1;  // steps, or the number of a leaf
    T value = 0;
    int integer = 0;  // the exponent of a whole power, when `whole`
    bool whole = false, active = false;
  };
  static const T* row(int step, const T* room) { return room + step * lanes; }
  void forward_step(const Step& step, T* room, T* out) const;
  void reverse_step(const Step& step, int number, T* room) const;

  std::vector<Step> steps_;
  std::vector<int> roots_, symbols_;
};

}  // namespace starling::pinn
