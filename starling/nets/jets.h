#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "starling/kernels/scratch.h"
#include "starling/nets/jet_input.h"
#include "starling/nets/jet_network.h"
#include "starling/nets/jet_streams.h"
#include "starling/nets/jet_tile.h"

namespace starling::nets {

/// Reads a tile's streams; in a reverse pass fills its seeds, the derivatives of a scalar in the streams.
/// Called from several threads, for tiles apart.
template <class T>
using JetVisitor = std::function<void(const JetTile<T>&)>;

/// Derivatives of a dense network in its inputs, and the gradient in the parameters of any functional of
/// them.
///
/// Samples go through in tiles, one in a vector lane; groups of tiles run in parallel and their gradients are
/// added in order, so the bytes do not depend on the number of threads. Nothing is allocated in a pass once
/// the workspace has its size, but for what the scheduler needs for more than one thread.
template <class T>
class Jets {
 public:
  /// Error{usage} for widths that are not at least 1, fewer than two, or inputs that are not the features, or
  /// the axes of the streams where there are none.
  Jets(JetNetwork network, Streams streams);

  const JetNetwork& network() const { return network_; }
  const Streams& streams() const { return streams_; }

  /// May serve one network after another, one pass at a time.
  class Workspace {
    friend class Jets;
    std::mutex guard_;
    std::ptrdiff_t room_size_ = 0;
    std::vector<std::unique_ptr<kernels::Scratch<T>>> rooms_;  // one a thread, taken and given back
    std::vector<kernels::Scratch<T>*> idle_;
    std::vector<T> partial_;  // the gradient of every group of tiles
  };

  /// Streams of n points (n, axes), row-major, handed tile by tile to `visit`.
  void forward(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
               const JetVisitor<T>& visit) const;

  /// gradient (parameter_count) += Σ over samples of what `visit` seeds.
  void add_gradient(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
                    const JetVisitor<T>& visit, std::span<T> gradient) const;

  /// One row of derivatives for every sample: out[p · stride + i] is that in parameter p of what `visit`
  /// seeds for sample i.
  void jacobian(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
                const JetVisitor<T>& visit, T* out, std::ptrdiff_t stride) const;

 private:
  class Room;
  class Pass;
  void check(std::size_t parameters, std::size_t gradient) const;
  std::ptrdiff_t group(std::ptrdiff_t n) const;

  JetNetwork network_;
  Streams streams_;
  JetInput<T> input_;
  std::vector<StreamTerm> forward_, reverse_;
  std::vector<std::ptrdiff_t> inputs_, before_, kept_;  // where a layer's arrays begin in a room
  std::ptrdiff_t bars_ = 0, bar_size_ = 0, room_size_ = 0;
};

}  // namespace starling::nets
