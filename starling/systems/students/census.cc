#include "starling/systems/students/census.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/students/starts.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;

void require_sense(const Landscape& landscape, const CensusOptions& options) {
  const base::Index k = landscape.teacher().a.size();
  if (options.students < 1 || options.students > k) {
    throw Error(ErrorKind::usage, fmt::format("a census of n = {} students; expected 1 to the {} teachers",
                                              options.students, k));
  }
  if (options.seeds < 1) {
    throw Error(ErrorKind::usage, fmt::format("a census of {} seeds; expected at least one", options.seeds));
  }
}

// Where Newton's method finds no critical point near a student at rest, the flow only crept, past a saddle or
// along a valley: it goes on to a hundredth of the gradient, and again.
CriticalPoint finish_or_go_on(const Landscape& landscape, const CensusOptions& options, Settled settled) {
  CriticalPoint point = finish(landscape, settled, options.outgoing);
  FlowOptions closer = options.flow;
  for (int round = 0; round < 2; ++round) {
    if (point.label != Label::unpolished && point.label != Label::left_basin) break;
    closer.gradient_tolerance /= 100;
    closer.rtol /= 10;
    closer.atol /= 100;
    settled = settle_alone(landscape, settled.student, options.outgoing, closer);
    point = finish(landscape, settled, options.outgoing);
  }
  return point;
}

// Runs `first` to `first + count - 1`, each at its critical point.
std::vector<CriticalPoint> run(const Landscape& landscape, const CensusOptions& options, std::int64_t first,
                               std::int64_t count) {
  std::vector<Neurons> starts;
  for (std::int64_t s = first; s < first + count; ++s)
    starts.push_back(
        start(landscape, options.students, options.outgoing, options.seed, static_cast<std::uint64_t>(s)));
  SettlingOptions settling{.flow = options.flow, .dead = options.dead, .seed = options.seed};
  settling.first = static_cast<std::uint64_t>(first);
  const std::vector<Settled> settled = settle(landscape, starts, options.outgoing, settling);
  std::vector<CriticalPoint> points(settled.size());
  base::parallel_chunks(std::ssize(points), 4, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t s = begin; s < end; ++s) {
      const auto i = static_cast<std::size_t>(s);
      points[i] = finish_or_go_on(landscape, options, settled[i]);
    }
  });
  return points;
}

// Adds a run to the first class that it belongs to, or founds one.
void sort_in(const Landscape& landscape, const CensusOptions& options, CriticalPoint point, Census& census) {
  // A class's first member may have turned into a saddle when its spectrum was found.
  const auto alike = [&](const CensusClass& one) {
    CriticalPoint known = one.point;
    if (known.label == Label::saddle) known.label = Label::minimum;
    return same_class(landscape, known, point);
  };
  auto found = std::ranges::find_if(census.classes, alike);
  if (found == census.classes.end()) {
    add_spectrum(landscape, options.outgoing, point);
    found = census.classes.insert(census.classes.end(), {std::move(point)});
  }
  ++found->count;
  census.class_of.push_back(static_cast<std::int32_t>(found - census.classes.begin()));
}

void order_classes(Census& census, std::int64_t seeds) {
  std::vector<std::int32_t> order(census.classes.size()), rank(census.classes.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](std::int32_t c) {
    const CensusClass& one = census.classes[static_cast<std::size_t>(c)];
    return std::tuple(-one.count, one.point.loss, c);
  };
  std::ranges::sort(order, {}, key);
  std::vector<CensusClass> classes;
  for (std::size_t i = 0; i < order.size(); ++i) {
    rank[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
    classes.push_back(std::move(census.classes[static_cast<std::size_t>(order[i])]));
    classes.back().share = math::binomial_interval(classes.back().count, seeds);
  }
  census.classes = std::move(classes);
  for (std::int32_t& c : census.class_of) c = rank[static_cast<std::size_t>(c)];
}

}  // namespace

Census take_census(const Landscape& landscape, const CensusOptions& options,
                   const std::function<bool(std::int64_t done)>& watch) {
  require_sense(landscape, options);
  // Large students settle one by one: a batch of them gives every thread its own.
  const std::int64_t batch = fits_lanes(landscape, options.students) ? 2000 : 16;
  Census census;
  for (std::int64_t first = 0; first < options.seeds; first += batch) {
    if (watch && !watch(first)) throw Error(ErrorKind::interrupted, "the census was interrupted");
    const std::int64_t count = std::min(batch, options.seeds - first);
    for (CriticalPoint& point : run(landscape, options, first, count)) {
      if (point.live() > 0 && point.label != Label::lost) {
        census.worst_gradient = std::max(census.worst_gradient, point.gradient_max);
        census.worst_displacement = std::max(census.worst_displacement, point.displacement);
      }
      sort_in(landscape, options, std::move(point), census);
    }
  }
  order_classes(census, options.seeds);
  return census;
}

}  // namespace starling::students
