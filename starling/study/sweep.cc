#include "starling/study/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/comm/farm.h"
#include "starling/study/run_config.h"
#include "starling/study/run_record.h"
#include "starling/study/sweep_summary.h"

namespace starling::study {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t most_runs = 100000;

// The values at commas outside brackets and double quotes.
std::vector<std::string> split_values(std::string_view text) {
  std::vector<std::string> values(1);
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    if (!quoted) depth += (c == '[' ? 1 : 0) - (c == ']' ? 1 : 0);
    if (c == ',' && !quoted && depth <= 0) {
      values.emplace_back();
    } else {
      values.back() += c;
    }
  }
  return values;
}

bool is_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && stop == end;
}

std::string unquoted(const std::string& value) {
  const bool quoted = value.size() > 1 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

std::string short_name(const std::string& key) {
  return key.substr(key.find('.') + 1);
}

// Every combination of the keys' values, the last key's changing fastest.
class SweptGrid {
 public:
  explicit SweptGrid(const std::vector<SweptKey>& keys) : keys_(keys) {
    for (const SweptKey& key : keys) {
      if (size_ * key.values.size() > most_runs)
        throw Error(ErrorKind::usage, fmt::format("the sweep has more than {} runs", most_runs));
      size_ *= key.values.size();
    }
  }

  std::size_t size() const { return size_; }

  // The value of each key in combination i, as an index.
  std::vector<std::size_t> choice(std::size_t i) const {
    std::vector<std::size_t> out(keys_.size());
    for (std::size_t k = keys_.size(); k-- > 0; i /= keys_[k].values.size())
      out[k] = i % keys_[k].values.size();
    return out;
  }
  std::vector<std::string> overrides(std::size_t i) const {
    const std::vector<std::size_t> chosen = choice(i);
    std::vector<std::string> out;
    for (std::size_t k = 0; k < keys_.size(); ++k)
      out.push_back(fmt::format("{}={}", keys_[k].key, keys_[k].values[chosen[k]]));
    return out;
  }
  std::string label(std::size_t i) const { return fmt::format("{}", fmt::join(overrides(i), ", ")); }

 private:
  const std::vector<SweptKey>& keys_;
  std::size_t size_ = 1;
};

void require_sound(const SweepRequest& request) {
  if (request.keys.empty()) throw Error(ErrorKind::usage, "no key to sweep over; expected key=value,value");
  if (request.measure.empty()) throw Error(ErrorKind::usage, "no measure; expected the name of a metric");
  for (auto key = request.keys.begin(); key != request.keys.end(); ++key) {
    if (key->key == "system" || key->key == "job")
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' cannot be swept: it decides which keys there are", key->key));
    if (std::any_of(request.keys.begin(), key, [&](const SweptKey& other) { return other.key == key->key; }))
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is swept twice; give all its values at once", key->key));
  }
}

// The metric that `measure` names. Error{usage} when there is none, or several.
Metric find_measure(const Store& store, const std::string& measure) {
  std::vector<Metric> found;
  std::vector<std::string> names;
  for (const Metric& metric : store.metrics()) {
    const std::string full = metric.task + "/" + metric.name;
    if (measure == metric.name || measure == full) found.push_back(metric);
    names.push_back(metric.name);
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    throw Error(ErrorKind::usage,
                fmt::format("the runs have no metric '{}'{}; the runs are kept: resume with another measure",
                            measure, base::suggestion(measure, names)));
  throw Error(ErrorKind::usage, fmt::format("metric '{}' is of several tasks; name one, as in {}/{}", measure,
                                            found.front().task, measure));
}

class Sweep {
 public:
  Sweep(const std::vector<const System*>& systems, const std::string& text, const std::string& file_name,
        const SweepRequest& request, const RunOptions& options)
      : systems_(systems),
        text_(text),
        file_name_(file_name),
        request_(request),
        options_(options),
        grid_(request.keys) {}

  // The spec without its swept keys. `description` points into `application`.
  struct Base {
    std::unique_ptr<Application> application;
    Description description{};
  };

  // Loads every combination too: a wrong value is found before hours have gone by.
  Base checked_base() const {
    for (std::size_t i = 0; i < grid_.size(); ++i) {
      const auto application = load(systems_, text_, file_name_, overrides(i));
      if (i == 0) application->plan();
    }
    Base base{load(systems_, text_, file_name_, options_.overrides)};
    base.application->describe(base.description);
    return base;
  }

  nlohmann::json config(const Base& base) const {
    nlohmann::json over = nlohmann::json::object();
    for (const SweptKey& key : request_.keys) over[key.key] = key.values;
    nlohmann::json out = to_json(base.description);
    out["sweep"] = {
        {"over", over}, {"measure", request_.measure}, {"best", request_.maximize ? "most" : "least"}};
    return out;
  }

  void require_same(nlohmann::json before, const Base& base) const {
    const std::string path = options_.out.string();
    if (!before.contains("sweep"))
      throw Error(ErrorKind::usage, fmt::format("{}: holds a run and no sweep; choose another --out", path));
    const auto over = nlohmann::json::json_pointer("/sweep/over");
    if (!before.contains(over) || before.at(over) != config(base).at(over))
      throw Error(ErrorKind::usage,
                  fmt::format("{}: cannot resume: the sweep went over {}; restore it or start a new one",
                              path, before.contains(over) ? before.at(over).dump() : "nothing"));
    before.erase("sweep");
    require_same_config(before, base.description, path);
  }

  void run(Store& store) const {
    std::mutex mutex;  // of the store, the progress and `done`
    Progress progress(options_.progress);
    std::int64_t done = 0;
    for (std::size_t i = 0; i < grid_.size(); ++i) done += store.is_done(name(i)) ? 1 : 0;
    progress.begin("runs", static_cast<std::int64_t>(grid_.size()), done);
    base::parallel_tasks(static_cast<std::ptrdiff_t>(grid_.size()), [&](std::ptrdiff_t task) {
      const auto i = static_cast<std::size_t>(task);
      {
        const std::lock_guard lock(mutex);
        if (store.is_done(name(i))) return;
      }
      if (options_.interrupted())
        throw Error(ErrorKind::interrupted,
                    fmt::format("interrupted before run {}; continue with --resume", name(i)));
      run_one(i);
      const std::lock_guard lock(mutex);
      store.mark_done(name(i));
      progress.update(++done, {});
    });
    progress.end();
  }

  // The same over ranks, one run at a time each. `store` is rank 0's, else null.
  void run_over_ranks(Store* store) const {
    Progress progress(store != nullptr ? options_.progress : Progress::Style::quiet);
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; store != nullptr && i < grid_.size(); ++i) {
      if (!store->is_done(name(i))) missing.push_back(i);
    }
    auto done = static_cast<std::int64_t>(grid_.size() - missing.size());
    progress.begin("runs", static_cast<std::int64_t>(grid_.size()), done);
    std::size_t begun = 0;
    std::optional<nlohmann::json> failure;
    comm::farm(*options_.communicator,
               {.next = [&]() -> std::optional<comm::Parcel> {
                  if (failure || begun == missing.size()) return std::nullopt;
                  if (options_.interrupted())
                    throw Error(ErrorKind::interrupted,
                                fmt::format("interrupted before run {}; continue with --resume",
                                            name(missing[begun])));
                  return comm::Parcel{missing[begun++], ""};
                },
                .work = [&](const comm::Parcel& parcel) { return told(parcel.item); },
                .finish =
                    [&](std::size_t i, const std::string& error) {
                      if (!error.empty()) {
                        if (!failure) failure = nlohmann::json::parse(error);
                        return;
                      }
                      store->mark_done(name(i));
                      progress.update(++done, {});
                    },
                .well = [&] { return !failure; }});
    if (failure) throw Error(failure->at("kind").get<ErrorKind>(), failure->at("what").get<std::string>());
    if (store != nullptr) progress.end();
  }

  SweepResults results() const;

 private:
  // One run, and its error as text that travels; empty when there is none.
  std::string told(std::size_t i) const {
    const auto failed = [](ErrorKind kind, const std::string& what) {
      return nlohmann::json{{"kind", kind}, {"what", what}}.dump(-1, ' ', false,
                                                                 nlohmann::json::error_handler_t::replace);
    };
    try {
      run_one(i);
      return "";
    } catch (const Error& error) {
      return failed(error.kind(), error.what());
    } catch (const std::exception& error) {
      return failed(ErrorKind::input, fmt::format("{}: {}", name(i), error.what()));
    }
  }

  static std::string name(std::size_t i) { return fmt::format("runs/{:03}", i); }
  std::filesystem::path child(std::size_t i) const { return options_.out / name(i); }
  std::vector<std::string> overrides(std::size_t i) const {
    std::vector<std::string> all = options_.overrides;
    const std::vector<std::string> own = grid_.overrides(i);
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }

  // A run that diverged has said so in its manifest.
  void run_one(std::size_t i) const {
    RunOptions options = options_;
    options.overrides = overrides(i);
    options.out = child(i);
    options.resume = std::filesystem::exists(options.out / "manifest.json");
    options.progress = Progress::Style::quiet;
    options.communicator = &comm::alone();
    options.report = nullptr;  // megabytes each; `starling report` draws the page of one
    try {
      const RunDirectory directory = run_spec(systems_, text_, file_name_, options);
      find_measure(Store(directory.database(), Store::Open::existing), request_.measure);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::numerical)
        throw Error(error.kind(), fmt::format("{}: {}", name(i), error.what()));
    }
  }

  // NaN, with the error as its note, for a run that diverged.
  Metric measured(std::size_t i) const {
    const RunDirectory directory = RunDirectory::existing(child(i));
    const nlohmann::json manifest = directory.read_manifest();
    if (manifest.value("status", "") == "done")
      return find_measure(Store(directory.database(), Store::Open::existing), request_.measure);
    return Metric{.name = request_.measure,
                  .value = std::numeric_limits<double>::quiet_NaN(),
                  .note = manifest.value("error", "it did not end")};
  }

  // The first key, but for the seed, with several numbers; else the number of keys.
  std::size_t axis() const {
    const auto found = std::find_if(request_.keys.begin(), request_.keys.end(), [](const SweptKey& key) {
      return key.key != "seed" && key.values.size() > 1 &&
             std::all_of(key.values.begin(), key.values.end(), is_number);
    });
    return static_cast<std::size_t>(found - request_.keys.begin());
  }

  std::string curve_name(std::size_t i) const {
    const std::vector<std::size_t> chosen = grid_.choice(i);
    std::vector<std::string> words;
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      if (k == axis() || request_.keys[k].key == "seed") continue;
      words.push_back(fmt::format("{} {}", short_name(request_.keys[k].key),
                                  unquoted(request_.keys[k].values[chosen[k]])));
    }
    return words.empty() ? "all runs" : fmt::format("{}", fmt::join(words, ", "));
  }

  const std::vector<const System*>& systems_;
  const std::string& text_;
  const std::string& file_name_;
  const SweepRequest& request_;
  const RunOptions& options_;
  SweptGrid grid_;
};

