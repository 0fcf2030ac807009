// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/optim/particle_adamw.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <array>
#include <cmath>
#include <sstream>
#include <utility>

#include "starling/base/error.h"
#include "starling/optim/particle_adamw.h"
#include "starling/simd/dispatch.h"

#ifndef STARLING_OPTIM_PARTICLE_ADAMW_ONCE
#define STARLING_OPTIM_PARTICLE_ADAMW_ONCE
namespace starling::optim {

// One step's numbers.
template <class T>
struct AdamWFactors {
  T beta1, fresh1, beta2, fresh2, step, correction, keep, epsilon, scale;

  AdamWFactors(const ParticleAdamWSpec& spec, double rate, std::int64_t t) {
    const double n = static_cast<double>(t);
    const bool corrected = spec.bias_correction;
    beta1 = static_cast<T>(spec.beta1);
    fresh1 = static_cast<T>(1 - spec.beta1);
    beta2 = static_cast<T>(spec.beta2);
    fresh2 = static_cast<T>(1 - spec.beta2);
    step = static_cast<T>(corrected ? rate / (1 - std::pow(spec.beta1, n)) : rate);
    correction = static_cast<T>(corrected ? 1 / (1 - std::pow(spec.beta2, n)) : 1);
    keep = static_cast<T>(1 - rate * spec.decay);
    epsilon = static_cast<T>(spec.epsilon);
    scale = static_cast<T>(spec.gradient_scale);
  }
};

// Where a run of parameters begins, with its gradient and moments.
template <class T>
struct AdamWRun {
  T* parameters;
  const T* gradient;
  T* first;
  T* second;
};

}  // namespace starling::optim
#endif

HWY_BEFORE_NAMESPACE();
namespace starling::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> divisor(D d, const AdamWFactors<T>& f, hn::Vec<D> second) {
  return hn::Add(hn::Sqrt(hn::Mul(second, hn::Set(d, f.correction))), hn::Set(d, f.epsilon));
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void move(D d, const AdamWFactors<T>& f, const AdamWRun<T>& run, std::ptrdiff_t at,
                     hn::Vec<D> gradient, hn::Vec<D> divide_by) {
  const auto m =
      hn::MulAdd(hn::Set(d, f.beta1), hn::LoadU(d, run.first + at), hn::Mul(hn::Set(d, f.fresh1), gradient));
  hn::StoreU(m, d, run.first + at);
  const auto kept = hn::Mul(hn::Set(d, f.keep), hn::LoadU(d, run.parameters + at));
  const auto ratio = hn::Div(m, divide_by);
  hn::StoreU(hn::NegMulAdd(hn::Set(d, f.step), ratio, kept), d, run.parameters + at);
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void step_entry(D d, const AdamWFactors<T>& f, const AdamWRun<T>& run, std::ptrdiff_t at) {
  const auto g = hn::Mul(hn::Set(d, f.scale), hn::LoadU(d, run.gradient + at));
  const auto v = hn::MulAdd(hn::Set(d, f.beta2), hn::LoadU(d, run.second + at),
                            hn::Mul(hn::Mul(hn::Set(d, f.fresh2), g), g));
  hn::StoreU(v, d, run.second + at);
  move(d, f, run, at, g, divisor(d, f, v));
}

template <class T>
void step_elements(const AdamWFactors<T>& f, const AdamWRun<T>& run, std::ptrdiff_t count) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  std::ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) step_entry(d, f, run, i);
  for (; i < count; ++i) step_entry(one, f, run, i);
}

// A group of `count` entries, `stride` apart, that share a second moment.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void step_group(D d, const AdamWFactors<T>& f, const AdamWRun<T>& run, std::ptrdiff_t count,
                           std::ptrdiff_t stride, T share) {
  auto squares = hn::Zero(d);
  for (std::ptrdiff_t e = 0; e < count; ++e) {
    const auto g = hn::Mul(hn::Set(d, f.scale), hn::LoadU(d, run.gradient + e * stride));
    squares = hn::MulAdd(g, g, squares);
  }
  squares = hn::Mul(squares, hn::Set(d, share));
  const auto v =
      hn::MulAdd(hn::Set(d, f.beta2), hn::LoadU(d, run.second), hn::Mul(hn::Set(d, f.fresh2), squares));
  hn::StoreU(v, d, run.second);
  const auto divide_by = divisor(d, f, v);
  for (std::ptrdiff_t e = 0; e < count; ++e) {
    const auto g = hn::Mul(hn::Set(d, f.scale), hn::LoadU(d, run.gradient + e * stride));
    move(d, f, run, e * stride, g, divide_by);
  }
}

