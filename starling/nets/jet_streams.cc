#include "starling/nets/jet_streams.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <string>

#include "starling/base/error.h"

namespace starling::nets {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::uint16_t itself = 0xFFFF;  // a factor that is the stream being added

StreamTerm term(double coefficient, std::initializer_list<int> factors) {
  StreamTerm made{.slope = static_cast<std::uint8_t>(factors.size()),
                  .factors = static_cast<std::uint8_t>(factors.size()),
                  .coefficient = coefficient};
  std::size_t i = 0;
  for (const int factor : factors) made.factor[i++] = static_cast<std::uint16_t>(factor);
  return made;
}

// The partitions of 0 .. n-1: each as the block of every element, blocks numbered as they appear.
std::vector<std::vector<int>> partitions(int n) {
  std::vector<std::vector<int>> all{{}};
  for (int i = 0; i < n; ++i) {
    std::vector<std::vector<int>> longer;
    for (const auto& blocks : all) {
      const int used = blocks.empty() ? 0 : *std::max_element(blocks.begin(), blocks.end()) + 1;
      for (int block = 0; block <= used; ++block) {
        longer.push_back(blocks);
        longer.back().push_back(block);
      }
    }
    all = std::move(longer);
  }
  return all;
}

// The blocks of the partitions of a multi-index, each list sorted, with how often it occurs.
std::map<std::vector<MultiIndex>, int> block_counts(const MultiIndex& index) {
  std::vector<std::size_t> axis;
  for (std::size_t a = 0; a < index.size(); ++a) axis.insert(axis.end(), index[a], a);
  std::map<std::vector<MultiIndex>, int> counts;
  for (const auto& blocks : partitions(static_cast<int>(axis.size()))) {
    std::vector<MultiIndex> parts;
    for (std::size_t i = 0; i < axis.size(); ++i) {
      const auto block = static_cast<std::size_t>(blocks[i]);
      if (block >= parts.size()) parts.resize(block + 1, MultiIndex{});
      ++parts[block][axis[i]];
    }
    std::sort(parts.begin(), parts.end());
    ++counts[parts];
  }
  return counts;
}

}  // namespace

int order_of(const MultiIndex& index) {
  int order = 0;
  for (const std::uint8_t times : index) order += times;
  return order;
}

Streams::Streams(int axes) : axes_(axes) {
  if (axes < 1 || axes > most_axes)
    throw Error(ErrorKind::usage, "jets: " + std::to_string(axes) + " axes; expected 1 to 4");
  streams_.push_back({Kind::derivative, {}});
}

MultiIndex Streams::unit(int axis, int times) {
  MultiIndex index{};
  index[static_cast<std::size_t>(axis)] = static_cast<std::uint8_t>(times);
  return index;
}

int Streams::find(Kind kind, const MultiIndex& index) const {
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    if (streams_[s].kind == kind && streams_[s].index == index) return static_cast<int>(s);
  }
  return -1;
}

int Streams::add(Named named, int order, std::vector<StreamTerm> terms) {
  const auto target = static_cast<std::uint16_t>(streams_.size());
  streams_.push_back(std::move(named));
  order_ = std::max(order_, order);
  for (StreamTerm& made : terms) {
    made.target = target;
    for (auto& factor : made.factor) {
      if (factor == itself) factor = target;
    }
    forward_.push_back(made);
  }
  return target;
}

const MultiIndex& Streams::index(int stream) const {
  const Named& named = streams_[static_cast<std::size_t>(stream)];
  if (named.kind != Kind::derivative)
    throw Error(ErrorKind::usage, "jets: a sum of derivatives has no one index");
  return named.index;
}

void Streams::check_index(const MultiIndex& index) const {
  if (const int order = order_of(index); order > highest_order)
    throw Error(ErrorKind::usage,
                "jets: a derivative of order " + std::to_string(order) + "; expected at most 4");
  for (std::size_t a = 0; a < index.size(); ++a) {
    if (index[a] > 0 && static_cast<int>(a) >= axes_) {
      throw Error(ErrorKind::usage,
                  "jets: a derivative along axis " + std::to_string(a + 1) + " of " + std::to_string(axes_));
    }
  }
}