SweepResults Sweep::results() const {
  SweepResults out;
  out.measure = request_.measure;
  out.maximize = request_.maximize;
  const std::size_t along = axis();
  if (along < request_.keys.size()) out.axis = request_.keys[along].key;
  for (std::size_t i = 0; i < grid_.size(); ++i) {
    const std::string curve_of = curve_name(i);
    const Metric metric = measured(i);
    if (!metric.unit.empty()) out.unit = metric.unit;
    auto curve =
        std::find_if(out.curves.begin(), out.curves.end(), [&](const auto& c) { return c.name == curve_of; });
    if (curve == out.curves.end()) curve = out.curves.insert(out.curves.end(), {curve_of, {}});
    const std::string position = out.axis.empty() ? "" : request_.keys[along].values[grid_.choice(i)[along]];
    auto point = std::find_if(curve->points.begin(), curve->points.end(),
                              [&](const auto& p) { return p.position == position; });
    if (point == curve->points.end()) point = curve->points.insert(curve->points.end(), {position, {}, ""});
    point->values.push_back(metric.value);
    if (std::isnan(metric.value) && point->divergence.empty()) point->divergence = metric.note;
  }
  return out;
}

}  // namespace

SweptKey parse_swept_key(std::string_view text) {
  const std::size_t equals = text.find('=');
  const auto refuse = [&](std::string_view reason) {
    return Error(
        ErrorKind::usage,
        fmt::format("--over {}: {}; expected key=value,value, such as train.rate=0.001,0.01", text, reason));
  };
  if (equals == std::string_view::npos || equals == 0) throw refuse("no key");
  SweptKey out{std::string(text.substr(0, equals)), split_values(text.substr(equals + 1))};
  for (auto value = out.values.begin(); value != out.values.end(); ++value) {
    if (value->empty()) throw refuse("an empty value");
    if (std::find(out.values.begin(), value, *value) != value)
      throw refuse(fmt::format("{} stands there twice", *value));
  }
  return out;
}

RunDirectory run_sweep(const std::vector<const System*>& systems, const std::string& text,
                       const std::string& file_name, const SweepRequest& request, const RunOptions& options) {
  require_sound(request);
  const base::ThreadLimit threads(options.threads);
  const Sweep sweep(systems, text, file_name, request, options);
  comm::Communicator& ranks = *options.communicator;
  if (!ranks.lead()) {
    comm::follow_lead(ranks);
    sweep.run_over_ranks(nullptr);
    comm::follow_lead(ranks);
    return RunDirectory::elsewhere(options.out);
  }
  const Sweep::Base base = sweep.checked_base();
  RunDirectory directory = RunDirectory::open(options.out, options.resume);
  if (options.resume) sweep.require_same(directory.read_manifest().at("config"), base);
  RunRecord(directory, sweep.config(base), options.resume).during([&] {
    Store store(directory.database());
    if (ranks.size() == 1) {
      sweep.run(store);
    } else {
      comm::follow_lead(ranks);
      sweep.run_over_ranks(&store);
      comm::follow_lead(ranks);
    }
    Store::Transaction transaction(store);
    record_summary(sweep.results(), store);
    transaction.commit();
  });
  if (options.report) options.report(directory);
  return directory;
}

}  // namespace starling::study
