#pragma once
#include <string_view>

#include "starling/data/npy.h"

namespace starling::data {

/// Reads the idx format of the MNIST files (LeCun, Cortes and Burges): two zero bytes, a type code (08 u1, 09
/// i1, 0B i2, 0C i4, 0D f4, 0E f8), the number of subscripts, their big-endian 32-bit extents, big-endian
/// data, row-major. `type` of the result is numpy's name for it. Throws Error{input} that opens with `name`.
Array parse_idx(std::string_view bytes, std::string_view name);

}  // namespace starling::data
