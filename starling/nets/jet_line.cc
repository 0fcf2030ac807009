#include "starling/nets/jet_line.h"

#include <algorithm>
#include <initializer_list>

namespace starling::nets {
namespace {

// The terms of one stream; counts those that were asked for.
class Terms {
 public:
  Terms(const std::vector<StreamTerm>& all, std::uint16_t stream) {
    const auto less = [](const StreamTerm& term, std::uint16_t target) { return term.target < target; };
    begin_ = std::lower_bound(all.begin(), all.end(), stream, less);
    end_ = begin_;
    while (end_ != all.end() && end_->target == stream) ++end_;
  }
  bool linear() const { return end_ - begin_ == 1; }
  // The coefficient of the product of these streams, 0 without one.
  double of(std::initializer_list<std::uint16_t> factors) {
    for (auto term = begin_; term != end_; ++term) {
      if (term->factors == factors.size() &&
          std::is_permutation(factors.begin(), factors.end(), term->factor.begin())) {
        ++asked_;
        return term->coefficient;
      }
    }
    return 0;
  }
  // Whether nothing else stands there, but for the stream itself.
  bool no_other() const { return asked_ + 1 == end_ - begin_; }

 private:
  std::vector<StreamTerm>::const_iterator begin_, end_;
  std::ptrdiff_t asked_ = 0;
};

}  // namespace

JetLine find_line(int streams, const std::vector<StreamTerm>& forward) {
  JetLine line;
  std::array<std::uint16_t, 3> higher{};
  std::size_t found = 0;
  for (int s = 1; s < streams; ++s) {
    const auto stream = static_cast<std::uint16_t>(s);
    if (Terms(forward, stream).linear()) {
      if (line.slopes == line.slope.size()) return {};
      line.slope[line.slopes++] = stream;
    } else {
      if (found == higher.size()) return {};
      higher[found++] = stream;
    }
  }
  if (found == 0) return {};
  line.top = higher[found - 1];
  if (found > 1) {
    line.second = higher[0];
    Terms second(forward, line.second);
    std::size_t along = 0;
    while (along < line.slopes && second.of({line.slope[along], line.slope[along]}) != 1) ++along;
    if (along == line.slopes || !second.no_other()) return {};
    std::swap(line.slope[0], line.slope[along]);
  }
  const std::uint16_t z1 = line.slope[0], z2 = line.second;
  if (found > 2) {
    line.third = higher[1];
    Terms third(forward, line.third);
    if (third.of({z1, z2}) != 3 || third.of({z1, z1, z1}) != 1 || !third.no_other()) return {};
  }
  Terms top(forward, line.top);
  for (std::size_t s = 0; s < line.slopes; ++s) line.square[s] = top.of({line.slope[s], line.slope[s]});
  if (found > 1) {
    line.cubic = top.of({z1, z1, z1});
    if (top.of({z1, z2}) != 3 * line.cubic) return {};
  }
  if (found > 2) {
    line.quartic = top.of({z1, z1, z1, z1});
    const double c = line.quartic;
    if (top.of({z1, line.third}) != 4 * c || top.of({z2, z2}) != 3 * c || top.of({z1, z1, z2}) != 6 * c)
      return {};
  }
  if (!top.no_other()) return {};
  line.order = static_cast<int>(found) + 1;
  return line;
}

}  // namespace starling::nets
