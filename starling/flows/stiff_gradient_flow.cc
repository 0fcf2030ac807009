#include "starling/flows/stiff_gradient_flow.h"

#include <cvode/cvode.h>
#include <fmt/format.h>
#include <nvector/nvector_serial.h>
#include <sunlinsol/sunlinsol_spgmr.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "starling/base/error.h"

namespace starling::flows {
namespace {

constexpr int krylov_dimension = 60;
constexpr double direction = 1e12;  // of time; steps end where they like

std::span<double> numbers(N_Vector v) {
  return {NV_DATA_S(v), static_cast<std::size_t>(NV_LENGTH_S(v))};
}

struct Problem {
  const Potential& potential;
  std::exception_ptr thrown{};
};

// Runs a callback of the user's; nothing may unwind through the solver's C.
template <class Call>
int guarded(Problem& problem, N_Vector result, Call call) {
  try {
    call();
  } catch (...) {
    problem.thrown = std::current_exception();
    return -1;
  }
  if (result == nullptr) return 0;
  const std::span<double> values = numbers(result);
  for (double& value : values) value = -value;
  // A trial that leaves the domain makes the solver shorten its step.
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); }) ? 0 : 1;
}

int evaluate(realtype, N_Vector y, N_Vector rate, void* user) {
  auto& problem = *static_cast<Problem*>(user);
  return guarded(problem, rate, [&] { problem.potential.gradient(numbers(y), numbers(rate)); });
}

int expand(realtype, N_Vector y, N_Vector, void* user) {
  auto& problem = *static_cast<Problem*>(user);
  return guarded(problem, nullptr, [&] { problem.potential.expand(numbers(y)); });
}

int multiply(N_Vector v, N_Vector product, realtype, N_Vector, N_Vector, void* user, N_Vector) {
  auto& problem = *static_cast<Problem*>(user);
  return guarded(problem, product, [&] { problem.potential.curvature(numbers(v), numbers(product)); });
}

void check(int flag, const char* what) {
  if (flag >= 0) return;
  throw base::Error(base::ErrorKind::numerical,
                    fmt::format("stiff solver: {} failed with code {}", what, flag));
}

// SUNDIALS hands out C handles; these release them in order.
struct Solver {
  SUNContext context = nullptr;
  N_Vector y = nullptr, rate = nullptr;
  SUNLinearSolver linear = nullptr;
  void* memory = nullptr;

  Solver(Problem& problem, std::span<const double> start, const StiffOptions& options) {
    check(SUNContext_Create(nullptr, &context), "context");
    y = N_VNew_Serial(static_cast<sunindextype>(start.size()), context);
    rate = N_VClone(y);
    std::copy(start.begin(), start.end(), NV_DATA_S(y));
    memory = CVodeCreate(CV_BDF, context);
    check(CVodeInit(memory, evaluate, 0, y), "start");
    check(CVodeSetUserData(memory, &problem), "user data");
    check(CVodeSetErrFile(memory, nullptr), "messages");
    check(CVodeSStolerances(memory, options.rtol, options.atol), "tolerances");
    linear = SUNLinSol_SPGMR(y, SUN_PREC_NONE, krylov_dimension, context);
    check(CVodeSetLinearSolver(memory, linear, nullptr), "linear solver");
    check(CVodeSetJacTimes(memory, expand, multiply), "products");
  }
  ~Solver() {
    if (memory != nullptr) CVodeFree(&memory);
    if (linear != nullptr) SUNLinSolFree(linear);
    if (rate != nullptr) N_VDestroy(rate);
    if (y != nullptr) N_VDestroy(y);
    if (context != nullptr) SUNContext_Free(&context);
  }
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;
};

// max |∇L| at the solver's y; NaN where an entry is.
double largest_gradient(Problem& problem, Solver& solver) {
  if (evaluate(0, solver.y, solver.rate, &problem) < 0) std::rethrow_exception(problem.thrown);
  double most = 0;
  for (const double value : numbers(solver.rate))
    most = std::isnan(value) ? value : std::max(most, std::abs(value));
  return most;
}

}  // namespace

StiffState settle(const Potential& potential, std::span<double> y, const StiffOptions& options,
                  const std::function<Watch(double t, std::span<double> y)>& watch) {
  Problem problem{potential};
  Solver solver(problem, y, options);
  StiffState state;
  while (true) {
    state.gradient_max = largest_gradient(problem, solver);
    if (!std::isfinite(state.gradient_max)) {
      state.end = StiffEnd::lost;
      break;
    }
    if (state.gradient_max < options.gradient_tolerance) {
      state.end = StiffEnd::settled;
      break;
    }
    if (state.steps >= options.most_steps) break;
    const int flag = CVode(solver.memory, direction, solver.y, &state.time, CV_ONE_STEP);
    if (problem.thrown) std::rethrow_exception(problem.thrown);
    if (flag < 0) break;
    ++state.steps;
    if (!watch) continue;
    const Watch answer = watch(state.time, numbers(solver.y));
    if (answer == Watch::restart) check(CVodeReInit(solver.memory, state.time, solver.y), "restart");
    if (answer == Watch::stop) {
      state.end = StiffEnd::stopped;
      break;
    }
  }
  std::copy(NV_DATA_S(solver.y), NV_DATA_S(solver.y) + y.size(), y.begin());
  return state;
}

}  // namespace starling::flows
