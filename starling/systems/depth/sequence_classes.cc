#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/split.h"
#include "starling/nets/loss.h"
#include "starling/systems/depth/gpt_job.h"
#include "starling/systems/depth/sequence_task.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

constexpr Index most_judged_sequences = 1000;  // sequences behind a point of a curve
constexpr Index sequences_at_once = 64;        // sequences of a forward pass

// What a model must know of its data besides the spec.
struct Sizes {
  std::int64_t length = 0, channels = 0, vocabulary = 0, classes = 0;
};

struct Sequences {
  Points<float> numbers;             // (N, length * channels), or
  std::vector<std::int32_t> tokens;  // (N, length), 0 after the end
  std::vector<Index> last;           // the place at which each is read
  std::vector<std::int32_t> labels;

  Index size() const { return static_cast<Index>(last.size()); }
};

nets::GptSpec network_of(const SequenceSpec& spec, const Sizes& sizes) {
  nets::GptSpec out = spec.network.spec();
  out.context = sizes.length;
  out.vocabulary = sizes.vocabulary;
  out.inputs = sizes.channels;
  out.outputs = sizes.classes;
  return out;
}

// Row `row` of a file of tokens. Error{input} with the place, from 1.
void read_tokens(const data::Dataset& all, Index row, Sequences& out) {
  const auto place = [&](Index k) { return fmt::format("{}: row {}, place {}", all.source, row + 1, k + 1); };
  Index last = -1;
  for (Index k = 0; k < all.points.cols(); ++k) {
    const float value = all.points(row, k);
    const bool padding = value == -1;
    if (!padding && (value < 0 || value > 1e6F || value != std::floor(value)))
      throw Error(ErrorKind::input,
                  fmt::format("{}: {} is no token; expected 0, 1, ... or -1 after the end", place(k), value));
    if (!padding && last < k - 1)
      throw Error(ErrorKind::input, fmt::format("{}: a token after the end of its sequence", place(k)));
    if (!padding) last = k;
    out.tokens.push_back(padding ? 0 : static_cast<std::int32_t>(value));
  }
  if (last < 0) throw Error(ErrorKind::input, fmt::format("{}: the sequence is empty", place(0)));
  out.last.push_back(last);
}

Sequences sequences_of(const data::Dataset& all, SequenceKind kind, const Sizes& sizes) {
  Sequences out;
  out.labels = all.labels;
  if (kind == SequenceKind::tokens) {
    for (Index i = 0; i < all.points.rows(); ++i) read_tokens(all, i, out);
  } else {
    out.numbers = all.points;
    out.last.assign(static_cast<std::size_t>(all.points.rows()), sizes.length - 1);
  }
  return out;
}

class Classes : public SequenceTask {
 public:
  explicit Classes(const SequenceSpec& spec) : Classes(spec, read(spec)) {}

  Classes(const SequenceSpec& spec, const Sizes& sizes, std::vector<float> mean, std::vector<float> deviation)
      : spec_(spec),
        sizes_(sizes),
        mean_(std::move(mean)),
        deviation_(std::move(deviation)),
        trainer_(network_of(spec, sizes), spec, spec.common.seed) {}

  const GptTrainer& trainer() const override { return trainer_; }
  std::int64_t length() const override { return sizes_.length; }
  std::string unit() const override { return "nats"; }
  std::string plan() const override {
    const std::string what = spec_.data.kind == SequenceKind::tokens
                                 ? fmt::format("{} kinds of tokens", sizes_.vocabulary)
                                 : fmt::format("{} numbers a place", sizes_.channels);
    return fmt::format("{} training and {} held-out sequences of {}, {} classes", training_.size(),
                       held_out_.size(), what, sizes_.classes);
  }

  GptStep step(GptState& state) override {
    std::vector<Index> rows(static_cast<std::size_t>(spec_.batch));
    base::Stream stream(static_cast<std::uint64_t>(spec_.common.seed), 0, "batch",
                        static_cast<std::uint64_t>(state.step));
    for (Index& row : rows)
      row = static_cast<Index>(stream.below(static_cast<std::uint64_t>(training_.size())));
    const Points<float> logits = forward(state, training_, rows, workspace_);
    std::vector<std::int32_t> labels;
    for (const Index row : rows) labels.push_back(training_.labels[static_cast<std::size_t>(row)]);
    std::vector<double> each(rows.size());
    Points<float> slope;
    nets::cross_entropy(logits, labels, each, slope);
    std::fill(outputs_.begin(), outputs_.end(), 0.0F);
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::copy_n(slope.data() + static_cast<Index>(i) * sizes_.classes, sizes_.classes,
                  outputs_.begin() + place(static_cast<Index>(i), training_, rows[i]));
    gradient_.resize(state.parameters.size());
    trainer_.network().backward(state.parameters, input(), workspace_, gradient_);
    double mean = 0;
    for (const double loss : each) mean += loss / static_cast<double>(each.size());
    return trainer_.apply(state, mean, gradient_);
  }

