// Highway compiles what this file includes of jet_tile-inl.h once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/nets/jets.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/nets/jet_tile-inl.h"
#include "starling/nets/jets.h"
#include "starling/simd/dispatch.h"
#include "starling/simd/target.h"

#if HWY_ONCE
namespace starling::nets {

using base::Error;
using base::ErrorKind;

STARLING_EXPORT(run_layer);
STARLING_EXPORT(apply_transposed);
STARLING_EXPORT(add_layer_gradient);
STARLING_EXPORT(store_layer_jacobian);
STARLING_EXPORT(run_activation);
STARLING_EXPORT(run_activation_reverse);

namespace {

constexpr std::size_t index(std::ptrdiff_t i) {
  return static_cast<std::size_t>(i);
}

JetNetwork checked(JetNetwork network) {
  const auto& widths = network.widths;
  if (widths.size() < 2 || std::ranges::min(widths) < 1)
    throw Error(ErrorKind::usage, "jets: a network needs inputs and outputs, and widths of at least 1");
  return network;
}

template <class T>
std::ptrdiff_t vectors_for(std::ptrdiff_t count) {
  const std::ptrdiff_t lanes = std::max<std::ptrdiff_t>(1, simd::vector_bytes() / std::ptrdiff_t{sizeof(T)});
  return (count + lanes - 1) / lanes;  // 1 lane without vectors, where a byte is one
}

}  // namespace

// A tile's arrays: the input of every layer, the pre-activations, what the activations keep, and two arrays
// of bars that take turns.
template <class T>
Jets<T>::Jets(JetNetwork network, Streams streams)
    : network_(checked(std::move(network))),
      streams_(std::move(streams)),
      input_(network_, streams_),
      forward_(streams_.forward()),
      reverse_(streams_.reverse()) {
  const auto& widths = network_.widths;
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

// One tile of samples after another through the network, in a room of its own.
template <class T>
class Jets<T>::Pass {
 public:
  Pass(const Jets& jets, std::span<const T> parameters, Workspace& workspace)
      : jets_(jets),
        parameters_(parameters.data()),
        room_(jets, workspace),
        line_(find_line(jets.streams_.count(), jets.forward_)) {}

  /// The streams of every tile of the samples [begin, end), to `use`.
  template <class Use>
  void forward(const T* points, std::ptrdiff_t begin, std::ptrdiff_t end, const Use& use) {
    for (std::ptrdiff_t i = begin; i < end; i += JetTile<T>::lanes) {
      const std::ptrdiff_t count = std::min(JetTile<T>::lanes, end - i);
      run_forward(points, i, count);
      use(JetTile<T>{.begin = i,
                     .count = count,
                     .streams = room_.data() + jets_.inputs_.back(),
                     .seeds = room_.data() + jets_.bars_,
                     .stride = stream_stride<T>(jets_.network_.widths.back())});
    }
  }

  /// From the seeds of `visit` down: use(l, layer, bar) sees the bars of every layer's pre-activations.
  template <class Use>
  void reverse(const JetTile<T>& tile, const JetVisitor<T>& visit, const Use& use) const {
    std::fill_n(tile.seeds, jets_.streams_.count() * tile.stride, T(0));
    visit(tile);
    T *bar = tile.seeds, *other = bar + jets_.bar_size_;
    for (std::ptrdiff_t l = jets_.network_.layers() - 1; l >= 0; --l) {
      use(l, layer(l), bar);
      if (l == 0) return;
      STARLING_DISPATCH(T, apply_transposed)(layer(l), bar, other);
      STARLING_DISPATCH(T, run_activation_reverse)(hidden(l), before(l), kept(l), other, bar);
    }
  }

 private:
  T* input(std::ptrdiff_t l) const { return room_.data() + jets_.inputs_[index(l)]; }
  T* before(std::ptrdiff_t l) const { return room_.data() + jets_.before_[index(l)]; }
  T* kept(std::ptrdiff_t l) const { return room_.data() + jets_.kept_[index(l)]; }
  std::ptrdiff_t units(std::ptrdiff_t l) const { return jets_.network_.widths[index(l)]; }

  JetLayer<T> layer(std::ptrdiff_t l) const {
    return {units(l),
            units(l + 1),
            jets_.streams_.count(),
            width_,
            parameters_ + jets_.network_.weight(l),
            parameters_ + jets_.network_.bias(l),
            input(l),
            stream_stride<T>(units(l)),
            stream_stride<T>(units(l + 1))};
  }
  JetHidden<T> hidden(std::ptrdiff_t l) const {
    return {jets_.network_.activation,
            jets_.streams_.order(),
            units(l),
            jets_.streams_.count(),
            width_,
            stream_stride<T>(units(l)),
            jets_.forward_.data(),
            jets_.forward_.data() + jets_.forward_.size(),
            jets_.reverse_.data(),
            jets_.reverse_.data() + jets_.reverse_.size(),
            line_};
  }

  void run_forward(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count) {
    width_ = vectors_for<T>(count);
    jets_.input_.fill(points, begin, count, input(0));
    const std::ptrdiff_t last = jets_.network_.layers() - 1;
    for (std::ptrdiff_t l = 0; l < last; ++l) {
      STARLING_DISPATCH(T, run_layer)(layer(l), before(l + 1));
      STARLING_DISPATCH(T, run_activation)(hidden(l + 1), before(l + 1), kept(l + 1), input(l + 1));
    }
    STARLING_DISPATCH(T, run_layer)(layer(last), input(last + 1));
  }

  const Jets& jets_;
  const T* parameters_;
  Room room_;
  JetLine line_;
  std::ptrdiff_t width_ = 0;
};

template <class T>
void Jets<T>::forward(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
                      const JetVisitor<T>& visit) const {
  check(parameters.size(), parameters.size());
  const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    Pass(*this, parameters, workspace).forward(points, begin, end, [&](JetTile<T> tile) {
      tile.seeds = nullptr;
      visit(tile);
    });
  };
  base::parallel_chunks(n, group(n), std::cref(run));
}

template <class T>
void Jets<T>::add_gradient(std::span<const T> parameters, const T* points, std::ptrdiff_t n,
                           Workspace& workspace, const JetVisitor<T>& visit, std::span<T> gradient) const {
  check(parameters.size(), gradient.size());
  const std::ptrdiff_t size = network_.parameter_count(), step = group(n), groups = (n + step - 1) / step;
  if (workspace.partial_.size() < index(groups * size)) workspace.partial_.resize(index(groups * size));
  const auto seed = [&](const JetTile<T>& tile) {
    visit(tile);
    if (tile.count == JetTile<T>::lanes) return;  // the copies that pad a tile count for nothing
    for (std::ptrdiff_t row = 0; row < streams_.count() * (network_.widths.back() + 1); ++row)
      std::fill(tile.seeds + row * JetTile<T>::lanes + tile.count, tile.seeds + (row + 1) * JetTile<T>::lanes,
                T(0));
  };
  const JetVisitor<T> seeded = std::cref(seed);
  const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    T* own = workspace.partial_.data() + begin / step * size;
    std::fill_n(own, size, T(0));
    Pass pass(*this, parameters, workspace);
    pass.forward(points, begin, end, [&](const JetTile<T>& tile) {
      pass.reverse(tile, seeded, [&](std::ptrdiff_t l, const JetLayer<T>& layer, const T* bar) {
        STARLING_DISPATCH(T, add_layer_gradient)
        (layer, bar, own + network_.weight(l), own + network_.bias(l));
      });
    });
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
    Pass pass(*this, parameters, workspace);
    pass.forward(points, begin, end, [&](const JetTile<T>& tile) {
      pass.reverse(tile, visit, [&](std::ptrdiff_t l, const JetLayer<T>& layer, const T* bar) {
        STARLING_DISPATCH(T, store_layer_jacobian)
        (layer, bar, tile.count, out + network_.weight(l) * stride + tile.begin,
         out + network_.bias(l) * stride + tile.begin, stride);
      });
    });
  };
  base::parallel_chunks(n, group(n), std::cref(run));
}

template class Jets<float>;
template class Jets<double>;

}  // namespace starling::nets
#endif
