#include "starling/systems/depth/limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/systems/depth/collocation.h"
#include "starling/systems/depth/head_field.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using Numbers = std::vector<double>;
constexpr std::size_t nodes = Collocation::nodes;

double largest_gap(const Numbers& a, const Numbers& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double gap = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    if (!(gap <= most)) most = gap;  // keeps a NaN
  }
  return most;
}

// The forward-backward system on a fixed number of panels.
class Panels {
 public:
  Panels(HeadField& field, const HeadsAt& heads, Index panels)
      : field_(field), heads_(heads), panels_(panels), h_(1 / static_cast<double>(panels)) {}

  Numbers forward(std::span<const double> x0) {
    Numbers x(x0.begin(), x0.end());
    states_.clear();
    for (Index panel = 0; panel < panels_; ++panel) {
      Node node;
      for (std::size_t i = 0; i < nodes; ++i) {
        node.heads[i] = heads_(h_ * (static_cast<double>(panel) + rule_.c[i]));
        node.x[i] = x;
      }
      const auto rate = [&](std::size_t i) { field_.value(node.heads[i], node.x[i], node.rate[i]); };
      solve(node, node.x, x, h_, rate, [this](std::size_t i, std::size_t j) { return rule_.a[i][j]; });
      add(node, h_, x);
      states_.push_back(std::move(node));
    }
    return x;
  }

  // p_0 from p_1 through the nodes of the forward pass.
  Numbers backward(Numbers p) {
    for (auto node = states_.rbegin(); node != states_.rend(); ++node) {
      std::array<Numbers, nodes> at;
      at.fill(p);
      const auto rate = [&](std::size_t i) {
        field_.pull_back(node->heads[i], node->x[i], at[i], node->rate[i]);
      };
      solve(*node, at, p, h_, rate,
            [this](std::size_t i, std::size_t j) { return rule_.b[j] - rule_.a[i][j]; });
      add(*node, h_, p);
    }
    return p;
  }

 private:
  struct Node {
    std::array<Numbers, nodes> heads, x, rate;
  };

  // at_i = base + h Σ_j coefficient(i, j) rate_j, by iteration: h times the field's slope is small.
  template <class Rate, class Coefficient>
  void solve(Node& node, std::array<Numbers, nodes>& at, const Numbers& base, double h, const Rate& rate,
             const Coefficient& coefficient) {
    for (Numbers& r : node.rate) r.resize(base.size());
    double before = 0;
    for (int iteration = 0; iteration < 200; ++iteration) {
      for (std::size_t i = 0; i < nodes; ++i) rate(i);
      double moved = 0;
      for (std::size_t i = 0; i < nodes; ++i) {
        Numbers next = base;
        for (std::size_t j = 0; j < nodes; ++j) {
          const double factor = h * coefficient(i, j);
          for (std::size_t e = 0; e < next.size(); ++e) next[e] += factor * node.rate[j][e];
        }
        moved = std::max(moved, largest_gap(next, at[i]));
        at[i] = std::move(next);
      }
      // The rates are those of points that the last step left by `moved` times h.
      if (moved < 1e-15 || (iteration > 2 && moved < 1e-14 && moved >= before)) break;
      if (!std::isfinite(moved)) break;
      before = moved;
    }
  }

  void add(const Node& node, double h, Numbers& x) const {
    for (std::size_t j = 0; j < nodes; ++j) {
      for (std::size_t e = 0; e < x.size(); ++e) x[e] += h * rule_.b[j] * node.rate[j][e];
    }
  }

  HeadField& field_;
  const HeadsAt& heads_;
  Index panels_;
  double h_;
  Collocation rule_;
  std::vector<Node> states_;
};

void require_finite(const Numbers& values, const char* name) {
  for (const double v : values) {
    if (!std::isfinite(v))
      throw Error(ErrorKind::numerical,
                  fmt::format("limit: {} is not finite; the heads are too large", name));
  }
}

}  // namespace

Limit solve_limit(const LimitSpec& spec, const HeadsAt& heads, std::span<const double> x,
                  std::span<const double> y) {
  const Index head_size = 4 * spec.head_width * spec.width;
  const Index count = static_cast<Index>(heads(0).size()) / std::max<Index>(head_size, 1);
  validate(NetworkSpec{.shape = {1, count, spec.head_width, spec.width}});
  if (static_cast<Index>(x.size()) != spec.tokens * spec.width || (!y.empty() && y.size() != x.size())) {
    throw Error(ErrorKind::usage, fmt::format("limit: x has {} numbers and y {}; expected {} tokens of {}",
                                              x.size(), y.size(), spec.tokens, spec.width));
  }
  const HeadsAt checked = [&](double s) {
    Numbers at = heads(s);
    if (static_cast<Index>(at.size()) != count * head_size) {
      throw Error(ErrorKind::usage, fmt::format("limit: at depth {} there are {} numbers of heads, at 0 {}",
                                                s, at.size(), count * head_size));
    }
    return at;
  };
  HeadField field(spec.head_width, spec.width, spec.tokens, count, spec.causal, spec.norm);
  constexpr Index most_panels = 4096;
  Limit last;
  for (Index panels = 2;; panels *= 2) {
    Panels system(field, checked, panels);
    Limit now{system.forward(x), {}, 0, 0, panels};
    require_finite(now.x1, "x(1)");
    if (!y.empty()) {
      Numbers p(x.size());
      for (std::size_t e = 0; e < x.size(); ++e) {
        const double apart = now.x1[e] - y[e];
        now.loss += apart * apart / (2 * static_cast<double>(spec.tokens));
        p[e] = apart / static_cast<double>(spec.tokens);
      }
      now.p0 = system.backward(std::move(p));
      require_finite(now.p0, "p(0)");
    }
    if (panels > 2) {
      now.error = std::max(largest_gap(now.x1, last.x1), largest_gap(now.p0, last.p0));
      if (now.error <= spec.tolerance) return now;
    }
    if (panels >= most_panels) {
      throw Error(ErrorKind::numerical,
                  fmt::format("limit: {} panels in depth leave an error of {:.3g}; expected heads that are "
                              "smooth in depth",
                              panels, now.error));
    }
    last = std::move(now);
  }
}

