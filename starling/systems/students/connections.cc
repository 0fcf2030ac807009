#include "starling/systems/students/connections.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/systems/students/curvature.h"
#include "starling/systems/students/partitions.h"
#include "starling/systems/students/settling.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;

void collect_sizes(Index left, Index parts, Index least, std::vector<Index>& taken,
                   std::vector<std::vector<Index>>& out) {
  if (parts == 1) {
    taken.push_back(left);
    out.push_back(taken);
    taken.pop_back();
    return;
  }
  for (Index size = least; size * parts <= left; ++size) {
    taken.push_back(size);
    collect_sizes(left - size, parts - 1, size, taken, out);
    taken.pop_back();
  }
}

class Search {
 public:
  Search(Index n, Index k, Index d, Activation activation, const ConnectionOptions& options,
         const std::function<bool()>& watch)
      : n_(n), landscape_(activation, orthonormal_teacher(k, d)), options_(options), watch_(watch) {
    for (const std::vector<Index>& sizes : group_sizes(k, n))
      seeds_.push_back(copy_average(sizes, d, activation).student);
    if (n == k) return;
    try {
      seeds_.push_back(perturbed_copy(n, k, d, activation).student);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::numerical) throw;  // there is none
    }
  }

  Connections run() {
    add_all(seeds_);
    for (std::size_t s = 0; s < seeds_.size(); ++s) add_all(perturbed(s));
    const std::size_t found = out_.points.size();
    for (std::size_t p = 0; p < found; ++p) {
      if (out_.points[p].label == Label::saddle && out_.points[p].live() == n_) descend(p);
    }
    order();
    return std::move(out_);
  }

 private:
  std::vector<Neurons> perturbed(std::size_t seed) const {
    std::vector<Neurons> out;
    for (std::int64_t i = 0; i < options_.searches; ++i) {
      base::Stream stream(options_.seed, static_cast<std::uint32_t>(seed), "saddle search",
                          static_cast<std::uint64_t>(i));
      Neurons one = seeds_[seed];
      for (Index p = 0; p < one.w.size(); ++p) one.w.data()[p] += options_.perturbation * stream.normal();
      for (Index p = 0; p < n_; ++p) one.a[p] += options_.perturbation * stream.normal();
      out.push_back(std::move(one));
    }
    return out;
  }

  // Newton's method from each, and those that arrive.
  void add_all(const std::vector<Neurons>& starts) {
    std::vector<CriticalPoint> points(starts.size());
    base::parallel_chunks(std::ssize(starts), 1, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
      for (std::ptrdiff_t s = begin; s < end; ++s) {
        const auto i = static_cast<std::size_t>(s);
        Settled here{starts[i], {}};
        here.end.end = FlowEnd::settled;
        points[i] = finish(landscape_, here, Outgoing::free);
      }
    });
    for (CriticalPoint& point : points) {
      // A search may end anywhere: that it went far from its start is no fault here.
      if (point.label == Label::left_basin) point.label = Label::minimum;
      if (point.label == Label::minimum || point.label == Label::redundant) place(std::move(point));
    }
    if (watch_ && !watch_()) throw Error(ErrorKind::interrupted, "the search for saddles was interrupted");
  }

  // The position of a point's class.
  std::size_t place(CriticalPoint point) {
    add_spectrum(landscape_, Outgoing::free, point);
    const auto known = std::ranges::find_if(
        out_.points, [&](const CriticalPoint& other) { return same_class(landscape_, other, point); });
    const auto position = static_cast<std::size_t>(known - out_.points.begin());
    if (known == out_.points.end()) out_.points.push_back(std::move(point));
    return position;
  }

  // Points of homogeneous neurons are in the form a = ±1, where their negative directions are those of w
  // alone.
  void descend(std::size_t saddle) {
    const CriticalPoint point = out_.points[saddle];
    const Index moving = point.eigenvalues.size();
    const Outgoing outgoing = moving == point.student.w.size() ? Outgoing::fixed : Outgoing::free;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spectrum(
        Curvature(landscape_, point.student).matrix(outgoing));
    std::vector<Neurons> starts;
    for (Index i = 0; i < point.index; ++i) {
      for (const double side : {options_.push, -options_.push}) {
        const base::Vector<double> step = side * spectrum.eigenvectors().col(i);
        Neurons start = point.student;
        Eigen::Map<base::Vector<double>>(start.w.data(), start.w.size()) += step.head(start.w.size());
        if (outgoing == Outgoing::free) start.a += step.tail(n_);
        starts.push_back(std::move(start));
      }
    }
    std::map<std::int32_t, std::int64_t> ways;
    for (const Settled& end : settle(landscape_, starts, Outgoing::free))
      ++ways[static_cast<std::int32_t>(place(finish(landscape_, end, Outgoing::free)))];
    for (const auto& [end, count] : ways)
      out_.descents.push_back({static_cast<std::int32_t>(saddle), end, count});
  }

  void order() {
    std::vector<std::int32_t> order(out_.points.size()), rank(out_.points.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {},
                             [&](std::int32_t i) { return out_.points[static_cast<std::size_t>(i)].loss; });
    std::vector<CriticalPoint> points;
    for (std::size_t i = 0; i < order.size(); ++i) {
      rank[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
      points.push_back(std::move(out_.points[static_cast<std::size_t>(order[i])]));
    }
    out_.points = std::move(points);
    for (Descent& descent : out_.descents) {
      descent.saddle = rank[static_cast<std::size_t>(descent.saddle)];
      descent.end = rank[static_cast<std::size_t>(descent.end)];
    }
    std::ranges::sort(out_.descents, {}, [](const Descent& one) { return std::pair(one.saddle, one.end); });
  }

  Index n_;
  Landscape landscape_;
  ConnectionOptions options_;
  std::function<bool()> watch_;
  std::vector<Neurons> seeds_;
  Connections out_;
};

}  // namespace

std::vector<std::vector<Index>> group_sizes(Index k, Index n) {
  std::vector<std::vector<Index>> out;
  if (n < 1 || k < n) return out;
  std::vector<Index> taken;
  collect_sizes(k, n, 1, taken, out);
  return out;
}

Connections find_connections(Index n, Index k, Index d, Activation activation,
                             const ConnectionOptions& options, const std::function<bool()>& watch) {
  if (n < 1 || n > k || k > d) {
    throw Error(ErrorKind::usage,
                fmt::format("n = {} students, k = {} teachers, d = {} dimensions; expected 1 <= n <= k <= d",
                            n, k, d));
  }
  return Search(n, k, d, activation, options, watch).run();
}

}  // namespace starling::students
