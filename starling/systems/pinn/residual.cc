#include "starling/systems/pinn/residual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

int space_of(const System& system) {
  return static_cast<int>(
      std::count_if(system.axes.begin(), system.axes.end(), [](const auto& a) { return a != "t"; }));
}

int stream_of(nets::Streams& streams, const Collapsed& collapsed, const Symbol& symbol, int space) {
  if (symbol.kind == Symbol::Kind::sum) return streams.sum(collapsed.sums[symbol.index[0]]);
  if (symbol.kind == Symbol::Kind::laplacian) return streams.laplacian(space);
  if (symbol.kind == Symbol::Kind::biharmonic) return streams.biharmonic(space);
  return streams.derivative(symbol.index);
}

// Every stream that a symbol reads is added to one set, in the order of the symbols; `numbers` tells which.
template <class T>
nets::Jets<T> make_jets(const System& system, const Collapsed& collapsed, const Tape<T>& tape,
                        const nets::JetNetwork& network, std::vector<int>& numbers) {
  const auto axes = static_cast<std::ptrdiff_t>(system.axes.size());
  const bool own_inputs = !network.features.empty();  // Jets checks those
  if (network.widths.size() < 2 || (!own_inputs && network.widths.front() != axes) ||
      network.widths.back() != static_cast<std::ptrdiff_t>(system.unknowns.size())) {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("network: {} inputs and {} outputs for {} axes ({}) and {} unknowns ({})",
                    network.widths.empty() ? 0 : network.widths.front(),
                    network.widths.empty() ? 0 : network.widths.back(), system.axes.size(),
                    fmt::join(system.axes, ", "), system.unknowns.size(), fmt::join(system.unknowns, ", ")));
  }
  nets::Streams streams(static_cast<int>(system.axes.size()));
  for (const int number : tape.symbols()) {
    const Symbol& symbol = collapsed.graph.symbols()[static_cast<std::size_t>(number)];
    numbers.push_back(stream_of(streams, collapsed, symbol, space_of(system)));
  }
  return nets::Jets<T>(network, std::move(streams));
}

template <class T>
T* thread_room(std::ptrdiff_t size) {
  static thread_local std::vector<T> room;
  if (room.size() < static_cast<std::size_t>(size)) room.resize(static_cast<std::size_t>(size));
  return room.data();
}

}  // namespace

std::vector<double> learned_values(const System& system, std::span<const double> parameters) {
  std::vector<double> values;
  const std::size_t first = parameters.size() - system.learned.size();
  for (std::size_t c = 0; c < system.learned.size(); ++c)
    values.push_back(system.learned[c].positive ? std::exp(parameters[first + c]) : parameters[first + c]);
  return values;
}

template <class T>
Residual<T>::Residual(const System& system, std::vector<int> roots, const nets::JetNetwork& network)
    : Residual(system, collapse(system.graph, roots, space_of(system)), network) {}

template <class T>
Residual<T>::Residual(const System& system, const Collapsed& collapsed, const nets::JetNetwork& network)
    : tape_(collapsed.graph, collapsed.roots),
      jets_(make_jets(system, collapsed, tape_, network, streams_)),
      axes_(static_cast<std::ptrdiff_t>(system.axes.size())),
      network_parameters_(network.parameter_count()),
      learned_(static_cast<std::ptrdiff_t>(system.learned.size())) {
  for (const int number : tape_.symbols())
    outputs_.push_back(collapsed.graph.symbols()[static_cast<std::size_t>(number)].unknown);
  for (const Learned& coefficient : system.learned) positive_.push_back(coefficient.positive);
}

// One tile under the tape: rows of coordinates, of what the network gives, and where derivatives go.
template <class T>
class Residual<T>::Tile {
 public:
  static constexpr std::ptrdiff_t lanes = Tape<T>::lanes;

