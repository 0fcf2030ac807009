// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/nets/jets.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/nets/jet_tile-inl.h"
#include "starling/nets/jets.h"
#include "starling/simd/target.h"

HWY_BEFORE_NAMESPACE();
namespace starling::nets::HWY_NAMESPACE {

// Highway exports functions, not templates.
void layer_double(const JetLayer<double>& layer, double* out) {
  run_layer(layer, out);
}
void layer_float(const JetLayer<float>& layer, float* out) {
  run_layer(layer, out);
}
void transposed_double(const JetLayer<double>& layer, const double* bar, double* out) {
  apply_transposed(layer, bar, out);
}
void transposed_float(const JetLayer<float>& layer, const float* bar, float* out) {
  apply_transposed(layer, bar, out);
}
void gradient_double(const JetLayer<double>& layer, const double* bar, double* weight, double* bias) {
  add_layer_gradient(layer, bar, weight, bias);
}
void gradient_float(const JetLayer<float>& layer, const float* bar, float* weight, float* bias) {
  add_layer_gradient(layer, bar, weight, bias);
}
void jacobian_double(const JetLayer<double>& layer, const double* bar, std::ptrdiff_t count, double* weight,
                     double* bias, std::ptrdiff_t stride) {
  store_layer_jacobian(layer, bar, count, weight, bias, stride);
}
void jacobian_float(const JetLayer<float>& layer, const float* bar, std::ptrdiff_t count, float* weight,
                    float* bias, std::ptrdiff_t stride) {
  store_layer_jacobian(layer, bar, count, weight, bias, stride);
}
void activation_double(const JetHidden<double>& layer, const double* z, double* kept, double* out) {
  run_activation(layer, z, kept, out);
}
void activation_float(const JetHidden<float>& layer, const float* z, float* kept, float* out) {
  run_activation(layer, z, kept, out);
}
void activation_reverse_double(const JetHidden<double>& layer, const double* z, double* kept,
                               const double* bar, double* out) {
  run_activation_reverse(layer, z, kept, bar, out);
}
void activation_reverse_float(const JetHidden<float>& layer, const float* z, float* kept, const float* bar,
                              float* out) {
  run_activation_reverse(layer, z, kept, bar, out);
}

}  // namespace starling::nets::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::nets {

using base::Error;
using base::ErrorKind;

HWY_EXPORT(layer_double);
HWY_EXPORT(layer_float);
HWY_EXPORT(transposed_double);
HWY_EXPORT(transposed_float);
HWY_EXPORT(gradient_double);
HWY_EXPORT(gradient_float);
HWY_EXPORT(jacobian_double);
HWY_EXPORT(jacobian_float);
HWY_EXPORT(activation_double);
HWY_EXPORT(activation_float);
HWY_EXPORT(activation_reverse_double);
HWY_EXPORT(activation_reverse_float);

