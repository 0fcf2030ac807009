#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "starling/nets/jets.h"
#include "starling/systems/pinn/collapse.h"
#include "starling/systems/pinn/equation.h"
#include "starling/systems/pinn/tape.h"

namespace starling::pinn {

/// Residuals of a system, as roots of its graph, at points of a network: values, the gradient of their sum of
/// squares, and their Jacobian. Output k of the network is unknown k. Derivatives that occur only in a sum
/// with constant coefficients go through the network as that sum (collapse()).
///
/// Parameters are those of the network, then one for each learned coefficient (its logarithm if it is
/// positive). The bytes do not depend on the number of threads; a pass allocates nothing once the workspace
/// has its size.
template <class T>
class Residual {
 public:
  /// Error{usage} when the network's inputs or outputs are not the axes and unknowns of the system.
  Residual(const System& system, std::vector<int> roots, const nets::JetNetwork& network);

  std::ptrdiff_t parameter_count() const { return network_parameters_ + learned_; }
  std::ptrdiff_t roots() const { return tape_.roots(); }
  const nets::Jets<T>& jets() const { return jets_; }

  class Workspace {
    friend class Residual;
    typename nets::Jets<T>::Workspace jets_;
    std::vector<T> values_, slopes_, coefficients_;
  };

  /// out[root · n + i] of n points (n, axes), row-major.
  void values(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
              T* out) const;

  /// Adds the gradient of ½ Σ_i weights[i] Σ_roots (r_i - target_i)² and returns that sum; `weights` (n) may
  /// be null for 1/n, `targets` (as `values` orders them) for 0. `out`, when not null, receives the
  /// residuals.
  T add_gradient(std::span<const T> parameters, const T* points, std::ptrdiff_t n, const T* weights, T factor,
                 Workspace& workspace, std::span<T> gradient, T* out = nullptr,
                 const T* targets = nullptr) const;

  /// Adds the gradient of Σ rates[root · n + i] r, a linear functional of the residuals.
  void add_functional(std::span<const T> parameters, const T* points, std::ptrdiff_t n, const T* rates,
                      Workspace& workspace, std::span<T> gradient) const;

  /// Stacked residuals √(factor · weight) (r - target) in `out` (roots · n) and their derivatives: jacobian[p
  /// · stride + row], both in the order of `values`.
  void jacobian(std::span<const T> parameters, const T* points, std::ptrdiff_t n, const T* weights, T factor,
                Workspace& workspace, T* out, T* jacobian, std::ptrdiff_t stride,
                const T* targets = nullptr) const;

 private:
  class Tile;
  Residual(const System& system, const Collapsed& collapsed, const nets::JetNetwork& network);
  template <class Rate>
  void accumulate(std::span<const T> parameters, const T* points, std::ptrdiff_t n, Workspace& workspace,
                  std::span<T> gradient, T* values, const Rate& rate) const;
  void prepare(std::span<const T> parameters, std::ptrdiff_t n, Workspace& workspace) const;

  Tape<T> tape_;
  std::vector<int> streams_, outputs_;  // of every symbol of the tape
  nets::Jets<T> jets_;
  std::ptrdiff_t axes_, network_parameters_, learned_;
  std::vector<bool> positive_;
};

/// The values of learned coefficients for parameters that begin with the network's: exponentials if positive.
std::vector<double> learned_values(const System& system, std::span<const double> parameters);

}  // namespace starling::pinn
