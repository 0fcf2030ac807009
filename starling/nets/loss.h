#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "starling/base/matrix.h"

namespace starling::nets {

/// n logits to shares that sum to 1, in place.
template <class T>
void softmax(T* row, base::Index n) {
  const T most = *std::max_element(row, row + n);
  T sum = 0;
  for (base::Index k = 0; k < n; ++k) sum += row[k] = std::exp(row[k] - most);
  for (base::Index k = 0; k < n; ++k) row[k] /= sum;
}

// Losses of a batch: the loss of each row (double, in `each`), and the gradient of their mean at `out`.

/// Cross-entropy in nats of logits (B, classes) against labels (B) in [0, classes).
template <class T>
void cross_entropy(const base::Points<T>& logits, std::span<const std::int32_t> labels,
                   std::span<double> each, base::Points<T>& gradient) {
  gradient.resize(logits.rows(), logits.cols());
  const T share = T(1) / static_cast<T>(std::max<base::Index>(1, logits.rows()));
  for (base::Index i = 0; i < logits.rows(); ++i) {
    const T* in = logits.data() + i * logits.cols();
    T* out = gradient.data() + i * logits.cols();
    const base::Index label = labels[static_cast<std::size_t>(i)];
    const T most = *std::max_element(in, in + logits.cols());
    T sum = 0;
    for (base::Index k = 0; k < logits.cols(); ++k) sum += out[k] = std::exp(in[k] - most);
    each[static_cast<std::size_t>(i)] =
        std::log(static_cast<double>(sum)) + static_cast<double>(most) - static_cast<double>(in[label]);
    for (base::Index k = 0; k < logits.cols(); ++k) out[k] *= share / sum;
    out[label] -= share;
  }
}

/// Half the squared distance of rows to their targets, both (B, d).
template <class T>
void half_squared_error(const base::Points<T>& values, const base::Points<T>& targets, std::span<double> each,
                        base::Points<T>& gradient) {
  gradient.resize(values.rows(), values.cols());
  const T share = T(1) / static_cast<T>(std::max<base::Index>(1, values.rows()));
  for (base::Index i = 0; i < values.rows(); ++i) {
    double sum = 0;
    for (base::Index k = 0; k < values.cols(); ++k) {
      const T miss = values(i, k) - targets(i, k);
      gradient(i, k) = share * miss;
      sum += static_cast<double>(miss) * static_cast<double>(miss);
    }
    each[static_cast<std::size_t>(i)] = sum / 2;
  }
}

}  // namespace starling::nets