  Tile(const Residual& owner, const nets::JetTile<T>& tile, const T* points, const T* coefficients)
      : owner_(owner), tile_(tile) {
    const auto symbols = static_cast<std::ptrdiff_t>(owner.streams_.size());
    const std::ptrdiff_t tape = owner.tape_.room(), rows = owner.axes_ + 1 + owner.learned_;
    room_ = thread_room<T>(tape + rows * lanes);
    coordinates_ = room_ + tape;
    weight_ = coordinates_ + owner.axes_ * lanes;
    learned_ = weight_ + lanes;
    for (std::ptrdiff_t a = 0; a < owner.axes_; ++a) {
      for (std::ptrdiff_t i = 0; i < lanes; ++i)
        coordinates_[a * lanes + i] = points[(tile.begin + std::min(i, tile.count - 1)) * owner.axes_ + a];
    }
    static thread_local std::vector<const T*> values;
    static thread_local std::vector<T*> seeds, learned_rows;
    values.resize(static_cast<std::size_t>(symbols));
    seeds.resize(static_cast<std::size_t>(symbols));
    learned_rows.resize(static_cast<std::size_t>(owner.learned_));
    for (std::size_t s = 0; s < values.size(); ++s) {
      values[s] = tile.stream(owner.streams_[s], owner.outputs_[s]);
      seeds[s] = tile.seeds == nullptr ? nullptr : tile.seed(owner.streams_[s], owner.outputs_[s]);
    }
    for (std::size_t c = 0; c < learned_rows.size(); ++c)
      learned_rows[c] = learned_ + static_cast<std::ptrdiff_t>(c) * lanes;
    seeds_ = seeds.data();
    learned_rows_ = learned_rows.data();
    std::fill_n(learned_, owner.learned_ * lanes, T(0));
    owner.tape_.evaluate(coordinates_, values.data(), coefficients, room_);
  }

  const T* value(std::ptrdiff_t root) const { return owner_.tape_.value(root, room_); }
  // Derivatives of the sum of rate(i) times the root, at sample i.
  template <class Rate>
  void reverse(std::ptrdiff_t root, const Rate& rate) {
    std::fill_n(weight_, lanes, T(0));
    for (std::ptrdiff_t i = 0; i < tile_.count; ++i) weight_[i] = rate(i);
    owner_.tape_.reverse(root, weight_, room_, seeds_, learned_rows_);
  }
  const T* learned(std::ptrdiff_t c) const { return learned_rows_[c]; }

 private:
  const Residual& owner_;
  const nets::JetTile<T>& tile_;
  T *room_, *coordinates_, *weight_, *learned_;
  T** seeds_;
  T** learned_rows_;
};

template <class T>
void Residual<T>::prepare(std::span<const T> parameters, std::ptrdiff_t n, Workspace& workspace) const {
  if (static_cast<std::ptrdiff_t>(parameters.size()) != parameter_count())
    throw base::Error(base::ErrorKind::usage, fmt::format("residual: {} parameters, expected {}",
                                                          parameters.size(), parameter_count()));
  workspace.values_.resize(static_cast<std::size_t>(n * roots()));
  workspace.slopes_.resize(static_cast<std::size_t>(n * learned_));
  workspace.coefficients_.resize(static_cast<std::size_t>(learned_));
  for (std::size_t c = 0; c < workspace.coefficients_.size(); ++c) {
    const T raw = parameters[static_cast<std::size_t>(network_parameters_) + c];
    workspace.coefficients_[c] = positive_[c] ? std::exp(raw) : raw;
  }
}

template <class T>
void Residual<T>::values(std::span<const T> parameters, const T* points, std::ptrdiff_t n,
                         Workspace& workspace, T* out) const {
  prepare(parameters, n, workspace);
  const auto visit = [&](const nets::JetTile<T>& tile) {
    const Tile own(*this, tile, points, workspace.coefficients_.data());
    for (std::ptrdiff_t e = 0; e < roots(); ++e)
      std::copy_n(own.value(e), tile.count, out + e * n + tile.begin);
  };
  jets_.forward(parameters.first(static_cast<std::size_t>(network_parameters_)), points, n, workspace.jets_,
                std::cref(visit));
}