  std::vector<std::pair<std::string, double>> measure(const GptState& state) override {
    const auto [losses, right] = judge(state, held_out_, most_judged_sequences);
    return {{"validation_loss", math::mean_interval(losses).mean},
            {"validation_accuracy", static_cast<double>(right) / static_cast<double>(losses.size())}};
  }

  void record(study::Store& store, const GptState& state) override {
    const auto [losses, right] = judge(state, held_out_, held_out_.size());
    record_interval(store, "validation_loss", "nats", math::mean_interval(losses));
    record_interval(store, "validation_accuracy", "share", math::binomial_interval(right, held_out_.size()));
    record_interval(store, "training_loss", "nats",
                    math::mean_interval(judge(state, training_, most_judged_sequences).first));
    record_curves(store, {"loss", "validation_loss"}, "Of each batch, and of the sequences held out.", "nats",
                  true);
  }

  void add_scales(data::TensorFile& file) const override {
    const std::int64_t sizes[] = {sizes_.length, sizes_.channels, sizes_.vocabulary, sizes_.classes};
    data::add_flat<std::int64_t>(file, "sequences.sizes", sizes);
    data::add_flat<float>(file, "inputs.mean", std::span<const float>(mean_));
    data::add_flat<float>(file, "inputs.deviation", std::span<const float>(deviation_));
  }

  Points<float> predict(const GptState& state, const std::string& path) override {
    const data::Dataset all = data::load_dataset({.path = path});
    const Index expected = sizes_.length * std::max<Index>(1, sizes_.channels);
    if (all.points.cols() != expected)
      throw Error(ErrorKind::usage, fmt::format("{}: {} columns; the run was trained on {}", path,
                                                all.points.cols(), expected));
    Sequences asked = sequences_of(all, spec_.data.kind, sizes_);
    scale(asked);
    Points<float> out(asked.size(), sizes_.classes);
    each_chunk(asked.size(), [&](const std::vector<Index>& rows) {
      out.middleRows(rows.front(), static_cast<Index>(rows.size())) = forward(state, asked, rows, asked_);
    });
    for (Index i = 0; i < out.rows(); ++i) nets::softmax(out.data() + i * out.cols(), out.cols());
    return out;
  }

 private:
  struct Read {
    Sizes sizes;
    Sequences all;
    data::Split split;
  };

  static Read read(const SequenceSpec& spec) {
    const std::string& path = spec.data.file.path;
    if (path.empty()) throw Error(ErrorKind::usage, "data.path is empty; expected a file of sequences");
    const data::Dataset all = data::load_dataset(spec.data.file);
    if (all.labels.empty())
      throw Error(ErrorKind::input, fmt::format("{}: no labels; the job sequence learns classes", path));
    if (all.points.rows() < 4)
      throw Error(ErrorKind::input,
                  fmt::format("{}: {} sequences; expected at least 4 to train and to hold out", path,
                              all.points.rows()));
    const bool tokens = spec.data.kind == SequenceKind::tokens;
    Sizes sizes{.length = all.points.cols(), .classes = all.classes};
    if (!tokens) {
      sizes.channels = spec.data.channels > 0 ? spec.data.channels : all.image.size() == 2 ? all.image[1] : 1;
      if (sizes.length % sizes.channels != 0)
        throw Error(ErrorKind::usage,
                    fmt::format("{}: {} numbers a row; data.channels = {} does not divide them", path,
                                sizes.length, sizes.channels));
      sizes.length /= sizes.channels;
    }
    Sequences sequences = sequences_of(all, spec.data.kind, sizes);
    if (tokens) sizes.vocabulary = *std::max_element(sequences.tokens.begin(), sequences.tokens.end()) + 1;
    return {sizes, std::move(sequences),
            data::Split(all.points.rows(), spec.data.holdout, static_cast<std::uint64_t>(spec.common.seed), 1,
                        2)};
  }

  Classes(const SequenceSpec& spec, const Read& data)
      : Classes(spec, data.sizes, std::vector<float>(static_cast<std::size_t>(data.sizes.channels), 0.0F),
                std::vector<float>(static_cast<std::size_t>(data.sizes.channels), 1.0F)) {
    const auto part = [&](std::int64_t begin, std::int64_t end) {
      Sequences out;
      if (sizes_.channels > 0) out.numbers.resize(end - begin, data.all.numbers.cols());
      for (std::int64_t i = begin; i < end; ++i) {
        const auto row = static_cast<std::size_t>(data.split.order[static_cast<std::size_t>(i)]);
        out.last.push_back(data.all.last[row]);
        out.labels.push_back(data.all.labels[row]);
        if (sizes_.channels > 0) {
          out.numbers.row(i - begin) = data.all.numbers.row(static_cast<Index>(row));
        } else {
          const auto from = data.all.tokens.begin() + static_cast<Index>(row) * sizes_.length;
          out.tokens.insert(out.tokens.end(), from, from + sizes_.length);
        }
      }
      return out;
    };
    held_out_ = part(0, data.split.held_out);
    training_ = part(data.split.held_out, static_cast<std::int64_t>(data.split.order.size()));
    measure_scale();
    scale(training_);
    scale(held_out_);
  }

