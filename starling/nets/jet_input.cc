#include "starling/nets/jet_input.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "starling/base/error.h"
#include "starling/nets/jet_tile.h"

namespace starling::nets {

using base::Error;
using base::ErrorKind;

template <class T>
JetInput<T>::JetInput(const JetNetwork& network, const Streams& streams)
    : axes_(streams.axes()), streams_(static_cast<std::size_t>(streams.count())) {
  std::vector<JetFeature> features = network.features;
  for (int axis = 0; network.features.empty() && axis < streams.axes(); ++axis)
    features.push_back({.axis = axis});
  if (network.widths.front() != static_cast<std::ptrdiff_t>(features.size())) {
    throw Error(ErrorKind::usage, "jets: a network of " + std::to_string(network.widths.front()) +
                                      " inputs for " + std::to_string(features.size()) +
                                      (network.features.empty() ? " axes" : " features"));
  }
  for (const JetFeature& feature : features) {
    if (feature.axis < 0 || feature.axis >= streams.axes())
      throw Error(ErrorKind::usage, "jets: a feature of axis " + std::to_string(feature.axis));
    Feature& made = features_.emplace_back(Feature{feature, {}, {}});
    for (int s = 0; s < streams.count(); ++s) {
      if (feature.wave) {
        made.wave.push_back(streams.wave(s, feature.frequency));
      } else {
        made.constant.push_back(s == 0 ? T(0) : static_cast<T>(streams.of_coordinate(s, feature.axis)));
      }
    }
  }
}

template <class T>
std::ptrdiff_t JetInput<T>::stride() const {
  return stream_stride<T>(static_cast<std::ptrdiff_t>(features_.size()));
}

template <class T>
void JetInput<T>::fill_coordinate(const Feature& feature, const T* points, std::ptrdiff_t begin,
                                  std::ptrdiff_t count, T* out) const {
  constexpr std::ptrdiff_t lanes = JetTile<T>::lanes;
  for (std::ptrdiff_t i = 0; i < lanes; ++i)
    out[i] = points[(begin + std::min(i, count - 1)) * axes_ + feature.of.axis];
  for (std::size_t s = 1; s < streams_; ++s)
    std::fill_n(out + static_cast<std::ptrdiff_t>(s) * stride(), lanes, feature.constant[s]);
}

template <class T>
void JetInput<T>::fill_wave(const Feature& feature, const T* points, std::ptrdiff_t begin,
                            std::ptrdiff_t count, T* out) const {
  constexpr std::ptrdiff_t lanes = JetTile<T>::lanes;
  for (std::ptrdiff_t i = 0; i < lanes; ++i) {
    const T* x = points + (begin + std::min(i, count - 1)) * axes_;
    T angle = static_cast<T>(feature.of.phase);
    for (std::ptrdiff_t a = 0; a < axes_; ++a)
      angle += static_cast<T>(feature.of.frequency[static_cast<std::size_t>(a)]) * x[a];
    const T cosine = std::cos(angle), sine = std::sin(angle);
    for (std::size_t s = 0; s < streams_; ++s) {
      const StreamWave& wave = feature.wave[s];
      out[static_cast<std::ptrdiff_t>(s) * stride() + i] =
          static_cast<T>(wave.cosine) * cosine + static_cast<T>(wave.sine) * sine;
    }
  }
}

template <class T>
void JetInput<T>::fill(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, T* out) const {
  for (const Feature& feature : features_) {
    if (feature.of.wave) {
      fill_wave(feature, points, begin, count, out);
    } else {
      fill_coordinate(feature, points, begin, count, out);
    }
    out += JetTile<T>::lanes;
  }
}

template class JetInput<float>;
template class JetInput<double>;

}  // namespace starling::nets
