#include "starling/nets/jets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "nets/formula_net.h"
#include "nets/jet_reference.h"
#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/nets/jet_line.h"

namespace starling::nets {
namespace {

using testing::formula_parameters;
using testing::stream_values;

constexpr std::array<JetActivation, 6> all_activations{JetActivation::tanh,     JetActivation::sin,
                                                       JetActivation::softplus, JetActivation::gelu,
                                                       JetActivation::silu,     JetActivation::erf};

double at(const std::vector<int>& widths, JetActivation activation, const std::vector<double>& point,
          MultiIndex index) {
  JetNetwork network{{widths.begin(), widths.end()}, activation};
  Streams streams(static_cast<int>(point.size()));
  const int stream = streams.derivative(index);
  return stream_values(Jets<double>(network, streams), formula_parameters(network), point, stream).at(0);
}

// u, u_x, u_y, u_xx, u_xy, u_yy, u_xxx, u_xxxx, u_xxyy, u_yyyy of the formula network 2-8-8-1 at (0.3, -0.7),
// from 50-digit arithmetic.
constexpr std::array<MultiIndex, 10> indices{
    {{0, 0}, {1, 0}, {0, 1}, {2, 0}, {1, 1}, {0, 2}, {3, 0}, {4, 0}, {2, 2}, {0, 4}}};
struct Row {
  JetActivation activation;
  std::array<double, 10> values;
};
const std::array<Row, 4> rows{{
    {JetActivation::tanh,
     {-0.03345927186043508, 5.567427069840635e-4, -0.03361111576751571, -3.842857935366134e-3,
      6.836661591947168e-3, -0.02348303144513815, 7.138205401510566e-3, -4.840255716427932e-3,
      0.01431423540487693, 0.0515796707145897}},
    {JetActivation::sin,
     {-0.03178797812768499, 2.253055800910326e-3, -0.03843871021675103, -3.364305999485708e-3,
      5.334665660189552e-3, -0.01645651091364851, 1.367779589164033e-3, 5.222164016923531e-4,
      2.357434313690138e-3, 7.74488395908e-3}},
    {JetActivation::gelu,
     {-0.06504962643013517, 6.56711090004508e-3, 6.137816462328086e-3, 0.02059709040319862,
      2.421376001932645e-3, -0.03325676148069117, 0.03760713414557074, -0.03178311736833692,
      6.756796931792184e-3, 0.07852174517623083}},
    {JetActivation::softplus,
     {-0.03526255110588144, 1.277905223525469e-3, -1.026400328348074e-3, 2.774635198999879e-3,
      8.816968436248011e-4, -4.134319539027667e-3, 2.890982169808631e-4, 2.067965026211811e-4,
      -6.933397299235976e-4, -1.397658418637129e-4}},
}};

TEST(Jets, AgreeWithFiftyDigitArithmetic) {
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      EXPECT_NEAR(at({2, 8, 8, 1}, row.activation, {0.3, -0.7}, indices[i]), row.values[i], 1e-14)
          << static_cast<int>(row.activation) << " " << i;
    }
  }
}

TEST(Jets, ALaplacianAndABiharmonicOperatorAreOneStreamEach) {
  const JetNetwork network{{2, 8, 8, 1}};
  Streams streams(2);
  const int laplacian = streams.laplacian(2);
  EXPECT_EQ(streams.count(), 4);
  const int biharmonic = streams.biharmonic(2);
  EXPECT_EQ(streams.count(), 10);
  const Jets<double> jets(network, streams);
  const auto parameters = formula_parameters(network);
  EXPECT_NEAR(stream_values(jets, parameters, {0.3, -0.7}, laplacian)[0], -0.02732588938050429, 1e-14);
  EXPECT_NEAR(stream_values(jets, parameters, {0.3, -0.7}, biharmonic)[0], 0.07536788580791563, 1e-14);
}

