#pragma once
#include "starling/base/matrix.h"
#include "starling/data/png.h"

namespace starling::data {

/// A contact sheet: each row of `images` (N, height * width) a grey picture, `columns` a line, a pixel enlarged to
/// `magnification` squared, `low` black and `high` white.
Image contact_sheet(const base::Points<float>& images, int height, int width, int columns, int magnification, float low,
                    float high);

}  // namespace starling::data
