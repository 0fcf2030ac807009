#include <algorithm>

#include "starling/base/parallel.h"
#include "starling/math/matrix_product.h"
#include "starling/systems/students/sample_loss.h"

namespace starling::students {
namespace {

using base::Index;
using base::Points;

constexpr Index rows_at_once = 1024;

// Where a second derivative lies in the matrix: hidden weight p of neuron i (p = d is its bias), output q of
// neuron j (j = n is c).
struct Layout {
  Index d, n, o;
  bool biases;
  Index ins() const { return d + (biases ? 1 : 0); }
  Index outs() const { return n + (biases ? 1 : 0); }
  Index hidden(Index i, Index p) const { return p < d ? i * d + p : n * d + i; }
  Index outgoing(Index j, Index q) const { return n * ins() + j * o + q; }
  Index size() const { return n * ins() + outs() * o; }
};

// The sums over the samples that the matrix is made of, neuron by neuron: row i holds the (ins, ins) blocks
// Σ σ'_i σ'_j x̃x̃ᵀ for j >= i, Σ G_i σ''_i x̃x̃ᵀ, (ins, outs) Σ σ'_i x̃ S̃ and (ins, o) Σ σ'_i x̃ R.
struct NeuronSums {
  std::vector<Points<double>> pairs;
  Points<double> bend, with_out, with_rest;
};

Points<double> with_ones(const Eigen::Ref<const Points<double>>& table, bool ones) {
  Points<double> out(table.rows(), table.cols() + (ones ? 1 : 0));
  out.leftCols(table.cols()) = table;
  if (ones) out.rightCols(1).setOnes();
  return out;
}

void add_product_tn(const Points<double>& a, const Points<double>& b, Points<double>& out) {
  math::product_tn(a.cols(), a.rows(), b.cols(), a.data(), b.data(), out.data(), math::Into::add);
}

}  // namespace

Eigen::MatrixXd SampleLoss::Point::matrix() const {
  const Layout at{loss_->x_.cols(), s_.cols(), r_.cols(), loss_->biases_ == Biases::free};
  const Index samples = s_.rows(), n = at.n, o = at.o, ins = at.ins(), outs = at.outs();
  std::vector<NeuronSums> sums(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) {
    NeuronSums& own = sums[static_cast<std::size_t>(i)];
    own.pairs.assign(static_cast<std::size_t>(n - i), Points<double>::Zero(ins, ins));
    own.bend = Points<double>::Zero(ins, ins);
    own.with_out = Points<double>::Zero(ins, outs);
    own.with_rest = Points<double>::Zero(ins, o);
  }
  Points<double> out_pairs = Points<double>::Zero(outs, outs);
  std::vector<Points<double>> slopes(static_cast<std::size_t>(n));  // σ'_i x̃ of some samples
  for (Index begin = 0; begin < samples; begin += rows_at_once) {
    const Index rows = std::min(rows_at_once, samples - begin);
    const Points<double> x = with_ones(loss_->x_.middleRows(begin, rows), at.biases);
    const Points<double> s = with_ones(s_.middleRows(begin, rows), at.biases);
    const Points<double> r = r_.middleRows(begin, rows);
    for (Index i = 0; i < n; ++i)
      slopes[static_cast<std::size_t>(i)] =
          (x.array().colwise() * s1_.col(i).segment(begin, rows).array()).matrix();
    base::parallel_chunks(n, 1, [&](Index i, Index) {
      NeuronSums& own = sums[static_cast<std::size_t>(i)];
      const Points<double>& slope = slopes[static_cast<std::size_t>(i)];
      for (Index j = i; j < n; ++j)
        add_product_tn(slope, slopes[static_cast<std::size_t>(j)],
                       own.pairs[static_cast<std::size_t>(j - i)]);
      const Points<double> bent = (x.array().colwise() * (g_.col(i).segment(begin, rows).array() *
                                                          s2_.col(i).segment(begin, rows).array()))
                                      .matrix();
      add_product_tn(bent, x, own.bend);
      add_product_tn(slope, s, own.with_out);
      add_product_tn(slope, r, own.with_rest);
    });
    add_product_tn(s, s, out_pairs);
  }

  const double scale = 2 / static_cast<double>(samples);
  Eigen::MatrixXd h = Eigen::MatrixXd::Zero(at.size(), at.size());
  const auto put = [&](Index row, Index column, double value) {
    h(row, column) = scale * value;
    h(column, row) = scale * value;
  };
  const Eigen::MatrixXd couplings = network_.a * network_.a.transpose();
  for (Index i = 0; i < n; ++i) {
    const NeuronSums& own = sums[static_cast<std::size_t>(i)];
    for (Index j = i; j < n; ++j) {
      const Points<double>& pair = own.pairs[static_cast<std::size_t>(j - i)];
      for (Index p = 0; p < ins; ++p) {
        for (Index q = i == j ? p : 0; q < ins; ++q)
          put(at.hidden(i, p), at.hidden(j, q),
              couplings(i, j) * pair(p, q) + (i == j ? own.bend(p, q) : 0.0));
      }
    }
    for (Index p = 0; p < ins; ++p) {
      for (Index j = 0; j < outs; ++j) {
        for (Index q = 0; q < o; ++q)
          put(at.hidden(i, p), at.outgoing(j, q),
              network_.a(i, q) * own.with_out(p, j) + (i == j ? own.with_rest(p, q) : 0.0));
      }
    }
  }
  for (Index j = 0; j < outs; ++j) {
    for (Index l = j; l < outs; ++l) {
      for (Index q = 0; q < o; ++q) put(at.outgoing(j, q), at.outgoing(l, q), out_pairs(j, l));
    }
  }
  return h;
}

}  // namespace starling::students
