#include "starling/systems/depth/diagnose_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/bytes.h"
#include "starling/data/npy.h"
#include "starling/systems/depth/head_file.h"

namespace starling::depth {
namespace {

void read_tokens(const std::string& path, DiagnoseInput& input) {
  data::Array array = data::parse_npy(base::read_file(path), path);
  std::vector<std::int64_t>& shape = array.shape;
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  const std::int64_t width = input.network.shape.width;
  if (shape.size() != 3 || shape[0] < 1 || shape[1] < 1 || shape[2] != width) {
    data::fail_input(path, fmt::format("shape {}; expected (tokens, {}) or (sequences, tokens, {})",
                                       data::shape_text(array.shape), width, width));
  }
  const auto bad = std::ranges::find_if_not(array.values, [](double v) { return std::isfinite(v); });
  if (bad != array.values.end()) {
    data::fail_input(
        path, fmt::format("number {} is {}; expected finite numbers", bad - array.values.begin() + 1, *bad));
  }
  input.sequences = shape[0];
  input.tokens = shape[1];
  input.x = std::move(array.values);
}

// In the limit's units.
void rescale(const HeadShape& shape, std::vector<double>& weights) {
  for (Index head = 0; head < shape.layers * shape.heads; ++head) {
    double* o = weights.data() + head * shape.head() + 3 * shape.matrix();
    std::for_each(o, o + shape.matrix(),
                  [&](double& entry) { entry *= static_cast<double>(shape.layers * shape.heads); });
  }
}

}  // namespace

void describe(study::Description& d, DiagnoseSpec& spec) {
  study::describe_common(d, spec.common);
  d.section("network", "Attention heads of yours, all layers alike.");
  d.text("path", spec.network,
         "npz or safetensors with q, k, v (layers, heads, head width, width), o (layers, heads, width, head "
         "width); or a folder of such files: one network from several seeds, the first is diagnosed");
  d.choice("scale", spec.scale, {{"mean", HeadScale::mean}, {"sum", HeadScale::sum}},
           "what a layer adds: the sum over its heads by layers times heads, or the sum, as usual");
  d.boolean("causal", spec.causal, "whether a token sees only those before it");
  d.choice("norm", spec.norm,
           {{"none", kernels::Norm::none}, {"layer", kernels::Norm::layer}, {"rms", kernels::Norm::rms}},
           "of what heads read, without gains");
  d.section("input", "The tokens at the first layer.");
  d.text("path", spec.input,
         "npy of (tokens, width) or (sequences, tokens, width); empty: normal tokens are drawn");
  d.integer("tokens", spec.tokens, {.minimum = 1, .maximum = 1e5}, "of a drawn sequence");
  d.integer("sequences", spec.sequences, {.minimum = 1, .maximum = 1e6}, "drawn");
  d.section("study", "Its error without a reference, and what would lower it.");
  d.integer("deals", spec.deals, {.minimum = 1, .maximum = 10000},
            "of the heads to two halves, whose distance tells the fluctuation");
  d.real("target", spec.target, {.minimum = 0, .open_minimum = true},
         "root mean square error of a token to be reached");
}

DiagnoseInput read_input(const DiagnoseSpec& spec) {
  if (spec.network.empty()) {
    throw base::Error(base::ErrorKind::usage,
                      "network.path is empty; expected a .npz or .safetensors file with q, k, v and o, or a "
                      "folder of them");
  }
  DiagnoseInput out;
  for (HeadNetwork& one : read_heads(spec.network)) {
    out.network.shape = one.shape;
    if (spec.scale == HeadScale::sum) rescale(one.shape, one.weights);
    out.sources.push_back(std::move(one.source));
    out.weights.push_back(std::move(one.weights));
  }
  out.network.causal = spec.causal;
  out.network.norm = spec.norm;
  const HeadShape& shape = out.network.shape;
  if (shape.layers < 2 || shape.layers % 2 != 0 || shape.heads < 2) {
    data::fail_input(out.sources[0], fmt::format("{} layers of {} heads; expected an even number of layers, "
                                                 "which are merged in pairs, and at least 2 heads",
                                                 shape.layers, shape.heads));
  }
  if (!spec.input.empty()) {
    read_tokens(spec.input, out);
    return out;
  }
  out.tokens = spec.tokens;
  out.sequences = spec.sequences;
  out.x.resize(static_cast<std::size_t>(out.tokens * out.sequences * shape.width));
  base::Stream(static_cast<std::uint64_t>(spec.common.seed), 0, "tokens").fill_normal(out.x);
  return out;
}

}  // namespace starling::depth
