#pragma once
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/pinn/bound_norms.h"

namespace starling::pinn {

/// What stands with every figure of the reconstructed bound.
constexpr const char* bound_paper =
    "Y. Hashimoto, T. Iwata, \"Unified generalization analysis for physics informed neural networks\", "
    "arXiv:2605.13260 (our reconstruction: its constants are not known to us)";

/// A bound of the complexity of one equation's residuals, what it was made from and what it is compared with.
struct BoundRow {
  std::string name{};       ///< of the equation
  Complexity complexity{};  ///< over n points
  double n = 1;
  std::vector<double> norms{};  ///< of the unknown in H^s, H^(s+1), ...
  double largest = 0;           ///< M, of |r|
};

/// Records the row: every term with its factors |a|, B^p and norms, their sum, and what it makes of the gap;
/// a note calls vacuous what alone exceeds what the size of the residual says.
void record_row(study::Store& store, const std::string& task, const System& system, const BoundRow& row);

}  // namespace starling::pinn
