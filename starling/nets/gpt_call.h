#pragma once
#include <algorithm>

#include "starling/nets/gpt.h"

namespace starling::nets {

/// One chunk of sequences on its way through a Gpt: all that its steps share.
template <class T>
struct Gpt<T>::Call {
  const T* p;
  GptInput<T> input;
  Workspace& workspace;
  typename Workspace::Chunk& chunk;
  base::Index first, sequences, length, width;  ///< sequences first .. first + sequences

  base::Index rows() const { return sequences * length; }
  base::Index row() const { return first * length; }
  /// Where the chunk's rows begin in an array of `columns` numbers a token.
  T* at(simd::AlignedVector<T>& all, base::Index columns) const { return all.data() + row() * columns; }
};

/// Sequences a chunk: about 256 tokens.
inline base::Index chunk_of(base::Index length) {
  return std::max<base::Index>(1, 256 / length);
}

}  // namespace starling::nets
