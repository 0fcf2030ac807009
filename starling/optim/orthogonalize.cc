#include "starling/optim/orthogonalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/kernels/entries.h"
#include "starling/kernels/small_spectral.h"
#include "starling/kernels/spectral_iteration.h"
#include "starling/math/matrix_product.h"
#include "starling/math/symmetric_product.h"
#include "starling/optim/newton_schulz.h"

namespace starling::optim {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using kernels::SquareScratch;
using math::OddQuintic;
template <class T>
using Rows = base::Points<T>;

const std::array<std::pair<const char*, Orthogonalization>, 9> names = {
    {{"regularized", Orthogonalization::regularized},
     {"polar", Orthogonalization::polar},
     {"jordan", Orthogonalization::jordan},
     {"polar_express", Orthogonalization::polar_express},
     {"nanochat", Orthogonalization::nanochat},
     {"you", Orthogonalization::you},
     {"cans", Orthogonalization::cans},
     {"gram", Orthogonalization::gram},
     {"aol", Orthogonalization::aol}}};

// What spectral_iteration.h asks for, on unpadded matrices of any size.
template <class T>
struct LargeProducts {
  std::ptrdiff_t rows, square_stride, columns;

  void gram(const T* x, T* out) const { math::gram_product<T>(rows, columns, 1, x, 0, out); }
  void symmetric(T alpha, const T* a, const T* b, T beta, const T* c, T* out) const {
    if (beta != 0) std::copy_n(c, rows * rows, out);
    math::symmetric_product<T>(rows, alpha, a, b, beta, out);
  }
  void apply(T alpha, const T* q, const T* x, T* out) const {
    math::product(rows, rows, columns, q, x, out);
    if (alpha != 1) Eigen::Map<base::Vector<T>>(out, rows * columns) *= alpha;
  }
};

// Of one thread; not initialised, for an iteration writes before it reads.
template <class T>
struct LargeWorkspace {
  std::unique_ptr<T[]> x, y, r, q, s, t;
  LargeWorkspace(Index k, Index n)
      : x(numbers(k * n)),
        y(numbers(k * n)),
        r(numbers(k * k)),
        q(numbers(k * k)),
        s(numbers(k * k)),
        t(numbers(k * k)) {}
  SquareScratch<T> squares() { return {r.get(), q.get(), s.get(), t.get()}; }
  static std::unique_ptr<T[]> numbers(Index count) {
    return std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(count));
  }
};

// Tables take milliseconds to make and never change: plans that ask for the same one share it.
std::shared_ptr<const math::MinimaxTable> shared_table(double lowest, double tolerance, int steps) {
  static std::mutex mutex;
  static std::map<std::tuple<double, double, int>, std::shared_ptr<const math::MinimaxTable>> tables;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<const math::MinimaxTable>& table = tables[{lowest, tolerance, steps}];
  if (!table) table = std::make_shared<const math::MinimaxTable>(lowest, tolerance, steps);
  return table;
}

// X <- Q X with Q from the Gram matrix, for the first two steps and then for the rest.
template <class T>
T* gram_newton_schulz(const LargeProducts<T>& products, std::span<const OddQuintic> steps, T* x, T* y,
                      SquareScratch<T> m) {
  constexpr std::size_t before_restart = 2;
  const Index size = products.rows * products.rows;
  for (std::size_t begin = 0; begin < steps.size();) {
    const std::size_t end = begin == 0 ? std::min(before_restart, steps.size()) : steps.size();
    products.gram(x, m.r);
    std::fill_n(m.q, size, T(0));
    kernels::add_to_diagonal(products, T(1), m.q);
    for (const OddQuintic& p : steps.subspan(begin, end - begin)) {
      products.symmetric(static_cast<T>(p.c), m.r, m.r, static_cast<T>(p.b), m.r, m.s);
      kernels::add_to_diagonal(products, static_cast<T>(p.a), m.s);
      products.symmetric(1, m.q, m.s, 0, m.q, m.t);
      std::swap(m.q, m.t);
      products.symmetric(1, m.r, m.s, 0, m.r, m.t);
      products.symmetric(1, m.s, m.t, 0, m.r, m.r);
    }
    products.apply(1, m.q, x, y);
    std::swap(x, y);
    begin = end;
  }
  return x;
}

}  // namespace

