#include "starling/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/bytes.h"
#include "starling/data/csv.h"
#include "starling/data/idx.h"
#include "starling/data/npy.h"
#include "starling/data/npz.h"
#include "starling/data/png.h"

namespace starling::data {
namespace {

namespace fs = std::filesystem;

constexpr double largest_label = 999'999;  // a table of classes is allocated by it

// Sets dataset.points from row-major values; not-a-number and what overflows a float are refused.
void set_points(Dataset& dataset, const std::vector<double>& values, std::int64_t rows, std::int64_t columns,
                std::string_view name, const Table* table = nullptr) {
  if (rows == 0 || columns == 0) {
    fail_input(
        name, fmt::format("no points: {} rows and {} columns; expected at least one of each", rows, columns));
  }
  dataset.points.resize(rows, columns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<float>(values[i]);
    if (!std::isfinite(value)) {
      const std::size_t row = i / static_cast<std::size_t>(columns),
                        column = i % static_cast<std::size_t>(columns);
      const std::string place =
          table == nullptr ? std::string(name) : fmt::format("{}:{}", name, table->lines[row]);
      const std::string title =
          table == nullptr ? std::to_string(column + 1) : in_quotes(table->columns[column]);
      fail_input(place, fmt::format("row {}, column {} holds {}; expected a finite single-precision number",
                                    row + 1, title, values[i]));
    }
    dataset.points.data()[i] = value;
  }
}

void set_points(Dataset& dataset, const Array& array, std::string_view name) {
  const std::size_t subscripts = array.shape.size();
  if (subscripts != 2 && subscripts != 3) {
    fail_input(name,
               fmt::format("{} subscripts, shape {}; expected points (N, d) or images (N, height, width)",
                           subscripts, shape_text(array.shape)));
  }
  if (array.values.empty()) fail_input(name, fmt::format("no points: shape {}", shape_text(array.shape)));
  const std::int64_t columns = subscripts == 2 ? array.shape[1] : array.shape[1] * array.shape[2];
  set_points(dataset, array.values, array.shape[0], columns, name);
  if (subscripts == 3) dataset.image = {array.shape[1], array.shape[2]};
}

void set_labels(Dataset& dataset, const std::vector<double>& labels, std::string_view name) {
  if (static_cast<base::Index>(labels.size()) != dataset.points.rows()) {
    fail_input(name, fmt::format("{} labels for {} points", labels.size(), dataset.points.rows()));
  }
  dataset.classes = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double label = labels[i];
    if (!(label >= 0 && label <= largest_label && label == std::floor(label))) {
      fail_input(name,
                 fmt::format("label {} is {}; expected an integer in 0..{}", i + 1, label, largest_label));
    }
    dataset.labels.push_back(static_cast<std::int32_t>(label));
    dataset.classes = std::max(dataset.classes, dataset.labels.back() + 1);
  }
}

void set_labels(Dataset& dataset, const Array& array, std::string_view name) {
  if (array.shape.size() != 1) {
    fail_input(name, fmt::format("labels of shape {}; expected (N,)", shape_text(array.shape)));
  }
  set_labels(dataset, array.values, name);
}

Dataset load_npy(const DatasetRequest& request) {
  Dataset dataset;
  set_points(dataset, parse_npy(base::read_file(request.path), request.path), request.path);
  return dataset;
}

const Array& find_array(const std::map<std::string, Array>& arrays, const std::vector<std::string>& order,
                        const std::string& key, const std::string& path) {
  const auto found = arrays.find(key);
  if (found != arrays.end()) return found->second;
  std::vector<std::string> names;
  for (const std::string& name : order) names.push_back(printable(name));
  fail_input(path, fmt::format("no array {}{}", in_quotes(key), base::suggestion(key, names)));
}

Dataset load_npz(const DatasetRequest& request) {
  std::vector<std::string> order;
  const std::map<std::string, Array> arrays = parse_npz(base::read_file(request.path), request.path, &order);
  const auto entry = [&](const std::string& key) {
    return fmt::format("{}[{}]", request.path, in_quotes(key));
  };

  std::string points = request.points_key;
  for (const std::string& key : order) {
    if (points.empty() && arrays.at(key).shape.size() >= 2) points = key;
  }
  if (points.empty()) fail_input(request.path, "no array of two or more subscripts to take as points");
  Dataset dataset;
  set_points(dataset, find_array(arrays, order, points, request.path), entry(points));

  std::string labels = request.labels_key;
  for (const char* key : {"labels", "y", "target"}) {
    const auto found = arrays.find(key);
    if (labels.empty() && found != arrays.end() && found->second.is_integer() &&
        found->second.shape == std::vector<std::int64_t>{dataset.points.rows()}) {
      labels = key;
    }
  }
  if (!labels.empty()) set_labels(dataset, find_array(arrays, order, labels, request.path), entry(labels));
  return dataset;
}

std::optional<double> integer(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return {};
  return static_cast<double>(value);
}

// Integers as they are; otherwise the place of each word among the distinct ones in sorted order.
std::vector<double> label_numbers(const std::vector<std::string>& words) {
  std::vector<double> numbers;
  for (const std::string& word : words) {
    const std::optional<double> value = integer(word);
    if (!value) break;
    numbers.push_back(*value);
  }
  if (numbers.size() == words.size()) return numbers;
  std::vector<std::string> distinct = words;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  numbers.clear();
  for (const std::string& word : words) {
    const auto place = std::lower_bound(distinct.begin(), distinct.end(), word) - distinct.begin();
    numbers.push_back(static_cast<double>(place));
  }
  return numbers;
}

Dataset load_csv(const DatasetRequest& request) {
  const Table table = parse_csv(base::read_file(request.path), request.path, request.label_column);
  Dataset dataset;
  set_points(dataset, table.values, table.rows, static_cast<std::int64_t>(table.columns.size()), request.path,
             &table);
  if (!table.labels.empty()) set_labels(dataset, label_numbers(table.labels), request.path);
  return dataset;
}

// "train-images-idx3-ubyte" -> "train-labels-idx1-ubyte"; empty when the name has another form.
std::string sibling_labels(const std::string& path) {
  const std::string from = "images-idx3", to = "labels-idx1";
  const std::size_t slash = path.find_last_of('/');
  const std::size_t at = path.rfind(from);
  if (at == std::string::npos || (slash != std::string::npos && at < slash)) return {};
  return path.substr(0, at) + to + path.substr(at + from.size());
}

Dataset load_idx(const DatasetRequest& request) {
  Dataset dataset;
  set_points(dataset, parse_idx(base::read_file(request.path), request.path), request.path);
  const std::string labels = sibling_labels(request.path);
  if (!labels.empty() && fs::exists(labels))
    set_labels(dataset, parse_idx(base::read_file(labels), labels), labels);
  return dataset;
}

std::vector<fs::path> sorted_entries(const fs::path& folder, bool folders) {
  std::vector<fs::path> found;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const bool wanted = folders ? entry->is_directory() : entry->path().extension() == ".png";
    if (wanted) found.push_back(entry->path());
  }
  if (code) fail_input(folder.string(), fmt::format("cannot list the folder: {}", code.message()));
  std::sort(found.begin(), found.end());
  return found;
}

