#include "starling/systems/students/compression_starts.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/nets/activation.h"
#include "starling/systems/students/sample_loss.h"

namespace starling::students {
namespace {

using base::Index;
using base::Points;
using base::Vector;

// One neuron that stands for a group: what it answers on the samples, and what merging needs of it.
struct Group {
  Eigen::RowVectorXd w, a;
  double bias = 0, weight = 0;    // weight: Σ |a| of the members
  Eigen::VectorXd before, after;  // pre-activation and centred activation, (N)
};

Eigen::VectorXd centred_activation(nets::Activation activation, const Eigen::VectorXd& before) {
  Eigen::VectorXd after(before.size());
  nets::activate(activation, before, after);
  return after.array() - after.mean();
}

struct Merge {
  double cost = std::numeric_limits<double>::infinity();
  Group group;
};

// The weighted mean of two neurons, answering for both as well as one can. The cost is |T|² - |T'σ|²/|σ|²,
// with T what both said and σ the new neuron's activation, both centred: c takes the means.
Merge merge(nets::Activation activation, const Group& one, const Group& two) {
  const double sign = is_odd(activation) && one.w.dot(two.w) + one.bias * two.bias < 0 ? -1 : 1;
  const double total = one.weight + two.weight;
  const double p = total > 0 ? one.weight / total : 0.5, q = sign * (total > 0 ? two.weight / total : 0.5);
  Merge out;
  Group& g = out.group;
  g.w = p * one.w + q * two.w;
  g.bias = p * one.bias + q * two.bias;
  g.weight = total;
  g.before = p * one.before + q * two.before;
  g.after = centred_activation(activation, g.before);
  const double power = one.a.squaredNorm() * one.after.squaredNorm() +
                       2 * one.a.dot(two.a) * one.after.dot(two.after) +
                       two.a.squaredNorm() * two.after.squaredNorm();
  const Eigen::RowVectorXd common = g.after.dot(one.after) * one.a + g.after.dot(two.after) * two.a;
  const double own = g.after.squaredNorm();
  g.a = own > 0 ? Eigen::RowVectorXd(common / own) : Eigen::RowVectorXd::Zero(common.size());
  out.cost = own > 0 ? power - common.squaredNorm() / own : power;
  return out;
}

std::vector<Group> groups_of(const Target& target) {
  // Costs are averages over samples; a few hundred rank the pairs as well as all would.
  constexpr Index most_samples = 512;
  const Index rows = std::min<Index>(most_samples, target.x.rows());
  const Points<double> before = preactivations(target.teacher, target.x.topRows(rows));
  std::vector<Group> groups(static_cast<std::size_t>(target.teacher.neurons()));
  for (Index j = 0; j < target.teacher.neurons(); ++j) {
    Group& g = groups[static_cast<std::size_t>(j)];
    g.w = target.teacher.w.row(j);
    g.a = target.teacher.a.row(j);
    g.bias = target.teacher.bias[j];
    g.weight = g.a.norm();
    g.before = before.col(j);
    g.after = centred_activation(target.teacher.activation, g.before);
  }
  return groups;
}

// Row i of the costs: of merging group i with each later one.
void fill_costs(nets::Activation activation, const std::vector<Group>& groups, Index i,
                Eigen::MatrixXd& cost) {
  for (Index j = 0; j < static_cast<Index>(groups.size()); ++j) {
    if (j == i) continue;
    cost(std::min(i, j), std::max(i, j)) = merge(activation, groups[static_cast<std::size_t>(std::min(i, j))],
                                                 groups[static_cast<std::size_t>(std::max(i, j))])
                                               .cost;
  }
}

// Overwrites the costs of row and column `gone` by those of the last group, which takes its place.
void drop(std::vector<Group>& groups, Eigen::MatrixXd& cost, Index gone) {
  const Index last = static_cast<Index>(groups.size()) - 1;
  for (Index j = 0; j < last; ++j) {
    if (j == gone) continue;
    cost(std::min(gone, j), std::max(gone, j)) = cost(j, last);
  }
  if (gone != last) groups[static_cast<std::size_t>(gone)] = std::move(groups.back());
  groups.pop_back();
}

Network merged(Index n, const Target& target) {
  const nets::Activation activation = target.teacher.activation;
  std::vector<Group> groups = groups_of(target);
  const auto k = static_cast<Index>(groups.size());
  Eigen::MatrixXd cost = Eigen::MatrixXd::Constant(k, k, std::numeric_limits<double>::infinity());
  base::parallel_chunks(k, 1, [&](Index i, Index) {
    for (Index j = i + 1; j < k; ++j)
      cost(i, j) =
          merge(activation, groups[static_cast<std::size_t>(i)], groups[static_cast<std::size_t>(j)]).cost;
  });
  while (static_cast<Index>(groups.size()) > n) {
    const auto left = static_cast<Index>(groups.size());
    Index i = 0, j = 1;
    for (Index c = 1; c < left; ++c) {
      for (Index r = 0; r < c; ++r) {
        if (cost(r, c) < cost(i, j)) i = r, j = c;
      }
    }
    groups[static_cast<std::size_t>(i)] =
        merge(activation, groups[static_cast<std::size_t>(i)], groups[static_cast<std::size_t>(j)]).group;
    drop(groups, cost, j);
    fill_costs(activation, groups, i, cost);
  }
  Network out{
      activation, Points<double>(n, target.teacher.inputs()), Vector<double>(n), {}, target.teacher.c};
  for (Index i = 0; i < n; ++i) {
    out.w.row(i) = groups[static_cast<std::size_t>(i)].w;
    out.bias[i] = groups[static_cast<std::size_t>(i)].bias;
  }
  return out;
}

Network copies(Index n, const Target& target) {
  const Points<double> after = activations(target.teacher, target.x);
  std::vector<double> influence;
  for (Index j = 0; j < after.cols(); ++j)
    influence.push_back(target.teacher.a.row(j).squaredNorm() *
                        (after.col(j).array() - after.col(j).mean()).square().sum());
  std::vector<Index> order(influence.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, [&](Index i, Index j) {
    return influence[static_cast<std::size_t>(i)] > influence[static_cast<std::size_t>(j)];
  });
  Network out{target.teacher.activation,
              Points<double>(n, target.teacher.inputs()),
              Vector<double>(n),
              {},
              target.teacher.c};
  for (Index i = 0; i < n; ++i) {
    out.w.row(i) = target.teacher.w.row(order[static_cast<std::size_t>(i)]);
    out.bias[i] = target.teacher.bias[order[static_cast<std::size_t>(i)]];
  }
  return out;
}

// Squared distance of a neuron to a centre and the sign that gives it, for odd activations the better one.
struct Near {
  double squared;
  double sign;
};
Near distance(bool odd, const Eigen::RowVectorXd& point, const Eigen::RowVectorXd& centre) {
  const double plus = (point - centre).squaredNorm(), minus = (point + centre).squaredNorm();
  return odd && minus < plus ? Near{minus, -1} : Near{plus, 1};
}

// k-means++ (Arthur & Vassilvitskii, 2007): each next centre drawn in proportion to weight times squared
// distance.
Points<double> first_centres(const Points<double>& points, const std::vector<double>& weights, bool odd,
                             Index n, base::Stream& stream) {
  Points<double> centres(n, points.cols());
  std::vector<double> squared(weights.size(), 1.0);
  for (Index i = 0; i < n; ++i) {
    double total = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) total += weights[j] * squared[j];
    double left = stream.uniform() * total;
    std::size_t chosen = 0;
    while (chosen + 1 < weights.size() && (left -= weights[chosen] * squared[chosen]) > 0) ++chosen;
    centres.row(i) = points.row(static_cast<Index>(chosen));
    for (std::size_t j = 0; j < weights.size(); ++j) {
      const double here = distance(odd, points.row(static_cast<Index>(j)), centres.row(i)).squared;
      squared[j] = i == 0 ? here : std::min(squared[j], here);
    }
  }
  return centres;
}

Network clustered(Index n, const Target& target, base::Stream& stream) {
  const Network& t = target.teacher;
  const bool odd = is_odd(t.activation);
  Points<double> points(t.neurons(), t.inputs() + 1);
  points << t.w, t.bias;
  std::vector<double> weights;
  for (Index j = 0; j < t.neurons(); ++j) weights.push_back(t.a.row(j).norm());
  Points<double> centres = first_centres(points, weights, odd, n, stream);
  constexpr int iterations = 50;
  for (int round = 0; round < iterations; ++round) {
    Points<double> sum = Points<double>::Zero(n, points.cols());
    Vector<double> total = Vector<double>::Zero(n);
    for (Index j = 0; j < points.rows(); ++j) {
      Index nearest = 0;
      Near best = distance(odd, points.row(j), centres.row(0));
      for (Index i = 1; i < n; ++i) {
        const Near here = distance(odd, points.row(j), centres.row(i));
        if (here.squared < best.squared) best = here, nearest = i;
      }
      sum.row(nearest) += weights[static_cast<std::size_t>(j)] * best.sign * points.row(j);
      total[nearest] += weights[static_cast<std::size_t>(j)];
    }
    for (Index i = 0; i < n; ++i) {
      if (total[i] > 0) centres.row(i) = sum.row(i) / total[i];
    }
  }
  return {t.activation, centres.leftCols(t.inputs()), centres.col(t.inputs()), {}, t.c};
}

Network random(Index n, const Target& target, base::Stream& stream) {
  const Network& t = target.teacher;
  Network out{t.activation, Points<double>(n, t.inputs()), Vector<double>(n), {}, t.c};
  stream.fill_normal(std::span<double>(out.w.data(), static_cast<std::size_t>(out.w.size())));
  stream.fill_normal(std::span<double>(out.bias.data(), static_cast<std::size_t>(n)));
  out.w.rowwise().normalize();
  out.w *= t.w.rowwise().norm().mean();
  out.bias *= std::sqrt(t.bias.squaredNorm() / static_cast<double>(t.neurons()));
  return out;
}

}  // namespace

std::string name_of(StartKind kind) {
  switch (kind) {
    case StartKind::merged:
      return "merged";
    case StartKind::copies:
      return "copies";
    case StartKind::clustered:
      return "clustered";
    case StartKind::random:
      break;
  }
  return "random";
}

StartKind kind_of_start(std::int64_t i) {
  if (i < 2) return i == 0 ? StartKind::merged : StartKind::copies;
  return i % 2 == 0 ? StartKind::clustered : StartKind::random;
}

Network make_start(StartKind kind, Index n, const Target& target, base::Stream& stream) {
  if (n < 1 || n > target.teacher.neurons()) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("student of {} neurons: expected 1 to {}, the teacher's number", n,
                                  target.teacher.neurons()));
  }
  Network hidden = kind == StartKind::merged      ? merged(n, target)
                   : kind == StartKind::copies    ? copies(n, target)
                   : kind == StartKind::clustered ? clustered(n, target, stream)
                                                  : random(n, target, stream);
  if (target.biases == Biases::fixed) hidden.bias.setZero();
  return with_best_outgoing(hidden, target.biases, target.x, target.y);
}

}  // namespace starling::students