// gradient += Σ rate(root, i, r) ∂r, and the residuals themselves in `values`.
template <class T>
template <class Rate>
void Residual<T>::accumulate(std::span<const T> parameters, const T* points, std::ptrdiff_t n,
                             Workspace& workspace, std::span<T> gradient, T* values, const Rate& rate) const {
  const auto visit = [&](const nets::JetTile<T>& tile) {
    Tile own(*this, tile, points, workspace.coefficients_.data());
    for (std::ptrdiff_t e = 0; e < roots(); ++e) {
      const T* r = own.value(e);
      std::copy_n(r, tile.count, values + e * n + tile.begin);
      own.reverse(e, [&](std::ptrdiff_t i) { return rate(e, tile.begin + i, r[i]); });
    }
    for (std::ptrdiff_t c = 0; c < learned_; ++c)
      std::copy_n(own.learned(c), tile.count, workspace.slopes_.data() + c * n + tile.begin);
  };
  const auto own = static_cast<std::size_t>(network_parameters_);
  jets_.add_gradient(parameters.first(own), points, n, workspace.jets_, std::cref(visit),
                     gradient.first(own));
  for (std::ptrdiff_t c = 0; c < learned_; ++c) {
    T sum = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += workspace.slopes_[static_cast<std::size_t>(c * n + i)];
    const auto at = static_cast<std::size_t>(c);
    gradient[own + at] += positive_[at] ? sum * workspace.coefficients_[at] : sum;
  }
}

template <class T>
T Residual<T>::add_gradient(std::span<const T> parameters, const T* points, std::ptrdiff_t n,
                            const T* weights, T factor, Workspace& workspace, std::span<T> gradient, T* out,
                            const T* targets) const {
  prepare(parameters, n, workspace);
  T* values = out != nullptr ? out : workspace.values_.data();
  const auto miss = [&](std::ptrdiff_t at, T r) { return targets == nullptr ? r : r - targets[at]; };
  const T each = factor / static_cast<T>(n);
  const auto weight = [&](std::ptrdiff_t i) { return weights == nullptr ? each : factor * weights[i]; };
  accumulate(parameters, points, n, workspace, gradient, values,
             [&](std::ptrdiff_t e, std::ptrdiff_t i, T r) { return weight(i) * miss(e * n + i, r); });
  T loss = 0;
  for (std::ptrdiff_t e = 0; e < roots(); ++e) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const T r = miss(e * n + i, values[e * n + i]);
      loss += weight(i) * r * r;
    }
  }
  return loss / 2;
}

template <class T>
void Residual<T>::add_functional(std::span<const T> parameters, const T* points, std::ptrdiff_t n,
                                 const T* rates, Workspace& workspace, std::span<T> gradient) const {
  prepare(parameters, n, workspace);
  accumulate(parameters, points, n, workspace, gradient, workspace.values_.data(),
             [&](std::ptrdiff_t e, std::ptrdiff_t i, T) { return rates[e * n + i]; });
}

template <class T>
void Residual<T>::jacobian(std::span<const T> parameters, const T* points, std::ptrdiff_t n, const T* weights,
                           T factor, Workspace& workspace, T* out, T* jacobian, std::ptrdiff_t stride,
                           const T* targets) const {
  prepare(parameters, n, workspace);
  const T each = std::sqrt(factor / static_cast<T>(n));
  const auto root_weight = [&](std::ptrdiff_t i) {
    return weights == nullptr ? each : std::sqrt(factor * weights[i]);
  };
  for (std::ptrdiff_t e = 0; e < roots(); ++e) {
    const auto visit = [&](const nets::JetTile<T>& tile) {
      Tile own(*this, tile, points, workspace.coefficients_.data());
      const T* r = own.value(e);
      for (std::ptrdiff_t i = 0; i < tile.count; ++i) {
        const std::ptrdiff_t at = e * n + tile.begin + i;
        out[at] = root_weight(tile.begin + i) * (targets == nullptr ? r[i] : r[i] - targets[at]);
      }
      own.reverse(e, [&](std::ptrdiff_t i) { return root_weight(tile.begin + i); });
      for (std::ptrdiff_t c = 0; c < learned_; ++c) {
        T* to = jacobian + (network_parameters_ + c) * stride + e * n + tile.begin;
        const auto at = static_cast<std::size_t>(c);
        const T chain = positive_[at] ? workspace.coefficients_[at] : T(1);
        for (std::ptrdiff_t i = 0; i < tile.count; ++i) to[i] = own.learned(c)[i] * chain;
      }
    };
    jets_.jacobian(parameters.first(static_cast<std::size_t>(network_parameters_)), points, n,
                   workspace.jets_, std::cref(visit), jacobian + e * n, stride);
  }
}

template class Residual<float>;
template class Residual<double>;

}  // namespace starling::pinn
