#include "starling/report/sample_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "starling/base/error.h"

namespace starling::report {

using base::Index;

data::Image sample_sheet(const base::PointsRef<float>& images, int height, int width, int columns,
                         Tones tones) {
  if (images.rows() < 1 || height < 1 || width < 1 || columns < 1 || !(tones.white != tones.black) ||
      images.cols() != Index{height} * width) {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format(
            "sample sheet: {} images of {} values, {} columns, tones {} to {}; expected at least one image "
            "of {} x {} values, one column, and two tones",
            images.rows(), images.cols(), columns, tones.black, tones.white, height, width));
  }
  const int scale = std::max(1, (31 + std::min(height, width)) / std::min(height, width));
  const int gap = 4;
  const int across = static_cast<int>(std::min<Index>(columns, images.rows()));
  const int down = static_cast<int>((images.rows() + across - 1) / across);

  data::Image sheet;
  sheet.channels = 1;
  sheet.width = across * (width * scale + gap) + gap;
  sheet.height = down * (height * scale + gap) + gap;
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height), 255);
  for (Index n = 0; n < images.rows(); ++n) {
    const int top = gap + static_cast<int>(n) / across * (height * scale + gap);
    const int left = gap + static_cast<int>(n) % across * (width * scale + gap);
    for (int y = 0; y < height * scale; ++y) {
      for (int x = 0; x < width * scale; ++x) {
        const float value = images(n, Index{y / scale} * width + x / scale);
        const float tone = std::clamp((value - tones.black) / (tones.white - tones.black), 0.0F, 1.0F);
        const auto at = static_cast<std::size_t>(top + y) * static_cast<std::size_t>(sheet.width) +
                        static_cast<std::size_t>(left + x);
        sheet.pixels[at] = static_cast<std::uint8_t>(std::lround(255 * (std::isnan(tone) ? 0 : tone)));
      }
    }
  }
  return sheet;
}

}  // namespace starling::report
