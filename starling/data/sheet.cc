#include "starling/data/sheet.h"

#include <algorithm>
#include <cmath>

namespace starling::data {

Image contact_sheet(const base::Points<float>& images, int height, int width, int columns, int magnification, float low,
                    float high) {
  constexpr int gap = 2;
  const int count = static_cast<int>(images.rows()), lines = (count + columns - 1) / columns;
  const int cell_width = width * magnification + gap, cell_height = height * magnification + gap;
  Image sheet{columns * cell_width + gap, lines * cell_height + gap, 1, {}};
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height), 96);
  for (int i = 0; i < count; ++i) {
    const int left = (i % columns) * cell_width + gap, top = (i / columns) * cell_height + gap;
    for (int y = 0; y < height * magnification; ++y) {
      for (int x = 0; x < width * magnification; ++x) {
        const float value = images(i, (y / magnification) * width + x / magnification);
        const float share = std::clamp((value - low) / (high - low), 0.0F, 1.0F);
        sheet.pixels[static_cast<std::size_t>((top + y) * sheet.width + left + x)] =
            static_cast<std::uint8_t>(std::lround(255 * share));
      }
    }
  }
  return sheet;
}

}  // namespace starling::data