namespace {

#define STARLING_PICK(T, NAME, ...)                     \
  do {                                                  \
    if constexpr (sizeof(T) == 8) {                     \
      HWY_DYNAMIC_DISPATCH(NAME##_double)(__VA_ARGS__); \
    } else {                                            \
      HWY_DYNAMIC_DISPATCH(NAME##_float)(__VA_ARGS__);  \
    }                                                   \
  } while (false)

constexpr std::size_t index(std::ptrdiff_t i) {
  return static_cast<std::size_t>(i);
}

// Streams start a quarter of a page apart from powers of two, so that those of one neuron do not share a set
// of the cache.
template <class T>
std::ptrdiff_t stream_stride(std::ptrdiff_t units) {
  return (units + 1) * JetTile<T>::lanes;
}

}  // namespace

// A tile's arrays: the input of every layer, the pre-activations, what the activations keep, and two arrays
// of bars that take turns.
template <class T>
Jets<T>::Jets(JetNetwork network, Streams streams)
    : network_(std::move(network)),
      streams_(std::move(streams)),
      forward_(streams_.forward()),
      reverse_(streams_.reverse()) {
  const auto& widths = network_.widths;
  if (widths.size() < 2 || *std::min_element(widths.begin(), widths.end()) < 1)
    throw Error(ErrorKind::usage, "jets: a network needs inputs and outputs, and widths of at least 1");
  const auto features = static_cast<std::ptrdiff_t>(network_.features.size());
  const std::ptrdiff_t expected = features > 0 ? features : streams_.axes();
  if (widths.front() != expected) {
    throw Error(ErrorKind::usage, "jets: a network of " + std::to_string(widths.front()) + " inputs for " +
                                      std::to_string(expected) + (features > 0 ? " features" : " axes"));
  }
  for (const JetFeature& feature : network_.features) {
    if (feature.axis < 0 || feature.axis >= streams_.axes())
      throw Error(ErrorKind::usage, "jets: a feature of axis " + std::to_string(feature.axis));
    waves_.emplace_back();
    for (int s = 0; feature.wave && s < streams_.count(); ++s)
      waves_.back().push_back(streams_.wave(s, feature.frequency));
  }
  std::ptrdiff_t size = 0, widest = 0;
  const auto take = [&](std::ptrdiff_t count) {
    const std::ptrdiff_t at = size;
    size += count;
    return at;
  };
  for (std::ptrdiff_t l = 0; l <= network_.layers(); ++l) {
    const std::ptrdiff_t all = streams_.count() * stream_stride<T>(widths[index(l)]);
    widest = std::max(widest, all);
    inputs_.push_back(take(all));
    const bool hidden = l > 0 && l < network_.layers();
    before_.push_back(hidden ? take(all) : 0);
    kept_.push_back(hidden ? take(2 * widths[index(l)] * JetTile<T>::lanes) : 0);
  }
  bar_size_ = widest;
  bars_ = take(2 * widest);
  room_size_ = size;
}

// Takes a room for one group of tiles, and gives it back.
template <class T>
class Jets<T>::Room {
 public:
  Room(const Jets& jets, Workspace& workspace) : workspace_(workspace) {
    const std::lock_guard lock(workspace.guard_);
    if (workspace.room_size_ < jets.room_size_) {  // rooms of a smaller network; none is taken
      workspace.idle_.clear();
      workspace.rooms_.clear();
      workspace.room_size_ = jets.room_size_;
    }
    if (workspace.idle_.empty()) {
      workspace.rooms_.push_back(std::make_unique<kernels::Scratch<T>>(index(jets.room_size_)));
      std::fill_n(workspace.rooms_.back()->data(), jets.room_size_, T(0));
      workspace.idle_.reserve(workspace.rooms_.size());
      mine_ = workspace.rooms_.back().get();
    } else {
      mine_ = workspace.idle_.back();
      workspace.idle_.pop_back();
    }
  }
  ~Room() {
    const std::lock_guard lock(workspace_.guard_);
    workspace_.idle_.push_back(mine_);
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  T* data() const { return mine_->data(); }

 private:
  Workspace& workspace_;
  kernels::Scratch<T>* mine_;
};

template <class T>
void Jets<T>::check(std::size_t parameters, std::size_t gradient) const {
  const auto expected = index(network_.parameter_count());
  for (const std::size_t given : {parameters, gradient}) {
    if (given != expected) {
      throw Error(ErrorKind::usage,
                  "jets: " + std::to_string(given) + " parameters, expected " + std::to_string(expected));
    }
  }
}

// Samples of one group: tiles that follow one another in one gradient of their own.
template <class T>
std::ptrdiff_t Jets<T>::group(std::ptrdiff_t n) const {
  constexpr std::ptrdiff_t most_groups = 64;
  const std::ptrdiff_t tiles = (n + JetTile<T>::lanes - 1) / JetTile<T>::lanes;
  return std::max<std::ptrdiff_t>(4 * 32 / JetTile<T>::lanes, (tiles + most_groups - 1) / most_groups) *
         JetTile<T>::lanes;
}

template <class T>
void Jets<T>::fill_coordinate(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, int axis, T* out,
                              std::ptrdiff_t stride) const {
  constexpr std::ptrdiff_t lanes = JetTile<T>::lanes;
  for (std::ptrdiff_t i = 0; i < lanes; ++i)
    out[i] = points[(begin + std::min(i, count - 1)) * streams_.axes() + axis];
  for (int s = 1; s < streams_.count(); ++s) {
    if (const double slope = streams_.of_coordinate(s, axis); slope != 0)
      std::fill_n(out + s * stride, lanes, static_cast<T>(slope));
  }
}

template <class T>
void Jets<T>::fill_wave(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, std::size_t feature,
                        T* out, std::ptrdiff_t stride) const {
  constexpr std::ptrdiff_t lanes = JetTile<T>::lanes;
  const JetFeature& wave = network_.features[feature];
  for (std::ptrdiff_t i = 0; i < lanes; ++i) {
    const T* x = points + (begin + std::min(i, count - 1)) * streams_.axes();
    T angle = static_cast<T>(wave.phase);
    for (std::ptrdiff_t a = 0; a < streams_.axes(); ++a)
      angle += static_cast<T>(wave.frequency[index(a)]) * x[a];
    const T cosine = std::cos(angle), sine = std::sin(angle);
    for (int s = 0; s < streams_.count(); ++s) {
      const StreamWave& of = waves_[feature][index(s)];
      out[s * stride + i] = static_cast<T>(of.cosine) * cosine + static_cast<T>(of.sine) * sine;
    }
  }
}

template <class T>
void Jets<T>::fill_input(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, T* room) const {
  const std::ptrdiff_t features = network_.widths.front(), stride = stream_stride<T>(features);
  T* out = room + inputs_.front();
  std::fill_n(out, streams_.count() * stride, T(0));
  for (std::ptrdiff_t f = 0; f < features; ++f) {
    T* row = out + f * JetTile<T>::lanes;
    if (!network_.features.empty() && network_.features[index(f)].wave) {
      fill_wave(points, begin, count, index(f), row, stride);
    } else {
      const int axis = network_.features.empty() ? static_cast<int>(f) : network_.features[index(f)].axis;
      fill_coordinate(points, begin, count, axis, row, stride);
    }
  }
}

namespace {

// What a pass over one tile needs of the object, in one place.
template <class T>
struct Pass {
  const JetNetwork& network;
  const Streams& streams;
  const std::vector<StreamTerm>&forward, &reverse;
  const std::vector<std::ptrdiff_t>&inputs, &before, &kept;
  const T* parameters;
  T* room;
  std::ptrdiff_t width;
  JetLine line;

  std::ptrdiff_t units(std::ptrdiff_t l) const { return network.widths[index(l)]; }
  JetLayer<T> layer(std::ptrdiff_t l) const {
    return {units(l),
            units(l + 1),
            streams.count(),
            width,
            parameters + network.weight(l),
            parameters + network.bias(l),
            room + inputs[index(l)],
            stream_stride<T>(units(l)),
            stream_stride<T>(units(l + 1))};
  }
  JetHidden<T> hidden(std::ptrdiff_t l) const {
    return {network.activation,
            streams.order(),
            units(l),
            streams.count(),
            width,
            stream_stride<T>(units(l)),
            forward.data(),
            forward.data() + forward.size(),
            reverse.data(),
            reverse.data() + reverse.size(),
            line};
  }

  void run_forward() const {
    const std::ptrdiff_t last = network.layers();
    for (std::ptrdiff_t l = 0; l < last; ++l) {
      T* next = room + inputs[index(l + 1)];
      if (l + 1 == last) {
        STARLING_PICK(T, layer, layer(l), next);
        return;
      }
      T* z = room + before[index(l + 1)];
      STARLING_PICK(T, layer, layer(l), z);
      STARLING_PICK(T, activation, hidden(l + 1), z, room + kept[index(l + 1)], next);
    }
  }

  // From the bars of the output down: `use(l, bar)` sees those of every layer's pre-activations.
  template <class Use>
  void run_reverse(T* bar, T* other, const Use& use) const {
    for (std::ptrdiff_t l = network.layers() - 1; l >= 0; --l) {
      use(l, bar);
      if (l == 0) return;
      STARLING_PICK(T, transposed, layer(l), bar, other);
      STARLING_PICK(T, activation_reverse, hidden(l), room + before[index(l)], room + kept[index(l)], other,
                    bar);
    }
  }
};

template <class T>
std::ptrdiff_t vectors_for(std::ptrdiff_t count) {
  const std::ptrdiff_t lanes = std::max<std::ptrdiff_t>(1, simd::vector_bytes() / std::ptrdiff_t{sizeof(T)});
  return (count + lanes - 1) / lanes;  // 1 lane without vectors, where a byte is one
}

}  // namespace

#define STARLING_PASS(ROOM, COUNT)                                                            \
  Pass<T> {                                                                                   \
    network_, streams_, forward_, reverse_, inputs_, before_, kept_, parameters.data(), ROOM, \
        vectors_for<T>(COUNT), find_line(streams_.count(), forward_)                          \
  }

template <class T>
void Jets<T>::forward(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
                      const JetVisitor<T>& visit) const {
  check(parameters.size(), parameters.size());
  const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    const Room room(*this, workspace);
    for (std::ptrdiff_t i = begin; i < end; i += JetTile<T>::lanes) {
      const std::ptrdiff_t count = std::min(JetTile<T>::lanes, end - i);
      fill_input(points, i, count, room.data());
      STARLING_PASS(room.data(), count).run_forward();
      visit({.begin = i,
             .count = count,
             .streams = room.data() + inputs_.back(),
             .seeds = nullptr,
             .stride = stream_stride<T>(network_.widths.back())});
    }
  };
  base::parallel_chunks(n, group(n), std::cref(run));
}

template <class T>
void Jets<T>::add_gradient(std::span<const T> parameters, const T* points, std::ptrdiff_t n,
                           Workspace& workspace, const JetVisitor<T>& visit, std::span<T> gradient) const {
  check(parameters.size(), gradient.size());
  const std::ptrdiff_t size = network_.parameter_count(), step = group(n), groups = (n + step - 1) / step;
  if (workspace.partial_.size() < index(groups * size)) workspace.partial_.resize(index(groups * size));
  const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    const Room room(*this, workspace);
    T* own = workspace.partial_.data() + begin / step * size;
    std::fill_n(own, size, T(0));
    T* bar = room.data() + bars_;
    const std::ptrdiff_t stride = stream_stride<T>(network_.widths.back());
    for (std::ptrdiff_t i = begin; i < end; i += JetTile<T>::lanes) {
      const std::ptrdiff_t count = std::min(JetTile<T>::lanes, end - i);
      fill_input(points, i, count, room.data());
      const Pass<T> pass = STARLING_PASS(room.data(), count);
      pass.run_forward();
      std::fill_n(bar, streams_.count() * stride, T(0));
      visit({.begin = i,
             .count = count,
             .streams = room.data() + inputs_.back(),
             .seeds = bar,
             .stride = stride});
      if (count < JetTile<T>::lanes) {  // the copies that pad a tile count for nothing
        for (std::ptrdiff_t row = 0; row < streams_.count() * (network_.widths.back() + 1); ++row)
          std::fill(bar + row * JetTile<T>::lanes + count, bar + (row + 1) * JetTile<T>::lanes, T(0));
      }
      pass.run_reverse(bar, bar + bar_size_, [&](std::ptrdiff_t l, const T* at) {
        STARLING_PICK(T, gradient, pass.layer(l), at, own + network_.weight(l), own + network_.bias(l));
      });
    }
  };
  base::parallel_chunks(n, step, std::cref(run));
  const auto add = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t g = 0; g < groups; ++g) {
      const T* own = workspace.partial_.data() + g * size;
      for (std::ptrdiff_t p = begin; p < end; ++p) gradient[index(p)] += own[p];
    }
  };
  base::parallel_chunks(size, 4096, std::cref(add));
}

