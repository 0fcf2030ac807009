#include "starling/systems/pinn/references.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

struct Figure {
  double x, t, value, digits;
};

TEST(References, BurgersHasTheDigitsOfFortyDigitArithmetic) {
  const Figure figures[] = {{.25, .25, -0.9920815616225221, 1e-13}, {.5, .25, -0.8031984208406326, 1e-13},
                            {.25, .5, -0.8473545244509306, 1e-13},  {.5, .5, -0.5927695344020511, 1e-13},
                            {.05, .5, -0.9789821783950711, 1e-13},  {.01, .75, -0.7610366285595551, 1e-13},
                            {.25, 1, -0.5591962931027227, 1e-13},   {.5, 1, -0.3761813957481221, 1e-13},
                            {.05, 1, -0.7000270808793589, 1e-13},   {.01, 1, -0.5942561675887277, 1e-13},
                            {-.3, .8, 0.610880917558454, 1e-13}};
  for (const Figure& f : figures) {
    const double x[] = {f.x}, t[] = {f.t};
    EXPECT_NEAR(burgers_reference(x, t, 0.01 / std::numbers::pi)[0], f.value, f.digits) << f.x << " " << f.t;
  }
}

void expect_spectral(SpectralEquation equation, const std::vector<Figure>& figures) {
  std::vector<double> x, t;
  for (const Figure& f : figures) {
    x.push_back(f.x);
    t.push_back(f.t);
  }
  const auto values = spectral_reference(equation, x, t);
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], figures[i].value, figures[i].digits) << x[i] << " " << t[i];
}

// From the same method in 80-bit arithmetic, 2048 and 4096 modes and steps of 1/4000 and 1/8000 agreeing to
// 14 digits. Near x = 0 the solution is unstable: rounding in double precision grows to a few 1e-12.
TEST(References, AllenCahnHasTheDigitsOfExtendedPrecision) {
  expect_spectral(SpectralEquation::allen_cahn, {{0, .25, 1.74387986570577e-4, 3e-13},
                                                 {.25, .25, 0.152488581592748, 1e-12},
                                                 {.6, .25, -0.364239295075866, 1e-12},
                                                 {-.75, .25, -0.834121742316826, 2e-12},
                                                 {0, .5, 1.21644506845562e-3, 3e-13},
                                                 {.25, .5, 0.473832189308071, 1e-12},
                                                 {.5, .5, -3.8079628234976e-3, 3e-13},
                                                 {-.75, .5, -0.982446161630374, 2e-12},
                                                 {0, 1, 0.0295797209986313, 4e-12},
                                                 {.25, 1, 0.988474647666355, 1e-12},
                                                 {.5, 1, -0.0640767977278051, 4e-12},
                                                 {.6, 1, -0.998109687746819, 1e-12},
                                                 {-.75, 1, -0.999877244578127, 1e-12}});
}

TEST(References, KuramotoSivashinskyHasItsDigitsUntilChaosEatsThem) {
  constexpr double middle = 16 * std::numbers::pi;
  expect_spectral(SpectralEquation::kuramoto_sivashinsky, {{middle, 1, -0.94231300286, 1e-10},
                                                           {10, 1, 1.30878248240, 1e-10},
                                                           {middle, 10, -0.5879678734, 1e-9},
                                                           {10, 10, 1.0120832184, 1e-9},
                                                           {middle, 30, -0.31119859735, 1e-9},
                                                           {10, 30, 0.522872906, 2e-9},
                                                           {middle, 50, 0.9131498, 2e-7},
                                                           {10, 50, -0.98571468, 2e-7}});
}

TEST(References, ZabuskyAndKruskalsTrainHasItsDigits) {
  expect_spectral(SpectralEquation::zabusky_kruskal, {{0, .25, 0.807741274784, 1e-11},
                                                      {.5, .25, -0.103919506136, 1e-11},
                                                      {-.5, .25, 0.000918092996, 1e-11},
                                                      {.8, .25, -0.985671502546, 1e-11},
                                                      {0, .5, 0.74836101204, 1e-10},
                                                      {.5, .5, -0.28571181402, 1e-10},
                                                      {-.5, .5, -0.00010108022, 1e-10},
                                                      {.8, .5, -0.80264881873, 1e-10},
                                                      {0, 1, -0.6515899767, 1e-9},
                                                      {.5, 1, -0.441630541, 1e-8},
                                                      {-.5, 1, -0.2219816976, 1e-9},
                                                      {.8, 1, -0.5015013824, 1e-9}});
}

