#include "starling/base/error.h"

#include <algorithm>
#include <vector>

namespace starling::base {
namespace {

// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::size_t columns = b.size() + 1;
  std::vector<std::size_t> before(columns), previous(columns), current(columns);
  for (std::size_t j = 0; j < columns; ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j < columns; ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view word, std::span<const std::string> candidates) {
  // A pasted novel is no slip of the hand, and the distance costs the product of the lengths.
  constexpr std::size_t longest_sensible_name = 64;
  if (word.size() > longest_sensible_name) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates) {
  if (const std::string near = nearest_name(word, candidates); !near.empty()) {
    return "; did you mean '" + near + "'?";
  }
  if (candidates.empty()) return {};
  std::string list = "; expected one of ";
  constexpr std::size_t most_listed = 12;
  for (std::size_t i = 0; i < std::min(candidates.size(), most_listed); ++i) {
    list += (i == 0 ? "" : ", ") + candidates[i];
  }
  return candidates.size() > most_listed ? list + ", ..." : list;
}

}  // namespace starling::base