int Streams::derivative(const MultiIndex& index) {
  if (const int known = find(Kind::derivative, index); known >= 0) return known;
  check_index(index);
  std::vector<StreamTerm> terms;
  for (const auto& [parts, count] : block_counts(index)) {
    StreamTerm made{.slope = static_cast<std::uint8_t>(parts.size()),
                    .factors = static_cast<std::uint8_t>(parts.size()),
                    .coefficient = static_cast<double>(count)};
    for (std::size_t i = 0; i < parts.size(); ++i)
      made.factor[i] = parts[i] == index ? itself : static_cast<std::uint16_t>(derivative(parts[i]));
    terms.push_back(made);
  }
  return add({Kind::derivative, index}, order_of(index), std::move(terms));
}

int Streams::sum(const std::vector<StreamPart>& parts) {
  if (parts.empty()) throw Error(ErrorKind::usage, "jets: a sum of no derivatives");
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    if (streams_[s].kind == Kind::sum && streams_[s].parts == parts) return static_cast<int>(s);
  }
  // The products of two and more streams, equal ones of different summands together.
  std::map<std::vector<MultiIndex>, double> products;
  int order = 0;
  for (const StreamPart& part : parts) {
    check_index(part.index);
    order = std::max(order, order_of(part.index));
    for (const auto& [factors, count] : block_counts(part.index)) {
      if (factors.size() > 1) products[factors] += count * part.coefficient;
    }
  }
  std::vector<StreamTerm> terms{term(1, {itself})};
  for (const auto& [factors, coefficient] : products) {
    StreamTerm made{.slope = static_cast<std::uint8_t>(factors.size()),
                    .factors = static_cast<std::uint8_t>(factors.size()),
                    .coefficient = coefficient};
    for (std::size_t i = 0; i < factors.size(); ++i)
      made.factor[i] = static_cast<std::uint16_t>(derivative(factors[i]));
    terms.push_back(made);
  }
  return add({Kind::sum, {}, parts}, order, std::move(terms));
}

double Streams::of_coordinate(int stream, int axis) const {
  const Named& named = streams_[static_cast<std::size_t>(stream)];
  if (named.kind == Kind::derivative) return named.index == unit(axis) ? 1 : 0;
  double slope = 0;
  for (const StreamPart& part : named.parts) slope += part.index == unit(axis) ? part.coefficient : 0;
  return slope;
}

void Streams::check_space(int space) const {
  if (space >= 1 && space <= axes_) return;
  throw Error(ErrorKind::usage,
              "jets: a Laplacian along " + std::to_string(space) + " of " + std::to_string(axes_) + " axes");
}

int Streams::laplacian(int space) {
  check_space(space);
  std::vector<StreamPart> parts;
  for (int a = 0; a < space; ++a) parts.push_back({1, unit(a, 2)});
  return sum(parts);
}

StreamWave Streams::wave(int stream, const std::array<double, most_axes>& frequency) const {
  const Named& named = streams_[static_cast<std::size_t>(stream)];
  // c cos(angle + turns π/2)
  const auto turned = [](double c, int turns) -> StreamWave {
    const double sign = turns % 4 == 1 || turns % 4 == 2 ? -c : c;
    return turns % 2 == 0 ? StreamWave{.cosine = sign} : StreamWave{.sine = sign};
  };
  const auto of_index = [&](const MultiIndex& index, double c) {
    for (std::size_t a = 0; a < index.size(); ++a) c *= std::pow(frequency[a], index[a]);
    return turned(c, order_of(index));
  };
  if (named.kind == Kind::derivative) return of_index(named.index, 1);
  if (named.kind == Kind::sum) {
    StreamWave sum;
    for (const StreamPart& part : named.parts) {
      const StreamWave each = of_index(part.index, part.coefficient);
      sum.cosine += each.cosine;
      sum.sine += each.sine;
    }
    return sum;
  }
  double square = 0;
  for (std::size_t a = 0; a < named.index[0]; ++a) square += frequency[a] * frequency[a];
  if (named.kind == Kind::biharmonic) return turned(square * square, 4);
  return turned(square * frequency[named.index[3] - std::size_t{8}], 3);
}

