#include "starling/data/dataset.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "starling/base/atomic_file.h"
#include "starling/data/array.h"
#include "starling/data/bytes.h"
#include "starling/data/csv.h"
#include "starling/data/png.h"

namespace starling::data {
namespace {

namespace fs = std::filesystem;

void set_points(const Array& array, const std::string& name, Dataset& out) {
  if (array.shape.size() < 2) {
    refuse(name, fmt::format("{} axis; expected points as an array (N, d) or images (N, h, w)", array.shape.size()));
  }
  const std::int64_t n = array.shape[0];
  const auto d = static_cast<std::int64_t>(n == 0 ? 0 : array.values.size() / static_cast<std::size_t>(n));
  out.points.resize(n, d);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < d; ++k) out.points(i, k) = static_cast<float>(array.values[static_cast<std::size_t>(i * d + k)]);
  }
  if (array.shape.size() == 3) out.image = {array.shape[1], array.shape[2]};
}

void set_labels(const std::vector<double>& values, const std::string& name, Dataset& out) {
  constexpr double most_classes = 100000;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= 0 && values[i] < most_classes) || values[i] != std::floor(values[i])) {
      refuse(name, fmt::format("label {} at row {}; expected integers from 0", values[i], i));
    }
    out.labels.push_back(static_cast<std::int32_t>(values[i]));
    out.classes = std::max(out.classes, out.labels.back() + 1);
  }
}

const Array* pick(const std::map<std::string, Array>& arrays, const std::string& key, const std::string& name,
                  std::initializer_list<const char*> usual) {
  if (!key.empty()) {
    const auto found = arrays.find(key);
    if (found != arrays.end()) return &found->second;
    std::vector<std::string> names;
    for (const auto& entry : arrays) names.push_back(entry.first);
    refuse(name, fmt::format("no array '{}'{}", key, base::suggestion(key, names)));
  }
  for (const char* candidate : usual) {
    const auto found = arrays.find(candidate);
    if (found != arrays.end()) return &found->second;
  }
  return nullptr;
}

void load_npz(const DatasetRequest& request, Dataset& out) {
  const auto arrays = parse_npz(base::read_file(request.path), request.path);
  const Array* points = pick(arrays, request.points_key, request.path, {"images", "x", "X", "data", "points"});
  for (auto it = arrays.begin(); points == nullptr && it != arrays.end(); ++it) {
    if (it->second.shape.size() >= 2) points = &it->second;
  }
  if (points == nullptr) refuse(request.path, "no array with two or more axes; expected points (N, d)");
  set_points(*points, request.path, out);
  const Array* labels = pick(arrays, request.labels_key, request.path, {"labels", "y", "target"});
  if (labels != nullptr) set_labels(labels->values, request.path, out);
}

void load_folder(const DatasetRequest& request, Dataset& out) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(request.path)) {
    if (entry.path().extension() == ".png") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Image image = decode_png(base::read_file(files[i]), files[i].string());
    if (i == 0) {
      out.points.resize(static_cast<base::Index>(files.size()), static_cast<base::Index>(image.pixels.size()));
      if (image.channels == 1) out.image = {image.height, image.width};
    }
    if (static_cast<base::Index>(image.pixels.size()) != out.points.cols()) {
      refuse(files[i].string(), fmt::format("{} values, but {} has {}; expected images of one size and kind",
                                            image.pixels.size(), files[0].string(), out.points.cols()));
    }
    for (std::size_t k = 0; k < image.pixels.size(); ++k) {
      out.points(static_cast<base::Index>(i), static_cast<base::Index>(k)) = image.pixels[k];
    }
  }
}

