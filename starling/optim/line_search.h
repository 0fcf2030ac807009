#pragma once
#include <functional>

namespace starling::optim {

/// A function and its slope along a ray, and what a search found there.
struct Along {
  double value = 0, slope = 0;
};
struct LineStep {
  double length = 0;  ///< 0 when none satisfies both conditions
  Along at{};
};

/// Steps that satisfy the strong Wolfe conditions φ(a) <= φ(0) + c₁ a φ'(0) and |φ'(a)| <= c₂ |φ'(0)|.
struct WolfeSpec {
  double sufficient = 1e-4;  ///< c₁
  double curvature = 0.9;    ///< c₂; smaller searches longer
};

/// Moré and Thuente's search (ACM Trans. Math. Softw. 20, 1994, 286-307), as MINPACK-2's dcsrch. `first` is
/// the first length tried; `phi` evaluates at a length.
LineStep more_thuente(const std::function<Along(double)>& phi, const Along& start, double first,
                      const WolfeSpec& spec = {});

/// Nocedal and Wright's search by brackets (Numerical Optimization, 2006, algorithms 3.5 and 3.6).
LineStep bracket_search(const std::function<Along(double)>& phi, const Along& start, double first,
                        const WolfeSpec& spec = {});

/// The first search, and the second where that gives up: scipy's strategy.
LineStep wolfe_search(const std::function<Along(double)>& phi, const Along& start, double first,
                      const WolfeSpec& spec = {});

}  // namespace starling::optim
