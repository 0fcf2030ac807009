// A step allocates nothing.
#include <gtest/gtest.h>

#include "counted_allocations.h"
#include "starling/base/random.h"
#include "starling/optim/muon.h"

#ifdef STARLING_COUNTS_ALLOCATIONS

namespace starling::optim {
namespace {

template <class T>
long allocations_of_a_step(const MuonSpec& spec, base::Index rows, base::Index columns) {
  Muon<T> muon(spec, rows, columns);
  const auto size = static_cast<std::size_t>(rows * columns);
  std::vector<T> w(size), g(size);
  base::Stream(1, 0, "test").fill_normal(std::span<T>(g));
  muon.step(.1, w, g);
  const long before = counted::allocations;
  for (int i = 0; i < 3; ++i) muon.step(.1, w, g);
  return counted::allocations - before;
}

TEST(Muon, AllocatesNothingInAStep) {
  for (const MuonSpec& spec : {MuonSpec{}, normuon(), adamuon(), scion()}) {
    EXPECT_EQ(allocations_of_a_step<float>(spec, 16, 16), 0);
    EXPECT_EQ(allocations_of_a_step<float>(spec, 128, 300), 0);
    EXPECT_EQ(allocations_of_a_step<double>(spec, 100, 40), 0);
  }
  MuonSpec schulz;
  schulz.map = {.method = Orthogonalization::jordan};
  EXPECT_EQ(allocations_of_a_step<float>(schulz, 200, 90), 0);
}

}  // namespace
}  // namespace starling::optim

#endif