Orthogonalization parse_orthogonalization(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [text, method] : names) {
    if (name == text) return method;
    known.emplace_back(text);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown method '{}'{}", name, base::suggestion(name, known)));
}

template <class T>
class Orthogonalizer<T>::Plan {
 public:
  Plan(const OrthogonalizeSpec& spec, Index rows, Index columns, Index batch)
      : spec_(spec),
        rows_(rows),
        columns_(columns),
        batch_(batch),
        k_(std::min(rows, columns)),
        n_(std::max(rows, columns)) {
    if (rows < 0 || columns < 0 || batch < 0) {
      throw Error(ErrorKind::usage,
                  fmt::format("orthogonalize: shape ({}, {}, {}); expected extents of at least 0", batch,
                              rows, columns));
    }
    if (spec.method == Orthogonalization::regularized) {
      [[maybe_unused]] const math::SpectralMap refuses_a_wrong_one(spec.epsilon, spec.smoothing);
      tolerance_ = spec.tolerance > 0 ? spec.tolerance : usual_tolerance;
      if (spec.smoothing == math::Smoothing::hyperbolic)
        table_ = shared_table(std::min(1.0, std::cbrt(rounding / tolerance_)), 0.1 * tolerance_, spec.steps);
    } else {
      prepare_steps();
    }
    // One workspace a chunk, some chunks a thread.
    // What comes of a matrix does not depend on where a batch is cut: as few cuts as keep all threads busy.
    const Index most = (small() ? 2 : 1) * base::thread_count(),
                least = kernels::suits_lanes({rows, columns}, batch) ? 16 : 1;
    chunk_ = std::max<Index>(least, (batch + most - 1) / most);
    const Index chunks = size() == 0 ? 0 : (batch + chunk_ - 1) / chunk_;
    for (Index i = 0; i < chunks; ++i) {
      if (small()) {
        small_.emplace_back(kernels::SmallShape{rows, columns}, batch);
      } else {
        large_.emplace_back(k_, n_);
      }
    }
    epsilons_.resize(static_cast<std::size_t>(batch));
    lower_.resize(static_cast<std::size_t>(batch));
    finite_ = std::make_unique<bool[]>(static_cast<std::size_t>(batch));
  }

  double run(const T* in, T* out) {
    if (size() == 0 || batch_ == 0) return 0;
    in_ = in;
    out_ = out;
    const auto work = [this](Index begin, Index end) { run_chunk(begin, end); };
    if (batch_ <= chunk_) {
      work(0, batch_);
    } else {
      base::parallel_chunks(batch_, chunk_, work);
    }
    double error = 0;
    for (Index i = 0; i < batch_; ++i) error = std::max(error, settle(i));
    return error;
  }

 private:
  static constexpr double usual_tolerance = sizeof(T) == sizeof(float) ? 1e-5 : 1e-12;
  static constexpr double rounding = std::numeric_limits<T>::epsilon() / 4;

  Index size() const { return rows_ * columns_; }
  bool by_table() const { return table_ != nullptr || !steps_.empty(); }
  // Small shapes have kernels of their own for the two plain iterations.
  bool small() const {
    const bool plain = spec_.method != Orthogonalization::gram && spec_.method != Orthogonalization::aol;
    return plain && by_table() && kernels::is_small({rows_, columns_});
  }

  void prepare_steps() {
    switch (spec_.method) {
      case Orthogonalization::jordan:
        return use(NewtonSchulzTable::jordan);
      case Orthogonalization::polar_express:
        return use(NewtonSchulzTable::polar_express);
      case Orthogonalization::nanochat:
        return use(NewtonSchulzTable::nanochat);
      case Orthogonalization::you:
        return use(NewtonSchulzTable::you);
      case Orthogonalization::cans:
        return use(NewtonSchulzTable::cans);
      case Orthogonalization::gram: {
        constexpr double safety = 1.05;
        steps_ = newton_schulz_steps(NewtonSchulzTable::polar_express, spec_.steps, safety);
        start_ = {.safety = safety, .cushion = 1e-7};
        return;
      }
      case Orthogonalization::aol: {
        const int steps = spec_.steps == 0 ? 4 : spec_.steps;
        steps_ = newton_schulz_steps(NewtonSchulzTable::polar_express, steps + 1);
        steps_.erase(steps_.begin());
        return;
      }
      case Orthogonalization::polar:
      case Orthogonalization::regularized:
        return;
    }
  }