// All 70 derivatives of four variables; networks of two outputs.
TEST(Jets, EveryDerivativeOfFourVariablesIsThatOfTaylorPolynomials) {
  for (const JetActivation activation : all_activations) {
    const JetNetwork network{{4, 5, 7, 2}, activation};
    const auto parameters = formula_parameters(network, 0.4);
    const std::vector<double> point{0.3, -0.7, 0.2, 1.1};
    const auto expected = testing::reference_jets(network, parameters, point);
    Streams streams(4);
    std::vector<std::pair<int, MultiIndex>> asked;
    for (int code = 0; code < 625; ++code) {
      const MultiIndex index{static_cast<std::uint8_t>(code % 5), static_cast<std::uint8_t>(code / 5 % 5),
                             static_cast<std::uint8_t>(code / 25 % 5), static_cast<std::uint8_t>(code / 125)};
      if (order_of(index) <= 4) asked.emplace_back(streams.derivative(index), index);
    }
    ASSERT_EQ(asked.size(), 70U);
    const int laplacian = streams.laplacian(3), biharmonic = streams.biharmonic(3);
    const Jets<double> jets(network, streams);
    for (std::ptrdiff_t output = 0; output < 2; ++output) {
      const auto& polynomial = expected[static_cast<std::size_t>(output)];
      const auto exact = [&](MultiIndex index) { return testing::derivative_of(polynomial, index); };
      for (const auto& [stream, index] : asked) {
        EXPECT_NEAR(stream_values(jets, parameters, point, stream, output)[0], exact(index),
                    2e-13 * (1 + std::abs(exact(index))));
      }
      const double sum = exact({2}) + exact({0, 2}) + exact({0, 0, 2});
      EXPECT_NEAR(stream_values(jets, parameters, point, laplacian, output)[0], sum, 1e-13);
      const double square = exact({4}) + exact({0, 4}) + exact({0, 0, 4}) +
                            2 * (exact({2, 2}) + exact({2, 0, 2}) + exact({0, 2, 2}));
      EXPECT_NEAR(stream_values(jets, parameters, point, biharmonic, output)[0], square, 1e-12);
    }
  }
}

TEST(Jets, FeaturesOfTheCoordinatesAreDifferentiatedToo) {
  const JetNetwork network{{4, 6, 5, 1},
                           JetActivation::tanh,
                           {{.axis = 1},
                            {.wave = true, .frequency = {2.5, -0.7}, .phase = 0.3},
                            {.wave = true, .frequency = {0, std::numbers::pi}},
                            {.axis = 0}}};
  const auto parameters = formula_parameters(network);
  const std::vector<double> point{0.4, -0.2};
  const auto expected = testing::reference_jets(network, parameters, point).front();
  const auto exact = [&](MultiIndex index) { return testing::derivative_of(expected, index); };
  Streams streams(2);
  const int laplacian = streams.laplacian(2), biharmonic = streams.biharmonic(2);
  const int sum = streams.sum({{1.5, {1, 0}}, {-0.5, {0, 2}}, {2, {2, 1}}, {0.25, {1, 3}}});
  std::vector<std::pair<int, MultiIndex>> asked;
  for (std::uint8_t i = 0; i <= 4; ++i) {
    for (std::uint8_t j = 0; i + j <= 4; ++j)
      asked.emplace_back(streams.derivative({i, j}), MultiIndex{i, j});
  }
  const Jets<double> jets(network, streams);
  for (const auto& [stream, index] : asked)
    EXPECT_NEAR(stream_values(jets, parameters, point, stream)[0], exact(index),
                1e-12 * (1 + std::abs(exact(index))));
  EXPECT_NEAR(stream_values(jets, parameters, point, laplacian)[0], exact({2}) + exact({0, 2}), 1e-12);
  const double square = exact({4}) + exact({0, 4}) + 2 * exact({2, 2});
  EXPECT_NEAR(stream_values(jets, parameters, point, biharmonic)[0], square, 1e-12 * (1 + std::abs(square)));
  const double summed = 1.5 * exact({1}) - 0.5 * exact({0, 2}) + 2 * exact({2, 1}) + 0.25 * exact({1, 3});
  EXPECT_NEAR(stream_values(jets, parameters, point, sum)[0], summed, 1e-12 * (1 + std::abs(summed)));
  EXPECT_THROW(Jets<double>({{3, 4, 1}, JetActivation::tanh, {{.axis = 0}}}, Streams(1)), base::Error);
  EXPECT_THROW(Jets<double>({{1, 4, 1}, JetActivation::tanh, {{.axis = 2}}}, Streams(1)), base::Error);
}