template <class T>
void step_groups(const AdamWFactors<T>& f, AdamWRun<T> run, std::ptrdiff_t groups, std::ptrdiff_t count,
                 std::ptrdiff_t lanes, T share) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const auto wide = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t group = 0; group < groups; ++group) {
    std::ptrdiff_t lane = 0;
    const auto run_of_lane = [&] {
      return AdamWRun<T>{run.parameters + lane, run.gradient + lane, run.first + lane, run.second + lane};
    };
    for (; lane + wide <= lanes; lane += wide) step_group(d, f, run_of_lane(), count, lanes, share);
    for (; lane < lanes; ++lane) step_group(one, f, run_of_lane(), count, lanes, share);
    run.parameters += count * lanes;
    run.gradient += count * lanes;
    run.first += count * lanes;
    run.second += lanes;
  }
}

STARLING_INSTANTIATE(step_elements);
STARLING_INSTANTIATE(step_groups);

}  // namespace starling::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::optim {

STARLING_EXPORT(step_elements);
STARLING_EXPORT(step_groups);

namespace {

const std::array<std::pair<const char*, SecondMomentScope>, 4>& moment_names() {
  static const std::array<std::pair<const char*, SecondMomentScope>, 4> names = {
      {{"element", SecondMomentScope::element},
       {"block_sum", SecondMomentScope::block_sum},
       {"block_mean", SecondMomentScope::block_mean},
       {"head_sum", SecondMomentScope::head_sum}}};
  return names;
}

void require(bool holds, const char* name, double value, const char* expected) {
  if (holds) return;
  std::ostringstream message;
  message << "AdamW: " << name << " = " << value << "; expected " << expected;
  throw base::Error(base::ErrorKind::usage, message.str());
}

}  // namespace

SecondMomentScope second_moment(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [text, kind] : moment_names()) {
    if (name == text) return kind;
    known.emplace_back(text);
  }
  throw base::Error(base::ErrorKind::usage,
                    "unknown second moment '" + std::string(name) + "'" + base::suggestion(name, known));
}

std::string name_of(SecondMomentScope kind) {
  return moment_names()[static_cast<std::size_t>(kind)].first;
}

void validate(const ParticleAdamWSpec& spec) {
  require(spec.beta1 >= 0 && spec.beta1 < 1, "beta1", spec.beta1, "0 <= beta1 < 1");
  require(spec.beta2 >= 0 && spec.beta2 < 1, "beta2", spec.beta2, "0 <= beta2 < 1");
  require(spec.epsilon > 0 && std::isfinite(spec.epsilon), "epsilon", spec.epsilon, "a positive number");
  require(spec.decay >= 0 && std::isfinite(spec.decay), "weight_decay", spec.decay, "0 or more");
  require(std::isfinite(spec.gradient_scale), "gradient_scale", spec.gradient_scale, "a finite number");
}

std::ptrdiff_t ParticleLayout::second_size(SecondMomentScope kind) const {
  if (kind == SecondMomentScope::element) return size();
  return particles * lanes * (kind == SecondMomentScope::head_sum ? 1 : blocks);
}

template <class T>
void particle_adamw_step(const ParticleAdamWSpec& spec, double rate, const ParticleLayout& layout,
                         T* parameters, const T* gradient, ParticleAdamWState<T>& state) {
  ++state.step;
  const AdamWFactors<T> factors(spec, rate, state.step);
  const AdamWRun<T> run{parameters, gradient, state.first.data(), state.second.data()};
  const std::ptrdiff_t blocks = layout.particles * layout.blocks;
  const auto groups = STARLING_DISPATCH(T, step_groups);
  switch (spec.second) {
    case SecondMomentScope::element:
      return STARLING_DISPATCH(T, step_elements)(factors, run, layout.size());
    case SecondMomentScope::block_sum:
      return groups(factors, run, blocks, layout.block_size, layout.lanes, T(1));
    case SecondMomentScope::block_mean:
      return groups(factors, run, blocks, layout.block_size, layout.lanes,
                    T(1) / static_cast<T>(layout.block_size));
    case SecondMomentScope::head_sum:
      return groups(factors, run, layout.particles, layout.blocks * layout.block_size, layout.lanes, T(1));
  }
}

template void particle_adamw_step(const ParticleAdamWSpec&, double, const ParticleLayout&, float*,
                                  const float*, ParticleAdamWState<float>&);
template void particle_adamw_step(const ParticleAdamWSpec&, double, const ParticleLayout&, double*,
                                  const double*, ParticleAdamWState<double>&);

}  // namespace starling::optim
#endif