  void use(NewtonSchulzTable table) {
    steps_ = newton_schulz_steps(table, spec_.steps);
    start_ = start_scale(table);
  }

  Eigen::Map<const Rows<T>> matrix(Index i) const { return {in_ + i * size(), rows_, columns_}; }
  Eigen::Map<Rows<T>> answer(Index i) { return {out_ + i * size(), rows_, columns_}; }

  double epsilon_of(Index i) const {
    if (spec_.scale == EpsilonScale::absolute) return spec_.epsilon;
    const T* in = in_ + i * size();
    const double norm = kernels::norm(in, size(), kernels::largest_entry(in, size()));
    return spec_.epsilon * norm / std::sqrt(static_cast<double>(k_));
  }

  void run_chunk(Index begin, Index end) {
    const auto chunk = static_cast<std::size_t>(begin / chunk_);
    if (table_) {
      for (Index i = begin; i < end; ++i)
        epsilons_[static_cast<std::size_t>(i)] = static_cast<T>(epsilon_of(i));
    }
    const Index first = begin * size(), count = end - begin;
    if (!by_table()) {
      for (Index i = begin; i < end; ++i) decompose(i);
    } else if (!small()) {
      for (Index i = begin; i < end; ++i) run_large(i, large_[chunk]);
    } else if (table_) {
      kernels::regularise_small<T>(count, in_ + first, epsilons_.data() + begin, *table_, out_ + first,
                                   lower_.data() + begin, small_[chunk]);
    } else {
      kernels::newton_schulz_small<T>(count, in_ + first, start_.safety, start_.cushion, steps_, out_ + first,
                                      finite_.get() + begin, small_[chunk]);
    }
  }

  void run_large(Index i, LargeWorkspace<T>& w) {
    const auto at = static_cast<std::size_t>(i);
    lower_[at] = 0;
    const T largest = kernels::largest_entry(in_ + i * size(), size());
    finite_[at] = std::isfinite(largest);
    if (!finite_[at]) return;
    Eigen::Map<Rows<T>> x(w.x.get(), k_, n_);
    const bool tall = rows_ > columns_;
    double scale = 1;
    if (table_) {
      if (largest == 0) {
        answer(i).setZero();
        lower_[at] = 1;
        return;
      }
      scale = 1 / static_cast<double>(largest);
      if (!std::isfinite(static_cast<T>(scale))) return;
    } else if (spec_.method == Orthogonalization::aol) {
      scale = largest > 0 ? 1 / static_cast<double>(largest) : 1;
    } else {
      scale = 1 / (start_.safety * kernels::norm(in_ + i * size(), size(), largest) + start_.cushion);
    }
    if (tall) {
      x = static_cast<T>(scale) * matrix(i).transpose();
    } else {
      x = static_cast<T>(scale) * matrix(i);
    }
    const LargeProducts<T> products{k_, k_, n_};
    const T* end = w.y.get();
    if (table_) {
      const T epsilon = epsilons_[at] * static_cast<T>(scale);
      if (!std::isfinite(epsilon * epsilon)) return;
      lower_[at] = kernels::regularise(products, epsilon, *table_, w.x.get(), w.squares(), w.y.get());
      if (lower_[at] == 0) return;
    } else if (spec_.method == Orthogonalization::gram) {
      end = gram_newton_schulz<T>(products, steps_, w.x.get(), w.y.get(), w.squares());
    } else {
      if (spec_.method == Orthogonalization::aol) precondition(products, x, w);
      end = kernels::newton_schulz<T>(products, steps_, w.x.get(), w.y.get(), w.squares());
    }
    const Eigen::Map<const Rows<T>> found(end, k_, n_);
    if (tall) {
      answer(i) = found.transpose();
    } else {
      answer(i) = found;
    }
  }