// ∂_a of the Laplacian: f₁ z_aΔ + f₂ (z_a z_Δ + 2 Σ_b z_b z_ab) + f₃ z_a Σ_b z_b².
int Streams::laplacian_slope(int axis, int space) {
  MultiIndex name = unit(0, space);
  name[3] = static_cast<std::uint8_t>(name[3] + 8 + axis);
  if (const int known = find(Kind::laplacian_slope, name); known >= 0) return known;
  const int slope = derivative(unit(axis)), whole = laplacian(space);
  std::vector<StreamTerm> terms{term(1, {itself}), term(1, {slope, whole})};
  for (int b = 0; b < space; ++b) {
    MultiIndex pair = unit(axis);
    ++pair[static_cast<std::size_t>(b)];
    const int other = derivative(unit(b));
    terms.push_back(term(2, {other, derivative(pair)}));
    terms.push_back(term(1, {slope, other, other}));
  }
  return add({Kind::laplacian_slope, name}, 3, std::move(terms));
}

// f₁ z_ΔΔ + f₂ (z_Δ² + 4 Σ z_a z_aΔ + 2 Σ z_ab²) + f₃ (2 z_Δ Σ z_a² + 4 Σ z_a z_b z_ab) + f₄ (Σ z_a²)².
int Streams::biharmonic(int space) {
  check_space(space);
  const MultiIndex name = unit(0, space);
  if (const int known = find(Kind::biharmonic, name); known >= 0) return known;
  const int whole = laplacian(space);
  std::vector<StreamTerm> terms{term(1, {itself}), term(1, {whole, whole})};
  for (int a = 0; a < space; ++a) {
    const int slope = derivative(unit(a));
    terms.push_back(term(4, {slope, laplacian_slope(a, space)}));
    terms.push_back(term(2, {whole, slope, slope}));
    for (int b = a; b < space; ++b) {
      const double times = a == b ? 1 : 2;
      MultiIndex pair = unit(a);
      ++pair[static_cast<std::size_t>(b)];
      const int mixed = derivative(pair), other = derivative(unit(b));
      terms.push_back(term(2 * times, {mixed, mixed}));
      terms.push_back(term(4 * times, {slope, other, mixed}));
      terms.push_back(term(times, {slope, slope, other, other}));
    }
  }
  return add({Kind::biharmonic, name}, 4, std::move(terms));
}

std::vector<StreamTerm> Streams::reverse() const {
  // h₀ = f₀(z₀) comes first.
  std::vector<StreamTerm> rules{{.target = 0, .seed = 0, .slope = 1}};
  for (const StreamTerm& made : forward_) {
    StreamTerm value = made;
    value.target = 0;
    value.seed = static_cast<std::int16_t>(made.target);
    ++value.slope;
    rules.push_back(value);
    for (std::size_t i = 0; i < made.factors; ++i) {
      const auto begin = made.factor.begin(), end = begin + made.factors;
      if (std::find(begin, begin + static_cast<std::ptrdiff_t>(i), made.factor[i]) !=
          begin + static_cast<std::ptrdiff_t>(i))
        continue;  // counted where it first stands
      StreamTerm rule{
          .target = made.factor[i],
          .seed = static_cast<std::int16_t>(made.target),
          .slope = made.slope,
          .coefficient = made.coefficient * static_cast<double>(std::count(begin, end, made.factor[i]))};
      for (std::size_t j = 0; j < made.factors; ++j) {
        if (j != i) rule.factor[rule.factors++] = made.factor[j];
      }
      rules.push_back(rule);
    }
  }
  std::stable_sort(rules.begin(), rules.end(),
                   [](const StreamTerm& a, const StreamTerm& b) { return a.target < b.target; });
  return rules;
}

}  // namespace starling::nets
