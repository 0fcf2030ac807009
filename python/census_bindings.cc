#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "starling/base/parallel.h"
#include "starling/systems/students/census.h"
#include "starling/systems/students/connections.h"
#include "starling/systems/students/partitions.h"
#include "starling/systems/students/trajectory.h"

namespace starling::python {
namespace {

using namespace nb::literals;
using students::CriticalPoint;
using students::Neurons;

Neurons neurons(const Table& w, const Column& a) {
  const auto count = static_cast<base::Index>(a.shape(0));
  return {.w = points(w), .a = Eigen::Map<const base::Vector<double>>(a.data(), count)};
}

students::Outgoing outgoing(bool fixed) {
  return fixed ? students::Outgoing::fixed : students::Outgoing::free;
}

nb::dict flow(const Table& w, const Column& a, const Table& v, const Column& b,
              const std::vector<double>& times, const std::string& activation, double rtol, double atol,
              bool fixed) {
  const students::Trajectory found = unlocked([&] {
    const students::Landscape landscape(students::parse_activation(activation), neurons(v, b));
    return students::follow(landscape, neurons(w, a), times, outgoing(fixed), rtol, atol);
  });
  const std::size_t count = times.size(), n = w.shape(0), d = w.shape(1);
  std::vector<double> all_w, all_a;
  for (const Neurons& one : found.students) {
    all_w.insert(all_w.end(), one.w.data(), one.w.data() + one.w.size());
    all_a.insert(all_a.end(), one.a.data(), one.a.data() + one.a.size());
  }
  nb::dict out;
  out["w"] = numpy(all_w.data(), {count, n, d});
  out["a"] = numpy(all_a.data(), {count, n});
  out["loss"] = numpy(found.losses.data(), {count});
  out["conserved"] = found.conserved.rows() > 0 ? nb::cast(numpy(found.conserved)) : nb::none();
  out["died"] = numpy(found.died.data(), {n});
  return out;
}

nb::dict described(const CriticalPoint& point) {
  nb::dict out;
  out["loss"] = point.loss;
  out["label"] = students::to_string(point.label);
  out["kind"] = students::to_string(point.kind);
  out["structure"] = students::structure(point.stands_for);
  out["index"] = point.index;
  out["live"] = point.live();
  out["w"] = numpy(point.student.w);
  out["a"] = numpy(point.student.a);
  out["eigenvalues"] = numpy(point.eigenvalues);
  out["gradient_max"] = point.gradient_max;
  return out;
}

nb::list census(base::Index n, base::Index k, base::Index d, const std::string& activation,
                std::int64_t seeds, std::uint64_t seed, bool fixed, bool revive, int threads) {
  const students::Census found = unlocked([&] {
    const base::ThreadLimit limit(threads);
    students::CensusOptions options{.students = n, .seeds = seeds, .seed = seed, .outgoing = outgoing(fixed)};
    options.dead = revive ? students::DeadNeurons::revive : students::DeadNeurons::leave;
    return students::take_census(
        students::Landscape(students::parse_activation(activation), students::orthonormal_teacher(k, d)),
        options);
  });
  nb::list out;
  for (const students::CensusClass& one : found.classes) {
    nb::dict entry = described(one.point);
    entry["count"] = one.count;
    entry["share"] = one.share.mean;
    entry["low"] = one.share.lower;
    entry["high"] = one.share.upper;
    out.append(entry);
  }
  return out;
}

nb::dict connections(base::Index n, base::Index k, base::Index d, const std::string& activation,
                     std::int64_t searches, double perturbation, std::uint64_t seed) {
  const students::Connections found = unlocked([&] {
    return students::find_connections(n, k, d, students::parse_activation(activation),
                                      {.searches = searches, .perturbation = perturbation, .seed = seed});
  });
  nb::list nodes, descents;
  for (const CriticalPoint& point : found.points) nodes.append(described(point));
  for (const students::Descent& one : found.descents)
    descents.append(nb::make_tuple(one.saddle, one.end, one.ways));
  nb::dict out;
  out["points"] = nodes;
  out["descents"] = descents;
  return out;
}

}  // namespace

void bind_census(nb::module_& module) {
  module.def("students_flow", flow, "w"_a, "a"_a, "v"_a, "b"_a, "times"_a, "activation"_a, "rtol"_a, "atol"_a,
             "fixed"_a);
  module.def("students_census", census, "n"_a, "k"_a, "d"_a, "activation"_a, "seeds"_a, "seed"_a, "fixed"_a,
             "revive"_a, "threads"_a);
  module.def("students_connections", connections, "n"_a, "k"_a, "d"_a, "activation"_a, "searches"_a,
             "perturbation"_a, "seed"_a);
}

}  // namespace starling::python
