#include "starling/systems/pinn/phases.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <sstream>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t most_stages = 1000;

template <class T>
std::optional<T> number_in(const std::string& word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

template <class T>
std::optional<T> named(const std::vector<std::pair<std::string, T>>& names, const std::string& word) {
  const auto found = std::ranges::find(names, word, &std::pair<std::string, T>::first);
  if (found == names.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// One phase of the schedule; `where` says which.
class PhaseReader {
 public:
  PhaseReader(const SolverSpec& spec, const std::string& text, int number)
      : spec_(spec),
        words_(words_of(text)),
        where_(fmt::format("train.schedule: phase {}, '{}'", number, fmt::join(words_, " "))) {}

  Phase read() const {
    if (words_.size() < 2) fail("expected a name and its steps, such as muon 500");
    Phase phase{.rate = spec_.adam_rate, .decay = spec_.adam_decay};
    phase.rule = named(rule_names(), words_[0]);
    if (!phase.rule) phase.method = method();
    const auto steps = number_in<std::int64_t>(words_[1]);
    if (!steps || *steps < 1 || *steps > 1'000'000'000)
      fail(fmt::format("'{}' steps; expected 1 to 1e9", words_[1]));
    phase.steps = *steps;
    if (words_.size() > 2) {
      if (!phase.rule) fail(fmt::format("'{}' after the steps; {} takes no rate", words_[2], words_[0]));
      read_rate(phase);
    }
    return phase;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::usage, where_ + ": " + message);
  }

  SolveMethod method() const {
    if (const auto found = named(method_names(), words_[0]); found && *found != SolveMethod::none)
      return *found;
    std::vector<std::string> known;
    for (const auto& [name, rule] : rule_names()) known.push_back(name);
    for (const auto& [name, one] : method_names()) {
      if (one != SolveMethod::none) known.push_back(name);
    }
    fail(fmt::format("unknown method '{}'{}", words_[0], base::suggestion(words_[0], known)));
  }

  void read_rate(Phase& phase) const {
    std::size_t at = 2;
    if (const auto rate = number_in<double>(words_[at])) {
      if (!(*rate > 0) || *rate > 1e9) fail(fmt::format("a rate of {}; expected one above 0", words_[at]));
      phase.rate = *rate;
      ++at;
    }
    if (at == words_.size()) return;
    if (words_[at] == "cosine" || words_[at] == "constant") {
      phase.decay = words_[at] == "cosine" ? optim::Decay::cosine : optim::Decay::constant;
      ++at;
    }
    if (at < words_.size()) fail(fmt::format("'{}'; expected a rate, then cosine or constant", words_[at]));
  }

  const SolverSpec& spec_;
  std::vector<std::string> words_;
  std::string where_;
};

// One coefficient of a curriculum with its values, one a stage.
void add_values(const std::string& text, std::vector<Coefficients>& stages) {
  const std::vector<std::string> words = words_of(text);
  const auto fail = [&](const std::string& message) {
    throw Error(ErrorKind::usage, fmt::format("train.curriculum: '{}': {}", fmt::join(words, " "), message));
  };
  if (words.size() < 2) fail("expected a param and its values before the last, such as b 10 20");
  const std::size_t count = words.size() - 1;
  if (count > most_stages) fail(fmt::format("{} values; expected at most {}", count, most_stages));
  if (stages.empty()) stages.resize(count);
  if (stages.size() != count)
    fail(fmt::format("{} values; expected {}, as many as those before", count, stages.size()));
  for (std::size_t k = 0; k < count; ++k) {
    const auto value = number_in<double>(words[k + 1]);
    if (!value || !std::isfinite(*value)) fail(fmt::format("'{}'; expected a number", words[k + 1]));
    if (!stages[k].emplace(words[0], *value).second) fail(fmt::format("'{}' is named twice", words[0]));
  }
}

}  // namespace

const std::vector<std::pair<std::string, optim::Rule>>& rule_names() {
  using R = optim::Rule;
  static const std::vector<std::pair<std::string, R>> names{
      {"adam", R::adamw},      {"muon", R::muon},   {"normuon", R::normuon},
      {"adamuon", R::adamuon}, {"scion", R::scion}, {"shampoo", R::shampoo},
      {"soap", R::soap},       {"lion", R::lion},   {"sgd", R::sgd}};
  return names;
}

const std::vector<std::pair<std::string, SolveMethod>>& method_names() {
  using M = SolveMethod;
  static const std::vector<std::pair<std::string, M>> names{{"none", M::none},
                                                            {"lbfgs", M::lbfgs},
                                                            {"bfgs", M::bfgs},
                                                            {"ssbfgs", M::ssbfgs},
                                                            {"ssbroyden", M::ssbroyden},
                                                            {"levenberg_marquardt", M::levenberg_marquardt},
                                                            {"gauss_newton", M::gauss_newton}};
  return names;
}

std::vector<Phase> phases_of(const SolverSpec& spec) {
  std::vector<Phase> phases;
  phases.reserve(2);
  if (!spec.schedule.empty()) {
    if (spec.adam_steps > 0)
      throw Error(
          ErrorKind::usage,
          fmt::format("train.adam_steps: {} beside train.schedule; expected 0, since the schedule has "
                      "every phase",
                      spec.adam_steps));
    std::istringstream parts(spec.schedule + ",");
    for (std::string part; std::getline(parts, part, ',');)
      phases.push_back(PhaseReader(spec, part, static_cast<int>(phases.size()) + 1).read());
    return phases;
  }
  const Phase first{
      .rule = spec.first, .steps = spec.adam_steps, .rate = spec.adam_rate, .decay = spec.adam_decay};
  if (spec.adam_steps > 0 || spec.method == SolveMethod::none) phases.push_back(first);
  if (spec.method != SolveMethod::none) phases.push_back({.method = spec.method, .steps = spec.steps});
  return phases;
}

std::vector<Coefficients> stages_of(const SolverSpec& spec) {
  if (spec.curriculum.empty()) return std::vector<Coefficients>(1);
  std::vector<Coefficients> stages;
  std::istringstream parts(spec.curriculum + ",");
  for (std::string part; std::getline(parts, part, ',');) add_values(part, stages);
  if (spec.windows > 1)
    throw Error(
        ErrorKind::usage,
        fmt::format("train.curriculum: '{}' beside {} windows; expected train.windows = 1, since a stage "
                    "goes over all times",
                    spec.curriculum, spec.windows));
  stages.emplace_back();
  return stages;
}

std::int64_t all_steps(const SolverSpec& spec) {
  const std::vector<Phase> phases = phases_of(spec);
  return spec.windows * static_cast<std::int64_t>(stages_of(spec).size()) *
         std::accumulate(phases.begin(), phases.end(), std::int64_t{0},
                         [](std::int64_t sum, const Phase& phase) { return sum + phase.steps; });
}

}  // namespace starling::pinn