Dataset load_folder(const DatasetRequest& request) {
  std::vector<fs::path> files = sorted_entries(request.path, false);
  std::vector<double> labels;
  if (files.empty()) {
    double label = 0;
    for (const fs::path& folder : sorted_entries(request.path, true)) {
      const std::vector<fs::path> members = sorted_entries(folder, false);
      if (members.empty()) continue;
      files.insert(files.end(), members.begin(), members.end());
      labels.insert(labels.end(), members.size(), label);
      ++label;
    }
  }
  if (files.empty()) fail_input(request.path, "no .png files in this folder, nor in folders inside it");

  Dataset dataset;
  Image first;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name = files[i].string();
    const Image image = decode_png(base::read_file(name), name);
    if (i == 0) {
      first = image;
      dataset.points.resize(static_cast<base::Index>(files.size()),
                            static_cast<base::Index>(image.pixels.size()));
    }
    if (image.width != first.width || image.height != first.height || image.channels != first.channels) {
      fail_input(name, fmt::format("{} x {} pixels of {} channels; expected {} x {} of {} as in {}",
                                   image.width, image.height, image.channels, first.width, first.height,
                                   first.channels, files[0].filename().string()));
    }
    auto row = dataset.points.row(static_cast<base::Index>(i));
    std::copy(image.pixels.begin(), image.pixels.end(), row.data());
  }
  if (first.channels == 1) dataset.image = {first.height, first.width};
  if (!labels.empty()) set_labels(dataset, labels, request.path);
  return dataset;
}

struct Format {
  const char* name;
  bool takes_keys, takes_column;
  Dataset (*load)(const DatasetRequest& request);
};

Format format_of(const std::string& path) {
  if (!fs::exists(path)) fail_input(path, "no such file or folder");
  if (fs::is_directory(path)) return {"a folder of PNG", false, false, load_folder};
  std::string lower = path;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  });
  const auto ends = [&](std::string_view suffix) { return std::string_view(lower).ends_with(suffix); };
  if (ends(".npy")) return {"npy", false, false, load_npy};
  if (ends(".npz")) return {"npz", true, false, load_npz};
  if (ends(".csv") || ends(".tsv")) return {"csv", false, true, load_csv};
  if (ends(".idx") || ends("-ubyte")) return {"idx", false, false, load_idx};
  fail_input(path, "unknown ending; expected .npy, .npz, .csv, .tsv, .idx, -ubyte or a folder of PNG");
}

}  // namespace

Dataset load_dataset(const DatasetRequest& request) {
  const Format format = format_of(request.path);
  const auto refuse = [&](bool taken, const char* option, const std::string& value) {
    if (taken || value.empty()) return;
    throw base::Error(base::ErrorKind::usage, fmt::format("{}: {} = {} has no meaning for {}", request.path,
                                                          option, in_quotes(value), format.name));
  };
  refuse(format.takes_keys, "points_key", request.points_key);
  refuse(format.takes_keys, "labels_key", request.labels_key);
  refuse(format.takes_column, "label_column", request.label_column);
  Dataset dataset = format.load(request);
  dataset.source = request.path;
  return dataset;
}

}  // namespace starling::data
