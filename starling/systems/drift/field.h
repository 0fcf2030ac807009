#pragma once
#include <string_view>

#include "starling/base/matrix.h"

namespace starling::drift {

/// The drifting fields: x are N model points, y are M data points, V = (pull of y) - (push of x).
enum class Field {
  displacement,  ///< kernel-weighted mean displacements, each row normalised: E[k (y - x)] / E[k] (Deng et
                 ///< al., 2026)
  toy,    ///< the authors' notebook: rows and columns normalised, normaliser clamped at 1e-12; Laplace kernel
  paper,  ///< their Algorithm 2: the same with stable softmaxes and no clamp
  conservative,  ///< the gradient of log(KDE of y) - log(KDE of x) at x
  sharp          ///< the same for the companion kernel (1 + r/tau) exp(-r/tau) of the Laplace kernel
};

enum class Kernel {
  laplace,  ///< exp(-r / tau): the distance is not squared
  gaussian  ///< exp(-r^2 / (2 h^2))
};

/// Which field, with which kernel and scale.
struct FieldSpec {
  Field field = Field::displacement;
  Kernel kernel =
      Kernel::laplace;  ///< of displacement and conservative; the others are Laplace by definition
  double scale = 0.7;   ///< temperature tau (Laplace) or bandwidth h (Gaussian), in units of distance; > 0
  bool self_interaction = true;  ///< whether x_i counts in its own cloud; toy and paper always leave it out
};

Field parse_field(std::string_view name);    ///< Error{usage} with the nearest name
Kernel parse_kernel(std::string_view name);  ///< Error{usage} with the nearest name

/// V at the model points, shape (N, d). Errors: Error{usage} for a scale that is not positive and finite or
/// for widths that differ; Error{input} for empty clouds or values that are not finite (names cloud, row and
/// column).
template <class T>
base::Points<T> velocity(const FieldSpec& spec, const base::PointsRef<T>& x, const base::PointsRef<T>& y);

/// toy and paper with more points to be pushed from: `negatives` (K, d), each affinity to them multiplied by
/// its weight (K). Errors as velocity; Error{usage} for another field.
template <class T>
base::Points<T> velocity_with_negatives(const FieldSpec& spec, const base::PointsRef<T>& x,
                                        const base::PointsRef<T>& y, const base::PointsRef<T>& negatives,
                                        const base::Vector<T>& weights);

/// V at any points z (K, d); no pair is excluded. Row-normalised fields only: toy and paper are defined at x
/// alone.
base::Points<double> velocity_at(const FieldSpec& spec, const base::PointsRef<double>& z,
                                 const base::PointsRef<double>& x, const base::PointsRef<double>& y);

/// div V at z (K), in closed form. Fields as for velocity_at.
base::Vector<double> divergence_at(const FieldSpec& spec, const base::PointsRef<double>& z,
                                   const base::PointsRef<double>& x, const base::PointsRef<double>& y);

/// The Jacobian dV_a/dz_b at one point z (d), in closed form, shape (d, d). Fields as for velocity_at.
base::Points<double> jacobian_at(const FieldSpec& spec, const base::Vector<double>& z,
                                 const base::PointsRef<double>& x, const base::PointsRef<double>& y);

/// Error{input} that names `cloud`, row and column of the first value that is not finite, or says that it is
/// empty.
template <class T>
void require_finite(const base::PointsRef<T>& points, std::string_view cloud);

/// Error{usage} unless the spec's scale is positive and finite and the widths agree.
void require_compatible(const FieldSpec& spec, base::Index x_width, base::Index y_width);

}  // namespace starling::drift
