#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "starling/study/spec_file.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {

/// What a layer adds to the tokens in the user's own convention.
enum class HeadScale {
  mean,  ///< 1/(L H) of the sum over its heads, which has a limit
  sum    ///< the sum over its heads, as usual transformers do: o is L H times as large in the limit's units
};

/// The spec of `depth`'s job diagnose: how far the user's own network is from its limit.
struct DiagnoseSpec {
  study::Common common{.system = "depth", .job = "diagnose", .seed = 1};
  std::string network;  ///< a file of heads, or a folder of them: see read_heads
  HeadScale scale = HeadScale::mean;
  bool causal = false;
  kernels::Norm norm = kernels::Norm::none;
  std::string input;                         ///< npy of (tokens, width) or (sequences, tokens, width)
  std::int64_t tokens = 16, sequences = 64;  ///< without it: standard normal ones
  std::int64_t deals = 16;                   ///< of the heads to two halves
  double target = 0.03;
};

void describe(study::Description& description, DiagnoseSpec& spec);

/// What the job works on.
struct DiagnoseInput {
  NetworkSpec network;
  std::vector<std::string> sources;          ///< the files of the networks; the first is the one diagnosed
  std::vector<std::vector<double>> weights;  ///< of each
  Index tokens = 0, sequences = 0;
  std::vector<double> x;
};

/// Reads it. Error{input} for files that do not fit, Error{usage} without a network.
DiagnoseInput read_input(const DiagnoseSpec& spec);

}  // namespace starling::depth