  // Mean and deviation of each channel over all places of the training sequences.
  void measure_scale() {
    const double n = static_cast<double>(training_.size() * sizes_.length);
    for (Index k = 0; k < sizes_.channels; ++k) {
      double mean = 0, squares = 0;
      for (Index i = k; i < training_.numbers.size(); i += sizes_.channels)
        mean += static_cast<double>(training_.numbers.data()[i]) / n;
      for (Index i = k; i < training_.numbers.size(); i += sizes_.channels) {
        const double away = static_cast<double>(training_.numbers.data()[i]) - mean;
        squares += away * away / n;
      }
      mean_[static_cast<std::size_t>(k)] = static_cast<float>(mean);
      if (squares > 0) deviation_[static_cast<std::size_t>(k)] = static_cast<float>(std::sqrt(squares));
    }
  }
  void scale(Sequences& all) const {
    for (Index i = 0; i < all.numbers.size(); ++i) {
      const auto k = static_cast<std::size_t>(i % sizes_.channels);
      all.numbers.data()[i] = (all.numbers.data()[i] - mean_[k]) / deviation_[k];
    }
  }

  nets::GptInput<float> input() const { return {.tokens = tokens_, .numbers = numbers_}; }
  // Where the outputs of a sequence that was read as the i-th begin.
  Index place(Index i, const Sequences& from, Index row) const {
    return (i * sizes_.length + from.last[static_cast<std::size_t>(row)]) * sizes_.classes;
  }

  // The logits of some rows; outputs_ are those of all places.
  Points<float> forward(const GptState& state, const Sequences& from, const std::vector<Index>& rows,
                        nets::Gpt<float>::Workspace& workspace) {
    tokens_.clear();
    numbers_.clear();
    for (const Index row : rows) {
      if (sizes_.channels > 0) {
        const float* begin = from.numbers.data() + row * from.numbers.cols();
        numbers_.insert(numbers_.end(), begin, begin + from.numbers.cols());
      } else {
        const auto begin = from.tokens.begin() + row * sizes_.length;
        tokens_.insert(tokens_.end(), begin, begin + sizes_.length);
      }
    }
    outputs_ =
        trainer_.network().forward(state.parameters, input(), static_cast<Index>(rows.size()), workspace);
    Points<float> logits(static_cast<Index>(rows.size()), sizes_.classes);
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::copy_n(outputs_.begin() + place(static_cast<Index>(i), from, rows[i]), sizes_.classes,
                  logits.data() + static_cast<Index>(i) * sizes_.classes);
    return logits;
  }

  template <class Body>
  static void each_chunk(Index n, Body body) {
    for (Index begin = 0; begin < n; begin += sequences_at_once) {
      std::vector<Index> rows;
      for (Index i = begin; i < std::min(n, begin + sequences_at_once); ++i) rows.push_back(i);
      body(rows);
    }
  }

  // Losses of the first sequences, and how many of them are right.
  std::pair<std::vector<double>, std::int64_t> judge(const GptState& state, const Sequences& from,
                                                     Index most) {
    std::vector<double> losses;
    std::int64_t right = 0;
    each_chunk(std::min(from.size(), most), [&](const std::vector<Index>& rows) {
      const Points<float> logits = forward(state, from, rows, asked_);
      std::vector<std::int32_t> labels(from.labels.begin() + rows.front(),
                                       from.labels.begin() + rows.back() + 1);
      std::vector<double> each(rows.size());
      Points<float> unused;
      nets::cross_entropy(logits, labels, each, unused);
      losses.insert(losses.end(), each.begin(), each.end());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        Index best = 0;
        logits.row(static_cast<Index>(i)).maxCoeff(&best);
        right += best == labels[i] ? 1 : 0;
      }
    });
    return {losses, right};
  }

  SequenceSpec spec_;
  Sizes sizes_;
  std::vector<float> mean_, deviation_;
  GptTrainer trainer_;
  Sequences training_, held_out_;
  nets::Gpt<float>::Workspace workspace_, asked_;
  std::vector<std::int32_t> tokens_;
  std::vector<float> numbers_, gradient_;
  std::span<float> outputs_;
};

}  // namespace

std::unique_ptr<SequenceTask> make_classes(const SequenceSpec& spec) {
  return std::make_unique<Classes>(spec);
}

std::unique_ptr<SequenceTask> make_classes(const SequenceSpec& spec, const data::TensorFile& file,
                                           const std::string& from) {
  std::int64_t sizes[4] = {};
  data::read_flat<std::int64_t>(file, "sequences.sizes", sizes, from);
  if (sizes[1] < 0 || sizes[1] > 100000)
    throw Error(ErrorKind::input, fmt::format("{}: sequences.sizes: {} channels", from, sizes[1]));
  std::vector<float> mean(static_cast<std::size_t>(sizes[1])), deviation(mean.size());
  data::read_flat<float>(file, "inputs.mean", mean, from);
  data::read_flat<float>(file, "inputs.deviation", deviation, from);
  return std::make_unique<Classes>(spec, Sizes{sizes[0], sizes[1], sizes[2], sizes[3]}, mean, deviation);
}

}  // namespace starling::depth
