#pragma once
#include <span>
#include <string>

#include "starling/nets/mlp.h"

namespace starling::nets {

/// What an ONNX file says beside the network.
struct OnnxOptions {
  double offset = 0, factor = 1;  ///< the file's output is offset + factor * the network's
  std::string config{};           ///< JSON, kept as the metadata property "config"
};

/// The network as the bytes of an ONNX model (opset 13, IR version 7), for any run-time of that format.
/// Inputs: `noise` (batch, inputs) float; `label` (batch) int64 when the network has classes; `guidance`
/// (batch) float when it has guidance. Output: `sample` (batch, outputs) float. The numbers are those of
/// Mlp::forward up to rounding.
/// Throws Error{usage} when `parameters` do not fit, or weigh more than the 2 GiB that such a file can hold.
std::string encode_onnx(const Mlp<float>& network, std::span<const float> parameters,
                        const OnnxOptions& options);

}  // namespace starling::nets
