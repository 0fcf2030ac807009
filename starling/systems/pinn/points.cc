#include "starling/systems/pinn/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "starling/base/error.h"
#include "starling/systems/pinn/tape.h"

namespace starling::pinn {
namespace {

double radical_inverse(std::uint64_t index, std::uint64_t base) {
  double value = 0, digit = 1;
  for (; index > 0; index /= base) {
    digit /= static_cast<double>(base);
    value += digit * static_cast<double>(index % base);
  }
  return value;
}

const Box& domain_of(const System& system) {
  if (!system.domain)
    throw base::Error(base::ErrorKind::usage, "no domain; expected for example domain x = 0..1, t = 0..1");
  return *system.domain;
}

// Points of the box of `free` axes at the held values, those that `accepts` takes.
std::vector<double> spread(const System& system, const std::vector<std::optional<double>>& held,
                           std::int64_t count, base::Stream& stream,
                           const std::function<bool(std::span<const double>)>& accepts,
                           const std::string& where) {
  constexpr std::array<std::uint64_t, 4> bases = {2, 3, 5, 7};
  const Box& box = domain_of(system);
  std::array<double, 4> shift{};
  for (double& value : shift) value = stream.uniform();
  std::vector<double> out, point(system.axes.size());
  const std::int64_t most = 1000 * count + 10000;
  for (std::int64_t i = 1; static_cast<std::int64_t>(out.size() / point.size()) < count; ++i) {
    if (i > most)
      throw base::Error(
          base::ErrorKind::usage,
          fmt::format("{}: of {} points of the domain fewer than {} lie there", where, most, count));
    std::size_t free = 0;
    for (std::size_t a = 0; a < point.size(); ++a) {
      if (held[a]) {
        point[a] = *held[a];
        continue;
      }
      double u = radical_inverse(static_cast<std::uint64_t>(i), bases[free]) + shift[free];
      u -= std::floor(u);
      point[a] = box.low[a] + (box.high[a] - box.low[a]) * u;
      ++free;
    }
    if (accepts(point)) out.insert(out.end(), point.begin(), point.end());
    if (free == 0) break;
  }
  return out;
}

}  // namespace

bool within_hole(const System& system, std::span<const double> point) {
  return std::any_of(system.holes.begin(), system.holes.end(), [&](const Box& hole) {
    for (std::size_t a = 0; a < point.size(); ++a) {
      if (!(hole.low[a] < point[a] && point[a] < hole.high[a])) return false;
    }
    return true;
  });
}

std::vector<double> evaluate(const System& system, const std::vector<int>& nodes,
                             std::span<const double> points) {
  const Tape<double> tape(system.graph, nodes);
  constexpr std::ptrdiff_t lanes = Tape<double>::lanes;
  const auto axes = static_cast<std::ptrdiff_t>(system.axes.size());
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(points.size()) / axes;
  std::vector<double> room(static_cast<std::size_t>(tape.room())),
      coordinates(static_cast<std::size_t>(axes * lanes));
  std::vector<double> learned;
  for (const Learned& coefficient : system.learned) learned.push_back(coefficient.initial);
  std::vector<double> out(nodes.size() * static_cast<std::size_t>(n));
  for (std::ptrdiff_t begin = 0; begin < n; begin += lanes) {
    const std::ptrdiff_t count = std::min(lanes, n - begin);
    for (std::ptrdiff_t a = 0; a < axes; ++a) {
      for (std::ptrdiff_t i = 0; i < lanes; ++i)
        coordinates[static_cast<std::size_t>(a * lanes + i)] =
            points[static_cast<std::size_t>((begin + std::min(i, count - 1)) * axes + a)];
    }
    tape.evaluate(coordinates.data(), nullptr, learned.data(), room.data());
    for (std::ptrdiff_t k = 0; k < tape.roots(); ++k)
      std::copy_n(tape.value(k, room.data()), count, out.begin() + k * n + begin);
  }
  return out;
}

std::vector<double> interior_points(const System& system, std::int64_t count, base::Stream stream) {
  return spread(
      system, std::vector<std::optional<double>>(system.axes.size()), count, stream,
      [&](std::span<const double> point) { return !within_hole(system, point); },
      "the domain less its holes");
}

std::vector<double> condition_points(const System& system, const Condition& condition, std::int64_t count,
                                     base::Stream stream) {
  const auto accepts = [&](std::span<const double> point) {
    if (within_hole(system, point)) return false;
    if (condition.where.empty()) return true;
    return std::ranges::all_of(evaluate(system, condition.where, point),
                               [](double value) { return value >= 0; });
  };
  std::vector<double> out = spread(system, condition.held, count, stream, accepts,
                                   fmt::format("the condition of line {}", condition.line));
  if (out.empty())
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("the condition of line {} holds nowhere", condition.line));
  return out;
}

std::vector<double> grid_points(const System& system, std::int64_t per_axis) {
  const Box& box = domain_of(system);
  const std::size_t axes = system.axes.size();
  std::vector<double> out, point(axes);
  const auto steps = static_cast<double>(std::max<std::int64_t>(1, per_axis - 1));
  std::vector<std::int64_t> index(axes, 0);
  for (;;) {
    for (std::size_t a = 0; a < axes; ++a)
      point[a] = box.low[a] + (box.high[a] - box.low[a]) * static_cast<double>(index[a]) / steps;
    if (!within_hole(system, point)) out.insert(out.end(), point.begin(), point.end());
    std::size_t a = axes;
    while (a > 0 && ++index[a - 1] == per_axis) index[--a] = 0;
    if (a == 0) return out;
  }
}

std::vector<std::size_t> draw_by_size(std::span<const double> sizes, std::size_t count, double power,
                                      double offset, base::Stream stream) {
  std::vector<double> keys(sizes.size());
  double mean = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) mean += keys[i] = std::pow(std::abs(sizes[i]), power);
  mean /= static_cast<double>(std::max<std::size_t>(1, sizes.size()));
  for (double& key : keys) {
    const double weight = (mean > 0 ? key / mean : 1.0) + offset;
    key = weight > 0 ? std::log(stream.uniform()) / weight : -std::numeric_limits<double>::infinity();
  }
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(order.begin(), middle, order.end(), [&](std::size_t i, std::size_t j) {
    return keys[i] != keys[j] ? keys[i] > keys[j] : i < j;
  });
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace starling::pinn
