#include "starling/systems/students/census_app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/study/task_grid.h"
#include "starling/systems/students/census_claims.h"
#include "starling/systems/students/starts.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;

constexpr base::Index small = 160;        // weights of a student that is drawn and whose saddles are sought
constexpr std::size_t most_detailed = 6;  // censuses of one run that are drawn in full

class CensusApplication : public study::Application {
 public:
  void describe(study::Description& description) override { students::describe(description, spec_); }

  std::string plan() override {
    require_consistent(spec_);
    return fmt::format(
        "census: {} flows for each of n = {} {} students of {} teachers in {} dimensions, {} outgoing "
        "weights",
        spec_.seeds, fmt::join(spec_.students, ", "), name_of(spec_.activation), spec_.teachers,
        dimension_of(spec_), spec_.outgoing == Outgoing::free ? "free" : "fixed");
  }

  void run(study::RunContext& context) override {
    plan();
    const Landscape landscape = landscape_of(spec_);
    std::vector<study::Task> tasks;
    for (const std::int64_t n : spec_.students) {
      tasks.push_back({census_task(n), [this, &landscape, n](study::TaskContext& task) {
                         const CensusResult result = measure(task, landscape, n);
                         tell(task, result);
                         task.write(fmt::format("classes_{}.csv", n), classes_table(result.census));
                         task.write(fmt::format("critical_points_{}.npz", n),
                                    critical_points_npz(result.census));
                         record_census(spec_, result, spec_.students.size() > most_detailed, task.store);
                       }});
    }
    study::run_tasks(context, context.communicator.size() > 1 ? "censuses" : "", tasks);
    if (!context.communicator.lead()) return;
    study::Store::Transaction transaction(context.store);
    record_overview(spec_, context.store);
    record_theory_claims(spec_, context.store);
    transaction.commit();
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::tasks; }

 private:
  // The census as a table: what a user ran it for.
  static void tell(const study::TaskContext& context, const CensusResult& result) {
    constexpr std::size_t most = 8;
    const auto& classes = result.census.classes;
    context.tell(fmt::format("{:<10}  {:>8}  {:<18}  {:<14}  {:>5}  ends at", census_task(result.students),
                             "share", "95% interval", "loss", "index"));
    for (std::size_t c = 0; c < std::min(most, classes.size()); ++c) {
      const auto& [point, count, share] = classes[c];
      context.tell(fmt::format("  {:8}  {:8.5f}  [{:.5f}, {:.5f}]  {:.12f}  {:5}  {}, {}: {}", count,
                               share.mean, share.lower, share.upper, point.loss, point.index,
                               to_string(point.label), to_string(point.kind), structure(point.stands_for)));
    }
    if (classes.size() > most)
      context.tell(fmt::format("  and {} more, see classes_{}.csv", classes.size() - most, result.students));
  }

  std::uint64_t seed() const { return static_cast<std::uint64_t>(spec_.common.seed); }
  bool is_small(std::int64_t n) const { return n * (dimension_of(spec_) + 1) <= small; }

  CensusResult measure(study::TaskContext& context, const Landscape& landscape, std::int64_t n) {
    CensusResult result{.students = n};
    CensusOptions options{.students = n, .seeds = spec_.seeds, .seed = seed(), .outgoing = spec_.outgoing};
    options.dead = spec_.dead;
    context.progress.begin(census_task(n), spec_.seeds);
    result.census = take_census(landscape, options, [&](std::int64_t done) {
      context.progress.update(done, {});
      return !context.interrupted();
    });
    context.progress.end();
    if (!is_small(n) || spec_.students.size() > most_detailed) return result;
    if (spec_.searches > 0 && spec_.outgoing == Outgoing::free) find_saddles(context, result);
    trace(landscape, result);
    return result;
  }

  void find_saddles(study::TaskContext& context, CensusResult& result) {
    try {
      result.connections = find_connections(result.students, spec_.teachers, dimension_of(spec_),
                                            spec_.activation, {.searches = spec_.searches, .seed = seed()},
                                            [&] { return !context.interrupted(); });
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      context.store.record(study::Warning{census_task(result.students), 0,
                                          fmt::format("no graph of saddles: {}", error.what())});
    }
  }

  void trace(const Landscape& landscape, CensusResult& result) {
    for (std::int64_t s = 0; s < std::min(spec_.traces, spec_.seeds); ++s) {
      Trace trace;
      const Neurons begin =
          start(landscape, result.students, spec_.outgoing, seed(), static_cast<std::uint64_t>(s));
      settle_alone(landscape, begin, spec_.outgoing, {.gradient_tolerance = 1e-5},
                   [&](double time, const Neurons& now) {
                     trace.times.push_back(time);
                     trace.losses.push_back(landscape.mean_squared_error(now));
                     trace.students.push_back(now);
                   });
      if (!trace.times.empty()) result.traces.push_back(std::move(trace));
    }
  }

  CensusSpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_census_application() {
  return std::make_unique<CensusApplication>();
}

}  // namespace starling::students