std::vector<double> random_points(std::ptrdiff_t n, int axes) {
  std::vector<double> points(static_cast<std::size_t>(n * axes));
  base::Stream stream(7, 0, "points");
  for (double& value : points) value = 2 * stream.uniform() - 1;
  return points;
}

struct Functional {  // Σ over samples, streams and outputs of weight · stream² / 2
  template <class T>
  static T weight(int stream, std::ptrdiff_t output) {
    return T(1) / static_cast<T>(1 + stream + 3 * static_cast<int>(output));
  }
  template <class T>
  static void seed(const Jets<T>& jets, const JetTile<T>& tile) {
    for (int s = 0; s < jets.streams().count(); ++s) {
      for (std::ptrdiff_t o = 0; o < jets.network().widths.back(); ++o) {
        for (std::ptrdiff_t i = 0; i < tile.count; ++i)
          tile.seed(s, o)[i] = weight<T>(s, o) * tile.stream(s, o)[i];
      }
    }
  }
  template <class T>
  static T value(const Jets<T>& jets, const std::vector<T>& parameters, const std::vector<T>& points) {
    T sum = 0;
    for (int s = 0; s < jets.streams().count(); ++s) {
      for (std::ptrdiff_t o = 0; o < jets.network().widths.back(); ++o) {
        for (const T x : stream_values(jets, parameters, points, s, o)) sum += weight<T>(s, o) * x * x / 2;
      }
    }
    return sum;
  }
};

template <class T>
std::vector<T> gradient_of(const Jets<T>& jets, const std::vector<T>& parameters,
                           const std::vector<T>& points) {
  std::vector<T> gradient(parameters.size());
  typename Jets<T>::Workspace workspace;
  jets.add_gradient(
      parameters, points.data(), static_cast<std::ptrdiff_t>(points.size()) / jets.streams().axes(),
      workspace, [&](const JetTile<T>& tile) { Functional::seed(jets, tile); }, gradient);
  return gradient;
}

Streams mixed_streams() {
  Streams streams(2);
  streams.derivative({2, 2});
  streams.derivative({4, 0});
  streams.biharmonic(2);
  streams.sum({{0.7, {0, 1}}, {-0.3, {3, 0}}, {0.2, {1, 3}}});
  return streams;
}

TEST(Jets, TheGradientIsThatOfDifferences) {
  for (const JetActivation activation : all_activations) {
    const JetNetwork network{{2, 9, 7, 2}, activation};
    const Jets<double> jets(network, mixed_streams());
    const auto parameters = formula_parameters(network);
    for (const std::ptrdiff_t n : {1, 5, 37, 161}) {
      const auto points = random_points(n, 2);
      const auto gradient = gradient_of(jets, parameters, points);
      double scale = 0;
      for (const double g : gradient) scale = std::max(scale, std::abs(g));
      const std::size_t stride = n == 1 ? 1 : 11;
      for (std::size_t p = 0; p < parameters.size(); p += stride) {
        constexpr double h = 2e-4;
        const auto moved = [&](double step) {
          auto there = parameters;
          there[p] += step;
          return Functional::value(jets, there, points);
        };
        // Fourth order: its error h⁴/30 f⁗ and the rounding 1e-16/h are both small.
        const double slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
        EXPECT_NEAR(gradient[p], slope, 1e-9 * scale) << n << " " << p;
      }
    }
  }
}

