#include "starling/systems/pinn/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/systems/pinn/points.h"
#include "starling/systems/pinn/tape.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

// What can only be asked of all times together.
void check_marching(const System& system, std::size_t t, std::int64_t count, bool measured) {
  const auto refuse = [count](const std::string& reason) {
    throw Error(ErrorKind::usage, fmt::format("train.windows: {}; expected 1 in place of {}", reason, count));
  };
  if (!system.learned.empty())
    refuse(fmt::format("'{}' is learned from all times together", system.learned.front().name));
  if (measured) refuse("problem.data is fitted at all times together");
  if (system.periodic[t]) refuse("t is periodic, and has no first time");
  for (const Condition& condition : system.conditions) {
    if (condition.held[t] && *condition.held[t] != system.domain->low[t])
      refuse(fmt::format("the condition of line {} holds at t = {:g}, which is not the first time",
                         condition.line, *condition.held[t]));
    for (std::int64_t number = 0; !condition.held[t] && number < count; ++number) {
      try {
        condition_points(within_window(system, count, number), condition, 1, {0, 0, "window"});
      } catch (const Error& error) {
        refuse(fmt::format("{} in window {} of {}", error.what(), number + 1, count));
      }
    }
  }
}

}  // namespace

std::size_t time_axis(const System& system, const char* key) {
  const auto found = std::ranges::find(system.axes, "t");
  if (found == system.axes.end())
    throw Error(ErrorKind::usage, fmt::format("{}: no axis t among {}; expected a problem in time", key,
                                              fmt::join(system.axes, ", ")));
  return static_cast<std::size_t>(found - system.axes.begin());
}

System within_window(const System& system, std::int64_t count, std::int64_t number) {
  System part = system;
  if (count == 1) return part;
  const std::size_t t = time_axis(system, "train.windows");
  const double low = system.domain->low[t], high = system.domain->high[t];
  const auto edge = [&](std::int64_t k) {
    return k == count ? high : low + (high - low) * static_cast<double>(k) / static_cast<double>(count);
  };
  part.domain->low[t] = edge(number);
  part.domain->high[t] = edge(number + 1);
  return part;
}

std::int64_t window_of(const System& system, std::int64_t count, double t) {
  if (count == 1) return 0;
  const std::size_t axis = time_axis(system, "train.windows");
  const double low = system.domain->low[axis], high = system.domain->high[axis];
  const double share = (t - low) / (high - low) * static_cast<double>(count);
  return static_cast<std::int64_t>(std::clamp(std::floor(share), 0.0, static_cast<double>(count - 1)));
}

std::vector<int> carried_nodes(System& system, std::int64_t count, bool measured) {
  if (count == 1) return {};
  const std::size_t t = time_axis(system, "train.windows");
  check_marching(system, t, count, measured);
  std::vector<int> highest(system.unknowns.size(), 0);
  const Tape<double> tape(system.graph, equation_roots(system));
  for (const int number : tape.symbols()) {
    const Symbol& symbol = system.graph.symbols()[static_cast<std::size_t>(number)];
    int& most = highest[static_cast<std::size_t>(symbol.unknown)];
    most = std::max(most, static_cast<int>(symbol.index[t]));
  }
  std::vector<int> nodes;
  for (std::size_t u = 0; u < highest.size(); ++u) {
    for (int order = 0; order < highest[u]; ++order) {
      Symbol symbol{.unknown = static_cast<int>(u)};
      symbol.index[t] = static_cast<std::uint8_t>(order);
      nodes.push_back(system.graph.symbol(symbol));
    }
  }
  if (nodes.empty())
    throw Error(
        ErrorKind::usage,
        fmt::format("train.windows: no derivative in t among the equations; expected 1 in place of {}",
                    count));
  return nodes;
}

}  // namespace starling::pinn
