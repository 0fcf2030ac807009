#include "starling/systems/students/critical_point.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/systems/students/census.h"
#include "starling/systems/students/newton.h"
#include "starling/systems/students/partitions.h"
#include "starling/systems/students/reduction.h"

namespace starling::students {
namespace {

using base::Index;
using Groups = std::vector<std::vector<Index>>;

Settled at_rest(Neurons student) {
  Settled out{std::move(student), {}};
  out.end.end = FlowEnd::settled;
  return out;
}

Neurons shaken(Neurons student, double size) {
  base::Stream stream(9, 0, "shake");
  for (Index p = 0; p < student.w.size(); ++p) student.w.data()[p] += size * stream.normal();
  for (Index i = 0; i < student.a.size(); ++i) student.a[i] += size * stream.normal();
  return student;
}

CriticalPoint finished(const Landscape& landscape, const Neurons& student,
                       Outgoing outgoing = Outgoing::free) {
  CriticalPoint point = finish(landscape, at_rest(student), outgoing);
  add_spectrum(landscape, outgoing, point);
  return point;
}

TEST(Newton, ReturnsToMinimaAndSaddlesAlike) {
  for (const std::vector<Index>& groups : {std::vector<Index>{1, 4}, {2, 3}, {2, 2, 2}}) {
    const Index k = std::accumulate(groups.begin(), groups.end(), Index{0});
    const Landscape landscape(Activation::erf, orthonormal_teacher(k, k + 1));
    const CopyAverage exact = copy_average(groups, k + 1, Activation::erf);
    const Polished found = newton(landscape, shaken(exact.student, 1e-4), Outgoing::free);
    EXPECT_LE(found.gradient_max, 1e-14);
    EXPECT_LT((found.student.w - exact.student.w).cwiseAbs().maxCoeff(), 1e-11);
    EXPECT_LT((found.student.a - exact.student.a).cwiseAbs().maxCoeff(), 1e-11);
    EXPECT_LT(found.displacement, 1e-3);
  }
}

// The table of copy averages in two ways: index, smallest and largest eigenvalue.
TEST(CriticalPoint, HasTheSpectrumOfTheCopyAverage) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(5, 6));
  const CriticalPoint saddle =
      finished(landscape, shaken(copy_average({{2, 3}}, 6, Activation::erf).student, 1e-5));
  EXPECT_EQ(saddle.label, Label::saddle);
  EXPECT_EQ(saddle.kind, Kind::copy_average);
  EXPECT_EQ(saddle.index, 1);
  EXPECT_NEAR(saddle.eigenvalues[0], -0.060805, 1e-6);
  EXPECT_NEAR(saddle.eigenvalues.tail(1)[0], 13.501564, 1e-6);
  EXPECT_EQ(structure(saddle.stands_for), "1+2 | 3+4+5");
}

TEST(CriticalPoint, IsThePerturbedCopyWhateverTheSignsAndTheOrder) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(5, 5));
  const PerturbedCopy exact = perturbed_copy(4, 5, 5, Activation::erf);
  Neurons turned = exact.student;
  turned.w.row(1) *= -1;
  turned.a[1] *= -1;
  turned.w.row(0).swap(turned.w.row(3));
  const CriticalPoint plain = finished(landscape, exact.student), other = finished(landscape, turned);
  EXPECT_EQ(plain.label, Label::minimum);
  EXPECT_EQ(plain.kind, Kind::perturbed_copy);
  EXPECT_NEAR(plain.loss, 0.023381767507, 1e-11);
  EXPECT_TRUE(same_class(landscape, plain, other));
  EXPECT_EQ(structure(other.stands_for), "1 | 2 | 3 | 4");
  const CriticalPoint average = finished(landscape, copy_average({{1, 1, 1, 2}}, 5, Activation::erf).student);
  EXPECT_FALSE(same_class(landscape, plain, average));
}

TEST(CriticalPoint, CountsNeitherDeadNorRedundantNeurons) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(4, 5));
  const CopyAverage exact = copy_average({{1, 3}}, 5, Activation::erf);
  Neurons doubled{base::Points<double>(4, 5), base::Vector<double>(4)};
  doubled.w << exact.student.w, -exact.student.w.row(0), Eigen::RowVectorXd::Constant(5, 0.3);
  doubled.a << exact.student.a[0] + 0.5, exact.student.a[1], 0.5,
      0;  // the third takes back what the first has more
  const CriticalPoint point = finished(landscape, doubled);
  EXPECT_EQ(point.label, Label::redundant);
  EXPECT_EQ(point.live(), 2);
  EXPECT_NEAR(point.loss, 0.040593177314, 1e-12);
  EXPECT_EQ(structure(point.stands_for), "1 | 2+3+4");
  Neurons none = exact.student;
  none.a.setZero();
  EXPECT_EQ(finish(landscape, at_rest(none), Outgoing::free).label, Label::dead);
}

TEST(CriticalPoint, SaysWhenAFlowDidNotComeToRest) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(3, 4));
  Settled settled = at_rest(shaken(copy_average({{1, 2}}, 4, Activation::erf).student, 0.3));
  EXPECT_EQ(finish(landscape, settled, Outgoing::free).label == Label::minimum, false);
  settled.end.end = FlowEnd::exhausted;
  EXPECT_EQ(finish(landscape, settled, Outgoing::free).label, Label::not_settled);
  settled.end.end = FlowEnd::runaway;
  EXPECT_EQ(finish(landscape, settled, Outgoing::free).label, Label::runaway);
  settled.end.end = FlowEnd::lost;
  EXPECT_EQ(finish(landscape, settled, Outgoing::free).label, Label::lost);
}