// Streams of a common shape have kernels of their own; one more stream, which nothing reads, makes them do
// without.
TEST(Jets, StreamsOfACommonShapeAreThoseOfTheirTerms) {
  const std::array<std::vector<StreamPart>, 4> sums{{{{1, {2, 0}}, {-0.5, {0, 2}}},
                                                     {{0.3, {2, 0}}, {-2, {3, 0}}, {0.7, {0, 1}}},
                                                     {{0.3, {2, 0}}, {-2, {0, 3}}, {1, {0, 2}}},
                                                     {{1, {4, 0}}, {0.5, {3, 0}}, {-0.2, {0, 2}}}}};
  const std::array<int, 4> orders{2, 3, 3, 4};
  for (std::size_t k = 0; k < sums.size(); ++k) {
    Streams streams(2);
    streams.derivative({0, 1});
    const int last = streams.sum(sums[k]);
    EXPECT_EQ(find_line(streams.count(), streams.forward()).order, orders[k]) << k;
    Streams more = streams;
    more.derivative({1, 1});
    EXPECT_EQ(find_line(more.count(), more.forward()).order, 0) << k;
    for (const JetActivation activation : all_activations) {
      const JetNetwork network{{2, 9, 7, 2}, activation};
      const auto parameters = formula_parameters(network);
      const auto points = random_points(37, 2);
      const auto gradient = [&](const Streams& all) {
        const Jets<double> jets(network, all);
        std::vector<double> out(parameters.size());
        Jets<double>::Workspace workspace;
        jets.add_gradient(
            parameters, points.data(), 37, workspace,
            [&](const JetTile<double>& tile) {
              for (int s = 0; s <= last; ++s) {
                for (std::ptrdiff_t i = 0; i < tile.count; ++i)
                  tile.seed(s, 1)[i] = (1 + s) * tile.stream(s, 0)[i] * tile.stream(last, 1)[i];
              }
            },
            out);
        return out;
      };
      const auto own = gradient(streams), plain = gradient(more);
      double scale = 0;
      for (const double g : plain) scale = std::max(scale, std::abs(g));
      for (std::size_t p = 0; p < own.size(); ++p) EXPECT_NEAR(own[p], plain[p], 1e-13 * scale) << k;
    }
  }
}

TEST(Jets, TheJacobianHasARowForEverySampleAndSumsToTheGradient) {
  const JetNetwork network{{2, 9, 7, 2}};
  const Jets<double> jets(network, mixed_streams());
  const auto parameters = formula_parameters(network);
  constexpr std::ptrdiff_t n = 77;
  const auto points = random_points(n, 2);
  const auto count = static_cast<std::size_t>(network.parameter_count());
  std::vector<double> rows_of(count * n);
  Jets<double>::Workspace workspace;
  jets.jacobian(
      parameters, points.data(), n, workspace,
      [&](const JetTile<double>& tile) { Functional::seed(jets, tile); }, rows_of.data(), n);
  const auto gradient = gradient_of(jets, parameters, points);
  const auto first = gradient_of(jets, parameters, {points[0], points[1]});
  for (std::size_t p = 0; p < count; ++p) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += rows_of[p * n + i];
    EXPECT_NEAR(sum, gradient[p], 1e-12 * (1 + std::abs(gradient[p])));
    EXPECT_NEAR(rows_of[p * n], first[p], 1e-13 * (1 + std::abs(first[p])));
  }
}

TEST(Jets, TheBytesDoNotDependOnTheNumberOfThreads) {
  const JetNetwork network{{2, 20, 20, 1}};
  const Jets<double> jets(network, mixed_streams());
  const auto parameters = formula_parameters(network);
  const auto points = random_points(1001, 2);
  std::vector<double> one, four;
  {
    const base::ThreadLimit limit(1);
    one = gradient_of(jets, parameters, points);
  }
  {
    const base::ThreadLimit limit(4);
    four = gradient_of(jets, parameters, points);
  }
  EXPECT_EQ(one, four);
}

TEST(Jets, SinglePrecisionFollowsDoublePrecision) {
  const JetNetwork network{{2, 20, 20, 1}};
  Streams streams(2);
  streams.derivative({2, 1});
  const auto parameters = formula_parameters(network);
  const auto points = random_points(100, 2);
  const auto exact = gradient_of(Jets<double>(network, streams), parameters, points);
  const std::vector<float> p(parameters.begin(), parameters.end()), x(points.begin(), points.end());
  const auto rough = gradient_of(Jets<float>(network, streams), p, x);
  for (std::size_t i = 0; i < exact.size(); ++i)
    EXPECT_NEAR(static_cast<double>(rough[i]), exact[i], 2e-5 * (1 + std::abs(exact[i])));
}

