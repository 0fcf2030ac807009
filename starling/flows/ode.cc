#include "starling/flows/ode.h"

#include <arkode/arkode_erkstep.h>
#include <fmt/format.h>
#include <nvector/nvector_serial.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "starling/base/error.h"

namespace starling::flows {
namespace {

using base::Error;
using base::ErrorKind;

struct Problem {
  const Rhs& rhs;
  const OdeEvent& event;
  std::exception_ptr thrown{};
  bool lost = false;  // the latest rates were not finite
};

// Rates that are not finite make the solver try a smaller step, and give up soon: a trial may leave the
// domain of the field, a blow-up has no smaller step.
int evaluate(realtype t, N_Vector y, N_Vector rate, void* user) {
  auto& problem = *static_cast<Problem*>(user);
  const auto n = static_cast<std::size_t>(NV_LENGTH_S(y));
  const std::span<double> rates(NV_DATA_S(rate), n);
  try {
    problem.rhs(t, std::span<const double>(NV_DATA_S(y), n), rates);
  } catch (...) {  // nothing may unwind through the solver's C
    problem.thrown = std::current_exception();
    return -1;
  }
  problem.lost = !std::all_of(rates.begin(), rates.end(), [](double value) { return std::isfinite(value); });
  return problem.lost ? 1 : 0;
}

int watch(realtype, N_Vector y, realtype* value, void* user) {
  auto& problem = *static_cast<Problem*>(user);
  try {
    *value =
        problem.event.value(std::span<const double>(NV_DATA_S(y), static_cast<std::size_t>(NV_LENGTH_S(y))));
  } catch (...) {
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

std::string reason(int flag, const Problem& problem, const OdeOptions& options) {
  if (problem.lost) return "the rates beyond are not finite";
  if (flag == ARK_TOO_MUCH_WORK) return fmt::format("{} steps were not enough", options.most_steps);
  if (flag == ARK_ERR_FAILURE) return "no step is small enough for the tolerance";
  return fmt::format("code {}", flag);
}

}  // namespace

std::vector<std::vector<double>> integrate(const Rhs& rhs, std::span<const double> y0,
                                           std::span<const double> times, const OdeOptions& options,
                                           const OdeEvent& event) {
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
  Problem problem{rhs, event};
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
  // A step beyond what is stable fails by orders of magnitude: many halvings lead back.
  check(ERKStepSetMaxErrTestFails(solver.memory, 100), "failures");
  if (event.value) check(ERKStepRootInit(solver.memory, 1, watch), "event");
  const std::span<double> y(NV_DATA_S(solver.y), y0.size());
  std::vector<std::vector<double>> out;
  double now = 0;
  for (const double t : times) {
    while (t > now) {
      check(ERKStepSetStopTime(solver.memory, t), "stop time");
      const int flag = ERKStepEvolve(solver.memory, t, solver.y, &now, ARK_NORMAL);
      if (problem.thrown) std::rethrow_exception(problem.thrown);
      if (flag == ARK_ROOT_RETURN) {
        event.happen(now, y);
        check(ERKStepReset(solver.memory, now, solver.y), "restart");
      }
      if (flag < 0) {
        throw Error(
            ErrorKind::numerical,
            fmt::format("ODE solver gave up at t = {} on the way to {}: {}; loosen rtol or shorten the times",
                        now, t, reason(flag, problem, options)));
      }
    }
    out.emplace_back(y.begin(), y.end());
  }
  return out;
}

}  // namespace starling::flows