  // Rows over the root of the absolute row sums of X Xᵀ: the spectral norm is then at most 1. An empty row
  // stays.
  static void precondition(const LargeProducts<T>& products, Eigen::Map<Rows<T>>& x, LargeWorkspace<T>& w) {
    products.gram(x.data(), w.r.get());
    for (Index i = 0; i < products.rows; ++i) {
      const T* row = w.r.get() + i * products.rows;
      T sum = 0;
      for (Index j = 0; j < products.rows; ++j) sum += std::abs(row[j]);
      if (sum > 0) x.row(i) /= std::sqrt(sum);
    }
  }

  void decompose(Index i) {
    const Eigen::MatrixXd m = matrix(i).template cast<double>();
    const auto at = static_cast<std::size_t>(i);
    finite_[at] = m.allFinite();
    lower_[at] = 1;
    if (!finite_[at]) return;
    const double epsilon = epsilon_of(i);
    const bool to_polar = spec_.method == Orthogonalization::polar || !(epsilon > 0);
    answer(i) = (to_polar ? math::polar_factor(m) : math::SpectralMap(epsilon, spec_.smoothing)(m))
                    .template cast<T>();
  }

  // The matrix's error bound; those that the fast way left alone are done here.
  double settle(Index i) {
    const auto at = static_cast<std::size_t>(i);
    if (!table_) {
      if (!finite_[at]) refuse(i);
      return 0;
    }
    if (lower_[at] > 0) {
      const double lower = static_cast<double>(lower_[at]);
      const math::MinimaxSchedule* schedule = table_->find(lower);
      return schedule->error + rounding / (lower * lower * lower);
    }
    if (!std::isfinite(kernels::largest_entry(in_ + i * size(), size()))) refuse(i);
    if constexpr (std::is_same_v<T, float>) {
      if (!in_double_) {
        OrthogonalizeSpec spec = spec_;
        spec.tolerance = 0.01 * tolerance_;
        in_double_ = std::make_unique<Orthogonalizer<double>>(spec, rows_, columns_);
      }
      Rows<double> wide = matrix(i).template cast<double>();
      const double error = (*in_double_)(wide.data(), wide.data());
      answer(i) = wide.template cast<T>();
      return error + std::numeric_limits<float>::epsilon();
    } else {
      decompose(i);
      return std::numeric_limits<double>::epsilon();
    }
  }

  [[noreturn]] void refuse(Index i) const {
    throw Error(
        ErrorKind::numerical,
        batch_ == 1
            ? fmt::format("orthogonalize: a ({}, {}) matrix has entries that are not finite", rows_, columns_)
            : fmt::format("orthogonalize: matrix {} of {} has entries that are not finite", i, batch_));
  }

  OrthogonalizeSpec spec_;
  Index rows_, columns_, batch_, k_, n_, chunk_ = 1;
  double tolerance_ = 0;
  std::shared_ptr<const math::MinimaxTable> table_;  // of `regularized`
  std::vector<OddQuintic> steps_;                    // of the others
  StartScale start_;
  std::vector<kernels::SmallWorkspace<T>> small_;
  std::vector<LargeWorkspace<T>> large_;
  std::vector<T> epsilons_, lower_;
  std::unique_ptr<bool[]> finite_;
  std::unique_ptr<Orthogonalizer<double>> in_double_;  // of float, where its digits do not suffice
  const T* in_ = nullptr;
  T* out_ = nullptr;
};

template <class T>
Orthogonalizer<T>::Orthogonalizer(const OrthogonalizeSpec& spec, Index rows, Index columns, Index batch)
    : plan_(std::make_unique<Plan>(spec, rows, columns, batch)) {}
template <class T>
Orthogonalizer<T>::~Orthogonalizer() = default;
template <class T>
Orthogonalizer<T>::Orthogonalizer(Orthogonalizer&&) noexcept = default;
template <class T>
Orthogonalizer<T>& Orthogonalizer<T>::operator=(Orthogonalizer&&) noexcept = default;
template <class T>
double Orthogonalizer<T>::operator()(const T* in, T* out) {
  return plan_->run(in, out);
}

template class Orthogonalizer<float>;
template class Orthogonalizer<double>;

}  // namespace starling::optim