template <class T>
void Jets<T>::jacobian(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
                       const JetVisitor<T>& visit, T* out, std::ptrdiff_t stride) const {
  check(parameters.size(), parameters.size());
  const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    const Room room(*this, workspace);
    T* bar = room.data() + bars_;
    const std::ptrdiff_t bar_stride = stream_stride<T>(network_.widths.back());
    for (std::ptrdiff_t i = begin; i < end; i += JetTile<T>::lanes) {
      const std::ptrdiff_t count = std::min(JetTile<T>::lanes, end - i);
      fill_input(points, i, count, room.data());
      const Pass<T> pass = STARLING_PASS(room.data(), count);
      pass.run_forward();
      std::fill_n(bar, streams_.count() * bar_stride, T(0));
      visit({.begin = i,
             .count = count,
             .streams = room.data() + inputs_.back(),
             .seeds = bar,
             .stride = bar_stride});
      pass.run_reverse(bar, bar + bar_size_, [&](std::ptrdiff_t l, const T* at) {
        STARLING_PICK(T, jacobian, pass.layer(l), at, count, out + network_.weight(l) * stride + i,
                      out + network_.bias(l) * stride + i, stride);
      });
    }
  };
  base::parallel_chunks(n, group(n), std::cref(run));
}

#undef STARLING_PASS
#undef STARLING_PICK

template class Jets<float>;
template class Jets<double>;

}  // namespace starling::nets
#endif
