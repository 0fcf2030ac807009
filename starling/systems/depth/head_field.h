#pragma once
#include <algorithm>
#include <span>

#include "starling/systems/depth/network.h"

namespace starling::depth {

/// Γ(x) = mean over the heads of a layer of attn(N(x)), for one sequence outside of lanes.
class HeadField {
 public:
  HeadField(Index head_width, Index width, Index tokens, Index heads, bool causal,
            kernels::Norm norm = kernels::Norm::none)
      : norm_(norm),
        shape_{.tokens = tokens, .width = width, .head_width = head_width, .heads = heads, .causal = causal},
        lanes_(kernels::attention_lanes<double>()),
        workspace_(shape_),
        x_(size()),
        read_(size()),
        p_(size()),
        out_(size()) {
    std::fill_n(x_.data(), size(), 0.0);
    std::fill_n(p_.data(), size(), 0.0);
  }

  /// out = Γ(x).
  void value(std::span<const double> heads, std::span<const double> x, std::span<double> out) {
    read(x);
    std::fill_n(out_.data(), size(), 0.0);
    kernels::add_attention(shape_, kernels::LaneWeights::shared, share(), heads.data(), read_.data(),
                           out_.data(), workspace_);
    take_lane<double>(out_.data(), 0, lanes_, out);
  }

  /// out = (∂Γ/∂x)ᵀ p.
  void pull_back(std::span<const double> heads, std::span<const double> x, std::span<const double> p,
                 std::span<double> out) {
    read(x);
    put_lane(p, 0, lanes_, p_.data());
    std::fill_n(out_.data(), size(), 0.0);
    kernels::add_attention_adjoint<double>(shape_, kernels::LaneWeights::shared, share(), heads.data(),
                                           read_.data(), p_.data(), out_.data(), nullptr, workspace_);
    std::copy_n(out_.data(), size(), p_.data());
    std::fill_n(out_.data(), size(), 0.0);
    kernels::add_norm_derivative(norm_, shape_.tokens, shape_.width, x_.data(), p_.data(), out_.data());
    take_lane<double>(out_.data(), 0, lanes_, out);
  }

 private:
  void read(std::span<const double> x) {
    put_lane(x, 0, lanes_, x_.data());
    kernels::normalise_tokens(norm_, shape_.tokens, shape_.width, x_.data(), read_.data());
  }
  std::size_t size() const { return static_cast<std::size_t>(shape_.entries() * lanes_); }
  double share() const { return 1 / static_cast<double>(shape_.heads); }

  kernels::Norm norm_;
  kernels::AttentionShape shape_;
  Index lanes_;
  kernels::AttentionWorkspace<double> workspace_;
  kernels::Scratch<double> x_, read_, p_, out_;
};

}  // namespace starling::depth
