#pragma once
#include <cstdint>

#include "starling/base/random.h"

namespace starling::drift {

/// Classifier-free guidance at training time (Deng et al., 2026, train.py of the release): the generator
/// learns the family alpha p(.|class) - (alpha - 1) p(.) with alpha as one more input, and samples any of it
/// in one step. Real points of all classes join the negatives with the weight that makes the balance hold.
struct GuidanceSpec {
  double largest = 1;           ///< alpha runs from 1 to here; 1: no guidance
  double power = 3;             ///< density of alpha proportional to alpha^-power
  double plain_share = 0.5;     ///< share of blocks trained at alpha = 1
  std::int64_t negatives = 16;  ///< points of all classes in each block
  bool active() const { return largest > 1; }
};

/// A draw of alpha in [1, largest]: 1 with probability plain_share, else by inversion of the power law,
/// alpha = (1 + U (largest^w - 1))^(1/w) with w = 1 - power, and log-uniform for power 1.
double draw_guidance(const GuidanceSpec& spec, base::Stream& stream);

/// The weight of each unconditional negative beside `generated` samples of a block: (alpha - 1)(generated -
/// 1) / negatives.
double negative_weight(const GuidanceSpec& spec, double alpha, std::int64_t generated);

}  // namespace starling::drift
