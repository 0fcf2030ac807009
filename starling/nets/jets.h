#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "starling/kernels/scratch.h"
#include "starling/nets/jet_streams.h"

namespace starling::nets {

/// Smooth activations of a network that is differentiated in its inputs; z is the pre-activation.
enum class JetActivation {
  tanh,
  sin,
  softplus,  ///< log(1 + e^z)
  gelu,      ///< z Φ(z), exact
  silu,      ///< z / (1 + e^-z)
  erf        ///< erf(z), without the factor 1/√2 of nets::Activation
};

/// The activation of that name; Error{usage} with the nearest names.
JetActivation parse_jet_activation(const std::string& name);

/// An input of a network: a coordinate, or cos(frequency · x + phase), which makes a network periodic or
/// sharpens its eye for short waves (random Fourier features). A sine is a cosine of phase -π/2.
struct JetFeature {
  bool wave = false;
  int axis = 0;                               ///< of a coordinate
  std::array<double, most_axes> frequency{};  ///< of a wave
  double phase = 0;
};

/// The widths of a dense network from inputs to outputs, {2, 50, 50, 1}; the last layer is linear. Parameters
/// are one flat vector: for every layer its weight (outputs, inputs), row-major, then its bias.
struct JetNetwork {
  std::vector<std::ptrdiff_t> widths{};
  JetActivation activation = JetActivation::tanh;
  std::vector<JetFeature> features{};  ///< the inputs, in order; the coordinates themselves when empty

  std::ptrdiff_t layers() const { return static_cast<std::ptrdiff_t>(widths.size()) - 1; }
  std::ptrdiff_t parameter_count() const;
  std::ptrdiff_t weight(std::ptrdiff_t layer) const;  ///< where the layer's weight begins
  std::ptrdiff_t bias(std::ptrdiff_t layer) const;
};

/// Samples that are worked on together: `count` of them from `begin` on, each array row `lanes` long. Rows
/// are padded to whole vectors with copies of the last sample.
template <class T>
struct JetTile {
  static constexpr std::ptrdiff_t lanes = 256 / static_cast<std::ptrdiff_t>(sizeof(T));
  std::ptrdiff_t begin = 0, count = 0;
  const T* streams = nullptr;  ///< row(streams, stream, unit)
  T* seeds = nullptr;          ///< what the caller fills, zero before: the same rows
  std::ptrdiff_t stride = 0;   ///< from one stream to the next

  const T* stream(int s, std::ptrdiff_t output) const { return streams + s * stride + output * lanes; }
  T* seed(int s, std::ptrdiff_t output) const { return seeds + s * stride + output * lanes; }
};

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
  void fill_coordinate(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, int axis, T* out,
                       std::ptrdiff_t stride) const;
  void fill_wave(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, std::size_t feature, T* out,
                 std::ptrdiff_t stride) const;
  void fill_input(const T* points, std::ptrdiff_t begin, std::ptrdiff_t count, T* room) const;
  void check(std::size_t parameters, std::size_t gradient) const;
  std::ptrdiff_t group(std::ptrdiff_t n) const;

  JetNetwork network_;
  Streams streams_;
  std::vector<std::vector<StreamWave>> waves_;  // of every feature that is one, for each stream
  std::vector<StreamTerm> forward_, reverse_;
  std::vector<std::ptrdiff_t> inputs_, before_, kept_;  // where a layer's arrays begin in a room
  std::ptrdiff_t bars_ = 0, bar_size_ = 0, room_size_ = 0;
};

}  // namespace starling::nets