TEST(References, ClosedFormsHaveTheirKnownValues) {
  EXPECT_NEAR(kdv_soliton(.5, .5), 1.572895465931855, 2e-15);
  EXPECT_NEAR(kdv_soliton(1, .6), 1.423155525174446, 2e-15);
  EXPECT_NEAR(kdv_two_solitons(0, 0), 0.2831817188219, 1e-13);
  EXPECT_NEAR(kdv_two_solitons(1, .5), 0.36146189226641, 1e-14);
  EXPECT_NEAR(kdv_two_solitons(-2, .25), 0.92834743076629, 1e-14);
  EXPECT_EQ(kdv_two_solitons(-5000, 0), 0);
  const auto flow = kovasznay(.25, .1, 40), other = kovasznay(-.5, .6, 40);
  EXPECT_NEAR(flow[0], 0.3641995301715055, 1e-15);
  EXPECT_NEAR(flow[1], -0.07085363680847627, 1e-15);
  EXPECT_NEAR(flow[2], 0.1911864099769316, 1e-15);
  EXPECT_NEAR(other[0], 2.30987919656404, 2e-14);
  EXPECT_NEAR(other[1], 0.1459730045203684, 1e-15);
  EXPECT_NEAR(other[2], -0.8107419666545563, 1e-15);
  const auto wave = schroedinger_breather(.3, .59);
  EXPECT_NEAR(wave.real(), -1.26683091217043, 1e-13);
  EXPECT_NEAR(wave.imag(), 1.7029614569182, 1e-13);
  EXPECT_NEAR(std::abs(schroedinger_breather(0, std::numbers::pi / 4)), 4, 1e-14);
  EXPECT_NEAR(std::abs(schroedinger_breather(1.3, 0)), 2 / std::cosh(1.3), 1e-14);
  EXPECT_TRUE(std::isfinite(std::abs(schroedinger_breather(1000, 1))));
}

// |exp(-x²/2)|_s² = ∫ (1 + w²)^s exp(-w²) dw, with the moments √π (1, 1/2, 3/4, 15/8).
TEST(References, SobolevNormsOfAGaussianAreKnown) {
  std::vector<double> line, plane;
  constexpr int n = 512;
  for (int i = 0; i < n; ++i) line.push_back(std::exp(-std::pow((i - n / 2) * 0.05, 2) / 2));
  const std::size_t one[] = {n};
  const double step[] = {0.05};
  const double moments[] = {1.5, 2.75, 6.625},
               printed[] = {1.6305461589221, 2.2077699359358, 3.4267341248375};
  for (int s = 1; s <= 3; ++s) {
    const double norm = sobolev_norm(line, one, step, s);
    EXPECT_NEAR(norm, std::sqrt(moments[s - 1] * std::sqrt(std::numbers::pi)), 1e-14);
    EXPECT_NEAR(norm, printed[s - 1], 2e-11);
  }
  // On the plane, s = 0: ∫ e^(-|x|²) = π.
  constexpr int m = 64;
  for (int i = 0; i < m * m; ++i)
    plane.push_back(std::exp(-(std::pow((i % m - m / 2) * 0.3, 2) + std::pow((i / m - m / 2) * 0.3, 2)) / 2));
  const std::size_t two[] = {m, m};
  const double steps[] = {0.3, 0.3};
  EXPECT_NEAR(sobolev_norm(plane, two, steps, 0), std::sqrt(std::numbers::pi), 1e-12);
  EXPECT_NEAR(sobolev_norm(plane, two, steps, 1), std::sqrt(2 * std::numbers::pi), 1e-12);
}

TEST(References, SlipsAreNamed) {
  const double x[] = {0}, t[] = {-1}, none[] = {0, 1};
  EXPECT_THROW(burgers_reference(x, t, 0.1), base::Error);
  EXPECT_THROW(burgers_reference(x, none, 0.1), base::Error);
  EXPECT_THROW(burgers_reference(x, x, 0), base::Error);
  EXPECT_THROW(spectral_reference(SpectralEquation::allen_cahn, x, t), base::Error);
  EXPECT_THROW(spectral_reference(SpectralEquation::allen_cahn, x, x, 100), base::Error);
}

}  // namespace
}  // namespace starling::pinn
