#include "starling/flows/ode.h"

#include <arkode/arkode_erkstep.h>
#include <fmt/format.h>
#include <nvector/nvector_serial.h>

#include <cmath>
#include <memory>

#include "starling/base/error.h"

namespace starling::flows {
namespace {

using base::Error;
using base::ErrorKind;

struct Problem {
  const Rhs& rhs;
  std::exception_ptr thrown;
};

int evaluate(realtype t, N_Vector y, N_Vector rate, void* user) {
  auto& problem = *static_cast<Problem*>(user);
  const auto n = static_cast<std::size_t>(NV_LENGTH_S(y));
  try {
    problem.rhs(t, std::span<const double>(NV_DATA_S(y), n), std::span<double>(NV_DATA_S(rate), n));
  } catch (const Error&) {
    problem.thrown = std::current_exception();
    return -1;
  }
  return 0;
}

// SUNDIALS hands out C handles; these release them in order.
struct Solver {
  SUNContext context = nullptr;
  N_Vector y = nullptr;
  void* memory = nullptr;

  ~Solver() {
    if (memory != nullptr) ERKStepFree(&memory);
    if (y != nullptr) N_VDestroy(y);
    if (context != nullptr) SUNContext_Free(&context);
  }
};

void check(int flag, const char* what) {
  if (flag < 0)
    throw Error(ErrorKind::numerical, fmt::format("ODE solver: {} failed with code {}", what, flag));
}

}  // namespace

std::vector<std::vector<double>> integrate(const Rhs& rhs, std::span<const double> y0,
                                           std::span<const double> times, const OdeOptions& options) {
  if (!(options.rtol > 0) || !(options.atol >= 0)) {
    throw Error(ErrorKind::usage,
                fmt::format("tolerances rtol = {}, atol = {}; expected rtol > 0 and atol >= 0", options.rtol,
                            options.atol));
  }
  double previous = 0;
  for (const double t : times) {
    if (!(t >= previous) || !std::isfinite(t)) {
      throw Error(
          ErrorKind::usage,
          fmt::format("times: {} after {}; expected finite times from 0 that do not descend", t, previous));
    }
    previous = t;
  }
  Problem problem{rhs, nullptr};
  Solver solver;
  check(SUNContext_Create(nullptr, &solver.context), "context");
  solver.y = N_VNew_Serial(static_cast<sunindextype>(y0.size()), solver.context);
  std::copy(y0.begin(), y0.end(), NV_DATA_S(solver.y));
  solver.memory = ERKStepCreate(evaluate, 0, solver.y, solver.context);
  check(ERKStepSetUserData(solver.memory, &problem), "user data");
  check(ERKStepSetErrFile(solver.memory, nullptr), "messages");
  check(ERKStepSetTableNum(solver.memory, ARKODE_FEHLBERG_13_7_8), "table");
  check(ERKStepSStolerances(solver.memory, options.rtol, options.atol), "tolerances");
  check(ERKStepSetMaxNumSteps(solver.memory, options.most_steps), "step limit");
  std::vector<std::vector<double>> out;
  double now = 0;
  for (const double t : times) {
    if (t > now) {
      check(ERKStepSetStopTime(solver.memory, t), "stop time");
      const int flag = ERKStepEvolve(solver.memory, t, solver.y, &now, ARK_NORMAL);
      if (problem.thrown) std::rethrow_exception(problem.thrown);
      if (flag < 0) {
        throw Error(
            ErrorKind::numerical,
            fmt::format(
                "ODE solver gave up at t = {} on the way to {} (code {}); loosen rtol or shorten the times",
                now, t, flag));
      }
    }
    const double* values = NV_DATA_S(solver.y);
    out.emplace_back(values, values + y0.size());
  }
  return out;
}

}  // namespace starling::flows
