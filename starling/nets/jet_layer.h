#pragma once
#include <cstddef>

#include "starling/nets/jet_line.h"
#include "starling/nets/jet_network.h"
#include "starling/nets/jet_streams.h"
#include "starling/nets/jet_tile.h"

namespace starling::nets {

/// A linear layer over a tile: what the kernels of jet_products-inl.h take. Strides lead from stream to
/// stream; `width` counts vectors, `weight` is (outputs, inputs).
template <class T>
struct JetLayer {
  std::ptrdiff_t inputs, outputs, streams, width;
  const T* weight;
  const T* bias;
  const T* input;
  std::ptrdiff_t input_stride, output_stride;
};

/// The activation of a hidden layer over a tile.
template <class T>
struct JetHidden {
  JetActivation activation;
  int order;  ///< of the highest stream
  std::ptrdiff_t neurons, streams, width, stride;
  const StreamTerm* forward;
  const StreamTerm* forward_end;
  const StreamTerm* reverse;
  const StreamTerm* reverse_end;
  JetLine line;  ///< of order 0 when only the terms tell
};

}  // namespace starling::nets