Extrapolated richardson(Index layers, std::span<const double> coarse, std::span<const double> middle,
                        std::span<const double> fine) {
  Extrapolated out;
  for (std::size_t e = 0; e < coarse.size(); ++e) {
    out.limit.push_back((8 * fine[e] - 6 * middle[e] + coarse[e]) / 3);
    out.slope.push_back(2 * static_cast<double>(layers) * (5 * middle[e] - 4 * fine[e] - coarse[e]));
  }
  return out;
}

void require_heads_alone(const HeadLaw& law) {
  if (!law.neurons.empty())
    throw Error(ErrorKind::usage,
                "limit: expected a law of heads alone; neurons have theirs by richardson()");
}

double fluctuation_constant(const HeadLaw& law, Index layers, Index tokens, std::span<const double> x,
                            bool causal) {
  require_heads_alone(law);
  const Index atoms = law.atoms(), size = tokens * law.width, head = 4 * law.head_width * law.width;
  const Index outputs = size;  // one direction each
  HeadField mean(law.head_width, law.width, tokens, atoms, causal);
  HeadField one(law.head_width, law.width, tokens, 1, causal);
  const double step = 1 / static_cast<double>(layers);
  std::vector<Numbers> states = {Numbers(x.begin(), x.end())};
  Numbers rate(x.size());
  for (Index l = 0; l + 1 < layers; ++l) {
    mean.value(law.heads, states.back(), rate);
    Numbers next = states.back();
    for (std::size_t e = 0; e < next.size(); ++e) next[e] += step * rate[e];
    states.push_back(std::move(next));
  }
  // Row q of `adjoint` is p_{l+1} of output q.
  std::vector<Numbers> adjoint(static_cast<std::size_t>(outputs), Numbers(x.size(), 0.0));
  for (std::size_t q = 0; q < adjoint.size(); ++q) adjoint[q][q] = 1;
  double variance = 0;
  for (Index l = layers - 1; l >= 0; --l) {
    const Numbers& state = states[static_cast<std::size_t>(l)];
    std::vector<Numbers> attention(static_cast<std::size_t>(atoms), Numbers(x.size()));
    for (Index m = 0; m < atoms; ++m) {
      one.value(
          std::span(law.heads).subspan(static_cast<std::size_t>(m * head), static_cast<std::size_t>(head)),
          state, attention[static_cast<std::size_t>(m)]);
    }
    for (Numbers& p : adjoint) {
      double sum = 0, squares = 0;
      for (const Numbers& a : attention) {
        double product = 0;
        for (std::size_t e = 0; e < a.size(); ++e) product += p[e] * a[e];
        sum += product / static_cast<double>(atoms);
        squares += product * product / static_cast<double>(atoms);
      }
      variance += squares - sum * sum;
      mean.pull_back(law.heads, state, p, rate);
      for (std::size_t e = 0; e < p.size(); ++e) p[e] += step * rate[e];
    }
  }
  return variance * step / static_cast<double>(tokens);
}

RateConstants rate_constants(const HeadLaw& law, Index tokens, std::span<const double> x, bool causal) {
  const auto b = [&](Index layers) { return Numbers{fluctuation_constant(law, layers, tokens, x, causal)}; };
  const auto end = [&](Index layers) {
    const NetworkSpec spec{.shape = law.shape(layers, law.atoms()), .causal = causal};
    Network<double> network(spec, tokens, 1);
    Numbers out(x.size());
    network.forward(stratified_heads(law, layers), x, out);
    return out;
  };
  const Numbers slope = richardson(32, end(32), end(64), end(128)).slope;
  double a = 0;
  for (const double c : slope) a += c * c / static_cast<double>(tokens);
  return {a, richardson(16, b(16), b(32), b(64)).limit[0]};
}

double mean_square_distance(std::span<const double> a, std::span<const double> b, Index tokens) {
  double sum = 0;
  for (std::size_t e = 0; e < a.size(); ++e) sum += (a[e] - b[e]) * (a[e] - b[e]);
  return sum / static_cast<double>(tokens);
}

}  // namespace starling::depth