// r = u_t + u u_x - (0.01/π) u_xx at (-0.8 + 0.4k, 0.1 + 0.2k); figures of independent 64-bit programs.
TEST(Jets, TheGradientOfABurgersResidualHasItsKnownDigits) {
  const JetNetwork network{{2, 8, 8, 1}};
  Streams streams(2);
  const int x = streams.derivative({1, 0}), t = streams.derivative({0, 1}), xx = streams.derivative({2, 0});
  const Jets<double> jets(network, streams);
  const auto parameters = formula_parameters(network);
  std::vector<double> points;
  for (int k = 0; k < 5; ++k) points.insert(points.end(), {-0.8 + 0.4 * k, 0.1 + 0.2 * k});
  std::vector<double> gradient(parameters.size()), residual(5);
  Jets<double>::Workspace workspace;
  constexpr double nu = 0.01 / std::numbers::pi;
  const auto visit = [&](const JetTile<double>& tile) {
    for (std::ptrdiff_t i = 0; i < tile.count; ++i) {
      const double u = tile.stream(0, 0)[i], u_x = tile.stream(x, 0)[i];
      const double r = tile.stream(t, 0)[i] + u * u_x - nu * tile.stream(xx, 0)[i];
      residual[static_cast<std::size_t>(tile.begin + i)] = r;
      tile.seed(0, 0)[i] = r * u_x / 5;
      tile.seed(x, 0)[i] = r * u / 5;
      tile.seed(t, 0)[i] = r / 5;
      tile.seed(xx, 0)[i] = -nu * r / 5;
    }
  };
  jets.add_gradient(parameters, points.data(), 5, workspace, visit, gradient);
  const std::array<double, 5> expected{-0.0425995924393031, -0.0424201192767723, -0.0411006118426671,
                                       -0.0390738181165022, -0.0368402310042614};
  double squares = 0, sum = 0, norm = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(residual[i], expected[i], 1e-15);
    squares += residual[i] * residual[i];
  }
  for (const double g : gradient) {
    sum += g;
    norm += g * g;
  }
  EXPECT_NEAR(squares / 10, 8.187417971940739e-4, 1e-17);
  EXPECT_NEAR(std::sqrt(norm), 0.04211611077240819, 1e-15);
  EXPECT_NEAR(sum, 3.57816244922967e-3, 1e-15);
  EXPECT_NEAR(gradient[0], -2.79166674033472e-4, 1e-17);
  EXPECT_NEAR(gradient[static_cast<std::size_t>(network.bias(0))], -9.54246732559552e-4, 1e-17);
  EXPECT_NEAR(gradient[static_cast<std::size_t>(network.weight(1))], 4.94845249866962e-3, 1e-16);
  EXPECT_NEAR(gradient[static_cast<std::size_t>(network.weight(2))], -1.46416552536352e-4, 1e-17);
  EXPECT_NEAR(gradient.back(), -1.91359305084177e-4, 1e-17);
}

TEST(Jets, SlipsAreNamed) {
  Streams streams(2);
  EXPECT_THROW(streams.derivative({3, 2}), base::Error);
  EXPECT_THROW(streams.derivative({0, 0, 1}), base::Error);
  EXPECT_THROW(streams.laplacian(3), base::Error);
  EXPECT_THROW(streams.sum({}), base::Error);
  EXPECT_THROW(streams.sum({{1, {3, 2}}}), base::Error);
  EXPECT_THROW(Streams(5), base::Error);
  EXPECT_THROW(Jets<double>({{3, 4, 1}}, Streams(2)), base::Error);
  EXPECT_THROW(Jets<double>({{2, 0, 1}}, Streams(2)), base::Error);
  EXPECT_THROW(parse_jet_activation("tahn"), base::Error);
}

}  // namespace
}  // namespace starling::nets