TEST(Kind, IsReadFromWhatTheNeuronsStandFor) {
  EXPECT_EQ(kind_of(Groups{{0}, {1, 2}}, 3), Kind::copy_average);
  EXPECT_EQ(kind_of(Groups{{0}, {1}}, 3), Kind::perturbed_copy);
  EXPECT_EQ(kind_of(Groups{{0, 1}, {1, 2}}, 3), Kind::other);
  EXPECT_EQ(kind_of(Groups{{0}, {}}, 3), Kind::other);
  EXPECT_EQ(kind_of(Groups{{0, 1}, {2}}, 4), Kind::other);
}

TEST(Reduction, MergesWhatIsAlike) {
  const Landscape relu(Activation::relu, orthonormal_teacher(3, 3)),
      gelu(Activation::gelu, orthonormal_teacher(3, 3));
  Neurons student{base::Points<double>(3, 3), base::Vector<double>(3)};
  student.w << 1, 0, 0, 2, 0, 0, -1, 0, 0;
  student.a << 1, 0.25, 1;
  const Reduced merged = reduce(relu, student);  // the opposite direction is another neuron
  EXPECT_EQ(merged.merged, 1);
  EXPECT_NEAR(merged.student.a[0], 1.5, 1e-15);
  EXPECT_EQ(reduce(gelu, student).merged, 0);
  const Neurons form = canonical(relu, student);
  EXPECT_NEAR(form.w(1, 0), 0.5, 1e-15);
  EXPECT_EQ(form.a[1], 1);
  EXPECT_NEAR(relu.mean_squared_error(form), relu.mean_squared_error(student), 1e-14);
}

TEST(Census, IsTheSameForAnyNumberOfThreadsAndCountsEveryRun) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(4, 5));
  const auto run = [&](int threads) {
    const base::ThreadLimit limit(threads);
    return take_census(landscape, {.students = 3, .seeds = 300, .seed = 4});
  };
  const Census one = run(1), two = run(2);
  EXPECT_EQ(one.class_of, two.class_of);
  ASSERT_EQ(one.classes.size(), two.classes.size());
  std::int64_t runs = 0;
  for (std::size_t c = 0; c < one.classes.size(); ++c) {
    EXPECT_EQ(one.classes[c].point.student.w, two.classes[c].point.student.w);
    EXPECT_EQ(one.classes[c].point.loss, two.classes[c].point.loss);
    runs += one.classes[c].count;
  }
  EXPECT_EQ(runs, 300);
  EXPECT_EQ(one.class_of.size(), 300U);
}

TEST(Census, RefusesNonsense) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(4, 5));
  EXPECT_THROW(take_census(landscape, {.students = 0}), base::Error);
  EXPECT_THROW(take_census(landscape, {.students = 5}), base::Error);
  EXPECT_THROW(take_census(landscape, {.students = 2, .seeds = 0}), base::Error);
  EXPECT_THROW(take_census(landscape, {.students = 2, .seeds = 5}, [](std::int64_t) { return false; }),
               base::Error);
}

// Quadratic networks have the freedom of rotations: continua of minima, one class each.
TEST(Census, KeepsAContinuumInOneClass) {
  const Landscape landscape(Activation::quadratic, orthonormal_teacher(3, 4));
  const Census census = take_census(landscape, {.students = 2, .seeds = 60});
  EXPECT_LE(census.classes.size(), 5U);
}

// The best losses of relu students that an independent implementation found.
TEST(Census, FindsTheBestReluStudents) {
  const std::tuple<Index, Index, std::vector<double>> cases[] = {
      {2, 3, {0.1536677175}}, {2, 4, {0.3847464139}},
      {3, 4, {0.1394858611}}, {3, 5, {0.3332572518, 0.3353901507}},
      {4, 5, {0.1295224718}}, {4, 6, {0.3023164622, 0.3034614637}},
      {2, 5, {0.7055572267}}, {3, 6, {0.5863923825}},
      {2, 6, {1.1203022323}}};
  for (const auto& [n, k, losses] : cases) {
    const Landscape landscape(Activation::relu, orthonormal_teacher(k, k + 1));
    const Census census = take_census(landscape, {.students = n, .seeds = 200});
    std::vector<double> found;
    for (const CensusClass& one : census.classes) {
      if (one.point.label == Label::minimum && one.point.live() == n) found.push_back(one.point.loss);
    }
    std::ranges::sort(found);
    ASSERT_EQ(found.size(), losses.size()) << n << " of " << k;
    for (std::size_t m = 0; m < losses.size(); ++m) EXPECT_NEAR(found[m], losses[m], 1e-9);
  }
}

// An antiparallel pair of erf neurons whose outgoing weights add up to one: a flat line, not a minimum of
// three neurons.
TEST(CriticalPoint, ReportsThePairOnAFlatLineAsRedundant) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(4, 5));
  const CopyAverage exact = copy_average({{1, 3}}, 5, Activation::erf);
  Neurons pair{base::Points<double>(3, 5), base::Vector<double>(3)};
  pair.w << -exact.student.w.row(0), exact.student.w.row(0), exact.student.w.row(1);
  pair.a << -1.5386, -0.5386, exact.student.a[1];
  const CriticalPoint point = finished(landscape, shaken(pair, 1e-6));
  EXPECT_EQ(point.label, Label::redundant);
  EXPECT_EQ(point.live(), 2);
  EXPECT_NEAR(point.loss, 0.040593177314, 1e-12);
}

}  // namespace
}  // namespace starling::students