void load_csv(const DatasetRequest& request, Dataset& out) {
  Table table = parse_csv(base::read_file(request.path), request.path);
  if (!request.label_column.empty()) {
    const auto found = std::find(table.names.begin(), table.names.end(), request.label_column);
    if (found == table.names.end()) {
      refuse(request.path, fmt::format("no column '{}'{}", request.label_column, base::suggestion(request.label_column, table.names)));
    }
    const auto column = found - table.names.begin();
    std::vector<double> labels;
    for (auto& row : table.rows) {
      labels.push_back(row[static_cast<std::size_t>(column)]);
      row.erase(row.begin() + column);
    }
    set_labels(labels, request.path, out);
  }
  const auto width = table.rows.empty() ? 0 : table.rows[0].size();
  out.points.resize(static_cast<base::Index>(table.rows.size()), static_cast<base::Index>(width));
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      out.points(static_cast<base::Index>(i), static_cast<base::Index>(k)) = static_cast<float>(table.rows[i][k]);
    }
  }
}

void check(const std::string& name, const Dataset& data) {
  if (data.points.size() == 0) refuse(name, "empty; expected at least one point");
  for (base::Index i = 0; i < data.points.rows(); ++i) {
    for (base::Index k = 0; k < data.points.cols(); ++k) {
      if (!std::isfinite(data.points(i, k))) {
        refuse(name, fmt::format("value at row {}, column {} is {}; expected finite numbers", i, k, data.points(i, k)));
      }
    }
  }
  if (!data.labels.empty() && static_cast<base::Index>(data.labels.size()) != data.points.rows()) {
    refuse(name, fmt::format("{} labels for {} points", data.labels.size(), data.points.rows()));
  }
}

}  // namespace

Dataset load_dataset(const DatasetRequest& request) {
  Dataset out;
  const fs::path path(request.path);
  const std::string extension = path.extension().string();
  if (fs::is_directory(path)) {
    load_folder(request, out);
  } else if (extension == ".npz") {
    load_npz(request, out);
  } else if (extension == ".npy") {
    set_points(parse_npy(base::read_file(path), request.path), request.path, out);
  } else if (extension == ".csv") {
    load_csv(request, out);
  } else if (request.path.find("idx") != std::string::npos) {
    set_points(parse_idx(base::read_file(path), request.path), request.path, out);
  } else {
    (void)base::read_file(path);  // a missing file is the likelier mistake
    refuse(request.path, fmt::format("unknown kind of file '{}'; expected .npy, .npz, .csv, IDX or a folder of PNG", extension));
  }
  check(request.path, out);
  return out;
}

void sample_toy(ToySet set, base::Stream& stream, base::Points<float>& out) {
  constexpr double pi = std::numbers::pi;
  base::Points<double> points(out.rows(), 2);
  for (base::Index i = 0; i < out.rows(); ++i) {
    double x = 0, y = 0;
    switch (set) {
      case ToySet::checkerboard: {
        // Two colours of squares: both coordinates share their parity. [-1, 1]^2 holds sixteen squares, eight of them full.
        const double parity = static_cast<double>(stream.below(2));
        const double column = 2 * static_cast<double>(stream.below(2)) + parity;
        const double row = 2 * static_cast<double>(stream.below(2)) + parity;
        x = (column + stream.uniform() - 2) / 2;
        y = (row + stream.uniform() - 2) / 2;
        break;
      }
      case ToySet::swiss_roll: {
        const double t = 0.5 * pi + 4 * pi * stream.uniform();
        x = t * std::cos(t);
        y = t * std::sin(t);
        break;
      }
      case ToySet::moons: {
        const double t = pi * stream.uniform();
        const bool upper = stream.below(2) == 0;
        x = upper ? std::cos(t) - 0.5 : 0.5 - std::cos(t);
        y = upper ? std::sin(t) - 0.25 : 0.25 - std::sin(t);
        break;
      }
      case ToySet::eight_gaussians: {
        const double angle = pi / 4 * static_cast<double>(stream.below(8));
        x = std::cos(angle);
        y = std::sin(angle);
        break;
      }
    }
    points(i, 0) = x;
    points(i, 1) = y;
  }
  if (set == ToySet::swiss_roll) points /= points.cwiseAbs().maxCoeff() + 1e-8;
  const double noise = set == ToySet::swiss_roll ? 0.03 : 0.05;
  for (base::Index i = 0; i < points.size(); ++i) points.data()[i] += noise * stream.normal();
  out = points.cast<float>();
}

}  // namespace starling::data
