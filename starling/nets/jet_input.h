#pragma once
#include <cstddef>
#include <vector>

#include "starling/nets/jet_network.h"
#include "starling/nets/jet_streams.h"

namespace starling::nets {

/// The streams of what a network reads: its features, or the coordinates where it has none.
template <class T>
class JetInput {
 public:
  /// Error{usage} where the network's inputs are not the features, or the axes where there are none, or a
  /// feature is of an axis that is not there.
  JetInput(const JetNetwork& network, const Streams& streams);

  /// The tile of `count` points (.., axes) from `begin` on; `out` is laid out as a layer's input, jet_tile.h.
  void fill(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, T* out) const;

 private:
  struct Feature {
    JetFeature of;
    std::vector<StreamWave> wave;  // a stream each, of a wave
    std::vector<T> constant;       // of a coordinate
  };
  void fill_coordinate(const Feature& feature, const T* points, std::ptrdiff_t begin, std::ptrdiff_t count,
                       T* out) const;
  void fill_wave(const Feature& feature, const T* points, std::ptrdiff_t begin, std::ptrdiff_t count,
                 T* out) const;
  std::ptrdiff_t stride() const;

  std::ptrdiff_t axes_;
  std::size_t streams_;
  std::vector<Feature> features_;
};

}  // namespace starling::nets
