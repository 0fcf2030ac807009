#include "starling/systems/drift/particle_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"
#include "starling/flows/ode.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using ConstMap = Eigen::Map<const Points<double>>;
using Map = Eigen::Map<Points<double>>;

[[noreturn]] void diverged(const ParticleState& state, const std::string& what) {
  throw Error(ErrorKind::numerical, fmt::format("after {} moves: {}", state.moves, what));
}

void require_bounded(const ParticleMethod& method, const ParticleState& state, const Points<double>& x) {
  if (!x.allFinite()) diverged(state, "a coordinate is not finite any more");
  const Eigen::RowVectorXd centre = method.data().colwise().mean();
  const auto radius = [&](const Points<double>& cloud) {
    return std::sqrt((cloud.rowwise() - centre).rowwise().squaredNorm().maxCoeff());
  };
  const double allowed = 1000 * std::max(radius(method.data()), radius(method.start())), reached = radius(x);
  if (reached > allowed)
    diverged(state, fmt::format("a particle is {:.3g} away from the data; the flow explodes", reached));
}

constexpr std::int64_t most_overshoots = 50;

// The running mean of the cosine between successive moves, as vectors of all particles.
double turning_after(const ParticleState& state, const Points<double>& move) {
  const double lengths = move.norm() * state.last_move.norm();
  const double cosine = lengths > 0 ? (move.array() * state.last_move.array()).sum() / lengths : 0;
  return 0.9 * state.turning + 0.1 * cosine;
}

bool is_long(const ParticleMethod& method, const Points<double>& move) {
  const Points<double>& y = method.data();
  const auto mean_square = [](const Points<double>& rows) {
    return rows.squaredNorm() / static_cast<double>(rows.rows());
  };
  return std::sqrt(mean_square(move)) > 0.005 * std::sqrt(mean_square(y.rowwise() - y.colwise().mean()));
}

void step(const ParticlesSpec& spec, const ParticleMethod& method, ParticleState& state) {
  Points<double> move = method.velocity(state.x, state.moves) * spec.motion.eta;
  const Points<double> next = state.x + move;
  require_bounded(method, state, next);
  const double turning = turning_after(state, move);
  const std::int64_t overshoots = turning < -0.5 && is_long(method, move) ? state.overshoots + 1 : 0;
  if (overshoots >= most_overshoots) {
    diverged(
        state,
        fmt::format("the particles jump to and fro (mean cosine of successive moves {:.2f}): motion.eta = "
                    "{} is too long a step",
                    turning, spec.motion.eta));
  }
  state = {next, std::move(move), state.moves + 1, turning, overshoots};
}

void solve(const ParticlesSpec& spec, const ParticleMethod& method, ParticleState& state) {
  const Index n = state.x.rows(), d = state.x.cols();
  const flows::Rhs rhs = [&](double, std::span<const double> now, std::span<double> rate) {
    const ConstMap cloud(now.data(), n, d);
    require_bounded(method, state, cloud);
    Map(rate.data(), n, d) = method.velocity(cloud, state.moves);
  };
  const double span[] = {time_after(spec.motion, state.moves + 1) - time_after(spec.motion, state.moves)};
  const auto end = flows::integrate(rhs, {state.x.data(), static_cast<std::size_t>(state.x.size())}, span,
                                    {.rtol = spec.motion.rtol, .atol = spec.motion.atol});
  const Points<double> next = ConstMap(end[0].data(), n, d);
  require_bounded(method, state, next);
  state = {next, next - state.x, state.moves + 1, 0, 0};
}

std::span<const double> flat(const Points<double>& points) {
  return {points.data(), static_cast<std::size_t>(points.size())};
}

}  // namespace

ParticleState start_particles(const ParticleMethod& method) {
  ParticleState state{method.start(), {}, 0, 0, 0};
  state.last_move = Points<double>::Zero(state.x.rows(), state.x.cols());
  return state;
}

void advance(const ParticlesSpec& spec, const ParticleMethod& method, ParticleState& state) {
  if (spec.motion.integrator == Integrator::steps) return step(spec, method, state);
  solve(spec, method, state);
}

bool overshoots(const ParticleMethod& method, const ParticleState& state) {
  return state.turning < -0.2 && is_long(method, state.last_move);
}

void save_particles(const std::filesystem::path& path, const ParticleState& state,
                    const std::string& config) {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"config", config}, {"checksum", ""}};
  const std::vector<std::int64_t> shape = {state.x.rows(), state.x.cols()};
  file.tensors.push_back(data::make_tensor<double>("particles", shape, flat(state.x)));
  file.tensors.push_back(data::make_tensor<double>("last_move", shape, flat(state.last_move)));
  const std::int64_t counts[] = {state.moves, state.overshoots};
  file.tensors.push_back(data::make_tensor<std::int64_t>("counts", {2}, counts));
  file.tensors.push_back(data::make_tensor<double>("turning", {1}, std::span(&state.turning, 1)));
  base::write_file_atomically(path, data::encode_safetensors(file));
}

ParticleState load_particles(const std::filesystem::path& path, Index n, Index d) {
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), path.string());
  const auto find = [&](const char* name, const std::vector<std::int64_t>& shape) -> const data::Tensor& {
    for (const data::Tensor& tensor : file.tensors) {
      if (tensor.name == name && tensor.shape == shape) return tensor;
    }
    throw Error(ErrorKind::input,
                fmt::format("{}: tensor '{}' is missing or does not fit {} particles in {} dimensions",
                            path.string(), name, n, d));
  };
  const auto counts = data::values<std::int64_t>(find("counts", {2}));
  const auto cloud = [&](const char* name) -> Points<double> {
    const auto values = data::values<double>(find(name, {n, d}));
    return ConstMap(values.data(), n, d);
  };
  return {cloud("particles"), cloud("last_move"), counts[0], data::values<double>(find("turning", {1}))[0],
          counts[1]};
}

}  // namespace starling::drift
