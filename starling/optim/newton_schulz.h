#pragma once
#include <vector>

#include "starling/math/minimax_polynomial.h"

namespace starling::optim {

/// Published coefficients (a, b, c) of X <- a X + (b A + c A²) X, A = X Xᵀ.
enum class NewtonSchulzTable {
  jordan,         ///< K. Jordan's reference implementation of Muon: one triple, five times
  polar_express,  ///< Amsel et al., arXiv:2505.16932, algorithm 1: seven triples, then 15/8, -10/8, 3/8
  nanochat,       ///< A. Karpathy's nanochat: Polar Express for five steps, safety 2e-2, cushion 2
  you,            ///< J. You's five triples, as in Dao-AILab's gram-newton-schulz
  cans            ///< Grishina et al., arXiv:2506.10935, appendix G: seven steps of order 3 (c = 0)
};

/// The first `steps` triples; 0: as many as the table is used with (5, for `cans` 7). Polar Express's are
/// divided by (safety, safety³, safety⁵), but for the limit's. Error{usage} beyond the end of a table.
std::vector<math::OddQuintic> newton_schulz_steps(NewtonSchulzTable table, int steps, double safety = 1.01);

/// How a table scales its start: X_0 = M / (safety |M|_F + cushion).
struct StartScale {
  double safety = 1, cushion = 1e-7;
};
StartScale start_scale(NewtonSchulzTable table);

}  // namespace starling::optim
