#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling::nets {

/// How often a derivative is taken along each of at most four axes.
using MultiIndex = std::array<std::uint8_t, 4>;
inline constexpr int most_axes = 4;
inline constexpr int highest_order = 4;  ///< of a derivative
int order_of(const MultiIndex& index);

/// target += coefficient · f_slope · seed · Π z_factor, where f_k is the k-th derivative of the activation at
/// the value; without a seed when `seed` is negative.
struct StreamTerm {
  std::uint16_t target = 0;
  std::int16_t seed = -1;
  std::uint8_t slope = 0;
  std::uint8_t factors = 0;
  std::array<std::uint16_t, 4> factor{};
  double coefficient = 1;
};

/// What a stream makes of cos(w · x + phase): cosine · cos(w · x + phase) + sine · sin(w · x + phase).
struct StreamWave {
  double cosine = 0, sine = 0;
};

/// A summand of a stream: coefficient · ∂^index.
struct StreamPart {
  double coefficient = 1;
  MultiIndex index{};
  bool operator==(const StreamPart&) const = default;
};

/// The derivatives that travel through a network together: stream 0 is the value.
///
/// An activation sends the streams z of its input to h_α = Σ f_|π| Π_{β in π} z_β over the partitions π of
/// the multi-index α (Faà di Bruno), so a stream brings along all that it is made of. A sum of derivatives is
/// one stream: their f₁ z_β add up to f₁ times the sum, so it brings along what they are made of but not
/// them. A Laplacian is h = f₁ z_Δ + f₂ Σ z_a², and the biharmonic operator is built likewise.
class Streams {
 public:
  /// Error{usage} unless 1 <= axes <= 4.
  explicit Streams(int axes);

  /// The stream of a derivative, added with its parts when it is new. Error{usage} above order 4 or for an
  /// axis that is not there.
  int derivative(const MultiIndex& index);
  /// The stream of Σ coefficient ∂^index. Error{usage} for no summands, and as `derivative` of each.
  int sum(const std::vector<StreamPart>& parts);
  /// The stream of Σ ∂²/∂a² over the axes a < `space`, or of its square.
  int laplacian(int space);
  int biharmonic(int space);

  int axes() const { return axes_; }
  int count() const { return static_cast<int>(streams_.size()); }
  int order() const { return order_; }  ///< of the highest derivative
  /// What a stream makes of the coordinate of that axis, but for stream 0: a constant.
  double of_coordinate(int stream, int axis) const;
  /// The multi-index of a plain derivative; Error{usage} for a collapsed stream.
  const MultiIndex& index(int stream) const;

  /// The stream of a plane wave of those frequencies.
  StreamWave wave(int stream, const std::array<double, most_axes>& frequency) const;

  const std::vector<StreamTerm>& forward() const { return forward_; }  ///< ascending in the target, from 1
  /// The reverse rule: bar z from bar h, which is the seed; ascending in the target, from 0.
  std::vector<StreamTerm> reverse() const;

 private:
  enum class Kind : std::uint8_t { derivative, sum, laplacian_slope, biharmonic };
  struct Named {
    Kind kind;
    MultiIndex index;
    std::vector<StreamPart> parts{};  // of a sum
  };
  static MultiIndex unit(int axis, int times = 1);
  int find(Kind kind, const MultiIndex& index) const;
  int add(Named named, int order, std::vector<StreamTerm> terms);
  void check_index(const MultiIndex& index) const;
  int laplacian_slope(int axis, int space);
  void check_space(int space) const;

  int axes_, order_ = 0;
  std::vector<Named> streams_;
  std::vector<StreamTerm> forward_;
};

}  // namespace starling::nets
