#include "starling/systems/pinn/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "starling/base/atomic_file.h"
#include "starling/study/training_loop.h"
#include "starling/study/verdicts.h"
#include "starling/systems/pinn/bound_app.h"
#include "starling/systems/pinn/bound_claims.h"
#include "starling/systems/pinn/certificate.h"
#include "starling/systems/pinn/equation_checks.h"
#include "starling/systems/pinn/points.h"
#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/solution.h"
#include "starling/systems/pinn/solved_bound.h"
#include "starling/systems/pinn/solved_run.h"
#include "starling/systems/pinn/solver.h"

namespace starling::pinn {
namespace {

using study::SeriesPoint;

constexpr const char* task = "solve";
constexpr std::int64_t judged_points = 10000;

// Measured since the last checkpoint.
struct Pending {
  std::map<std::string, std::vector<SeriesPoint>> series;
  void flush(study::Store& store) {
    study::Store::Transaction transaction(store);
    for (const auto& [name, points] : series) store.record(task, name, "", points);
    transaction.commit();
    *this = {};
  }
};

// Where a training is, as TrainingLoop wants to know it.
struct Position {
  std::int64_t step = 0;
};

const study::Claim certificate_claim{
    .id = "certificate-above-error",
    .statement = "the largest error is at most what the residual and the boundary certify",
    .source = "the maximum principle: L. C. Evans, Partial Differential Equations, 6.4 and 7.1",
    .measured_as = "largest error over the reference's points, over its certificate",
    .falsifier = "a share above 1"};

class SolveApplication : public study::Application {
 public:
  void describe(study::Description& description) override { pinn::describe(description, spec_); }

  std::string plan() override {
    const Problem problem(spec_);
    const Solver solver(spec_, problem);  // refuses conditions that hold nowhere, matrices that do not fit
    const System& system = problem.system();
    const double degree = system.degree();
    std::string doubts;
    for (const Remark& remark : remarks(problem))
      doubts += fmt::format("\nwarning: problem.equation:{}: {}", remark.line, remark.text);
    return fmt::format(
        "solve: {} in {}; {} equation{} of order {} and {}, {} conditions; {} parameters{}, {} points, {} of "
        "each "
        "condition; {} steps{}",
        fmt::join(system.unknowns, ", "), fmt::join(system.axes, ", "), system.equations.size(),
        system.equations.size() == 1 ? "" : "s", system.order(),
        degree < 0 ? "no polynomial" : fmt::format("degree {:g}", degree), system.conditions.size(),
        solver.parameters().size(),
        problem.windows() > 1  ? fmt::format(" in each of {} windows", problem.windows())
        : problem.stages() > 1 ? fmt::format(" through {} stages", problem.stages())
                               : "",
        spec_.points.interior, spec_.points.condition, all_steps(spec_.solver), doubts);
  }

  void run(study::RunContext& context) override {
    const Problem problem(spec_);
    Solver solver(spec_, problem);
    if (context.store.is_done(task)) return;
    const study::TrainingLoop loop{context, task, all_steps(spec_.solver), spec_.solver.checkpoint_every,
                                   "a smaller train.adam_rate, or a domain where the equations are defined, "
                                   "may help"};
    const Position start = loop.begin([] { return Position{}; },
                                      [&](const std::filesystem::path& path) {
                                        solver.restore(base::read_file(path), path.string());
                                        return Position{solver.step_number()};
                                      });
    Pending pending;
    context.progress.begin("solve", loop.steps, start.step);
    while (goes_on(solver)) advance(loop, problem, solver, pending);
    context.progress.end();
    study::Store::Transaction transaction(context.store);
    record(context.store, problem, solver);
    context.store.mark_done(task);
    base::write_file_atomically(context.directory.path() / "model.safetensors",
                                encode_model(spec_, problem, solver.solution()));
    transaction.commit();  // last: a task that is done has its files
  }

 private:
  static std::vector<Remark> remarks(const Problem& problem) {
    return remarks_on(problem.system(), !problem.data().points.empty());
  }

  // Steps are left, and a further one would serve.
  bool goes_on(Solver& solver) const { return !solver.finished() && !meets_noise(solver); }

  static bool stopped(const Solver& solver) { return solver.held_out() && solver.held_out()->stopped; }

  // Beyond this a fit follows the noise.
  bool meets_noise(Solver& solver) const {
    return spec_.problem.noise > 0 && solver.step_number() > 0 && solver.fits_to(spec_.problem.noise);
  }

  void advance(const study::TrainingLoop& loop, const Problem& problem, Solver& solver,
               Pending& pending) const {
    loop.attempt([&] {
      solver.step();
      return 0;
    });
    const std::int64_t at = solver.step_number() - 1;
    const bool last = !goes_on(solver);
    if (at % std::max<std::int64_t>(1, loop.steps / 1000) == 0 || last) {
      pending.series["loss"].push_back({at, solver.loss()});
      if (solver.gradient_norm() > 0) pending.series["gradient_norm"].push_back({at, solver.gradient_norm()});
    }
    if (at % std::max<std::int64_t>(1, loop.steps / spec_.solver.measurements) == 0 || last) {
      for (const auto& [name, value] : solver.terms())
        pending.series["loss of " + name].push_back({at, value});
      if (const auto held_out = solver.held_out())
        pending.series["loss held out"].push_back({at, held_out->loss});
      if (problem.windows() > 1)
        pending.series["window"].push_back({at, static_cast<double>(solver.window() + 1)});
      if (problem.stages() > 1)
        pending.series["stage"].push_back({at, static_cast<double>(solver.stage() + 1)});
      for (const SolutionError& error : solution_errors(problem, solver.solution()))
        pending.series["relative_error " + error.quantity].push_back({at, error.relative});
      const std::vector<double> learned = learned_values(problem.system(), solver.parameters());
      for (std::size_t c = 0; c < learned.size(); ++c)
        pending.series["learned " + problem.system().learned[c].name].push_back({at, learned[c]});
    }
    loop.end_step(last ? loop.steps : solver.step_number(), solver.loss(), [&] {
      loop.attempt([&] {
        solver.check();
        return 0;
      });
      pending.flush(loop.context.store);
      base::write_file_atomically(loop.context.directory.checkpoint(), solver.checkpoint());
    });
  }

  void record(study::Store& store, const Problem& problem, Solver& solver) const {
    const auto metric = [&store](const std::string& name, double value, const std::string& note = "") {
      store.record(study::Metric{.task = task, .name = name, .value = value, .note = note});
    };
    metric("loss", solver.loss());
    for (const Remark& remark : remarks(problem))
      store.record(study::Warning{task, 0, fmt::format("problem.equation:{}: {}", remark.line, remark.text)});
    for (const SolutionError& error : solution_errors(problem, solver.solution())) {
      metric("relative_error " + error.quantity, error.relative, "|found - known|_2 / |known|_2");
      metric("largest_error " + error.quantity, error.largest);
      if (!(error.relative < 0.1))
        store.record(study::Warning{
            task, solver.step_number(),
            fmt::format("{} is not solved: its relative error is {:.3g}", error.quantity, error.relative)});
    }
    const math::MeanInterval size = residual_size(problem, solver.solution(), judged_points,
                                                  static_cast<std::uint64_t>(spec_.common.seed));
    const std::string refused = record_certificates(store, problem, solver.solution());
    store.record(study::Metric{.task = task,
                               .name = "residual",
                               .value = size.mean,
                               .lower = size.lower,
                               .upper = size.upper,
                               .note = "root mean square over points that the training did not see" +
                                       (refused.empty() ? "" : "; certifies no error: " + refused)});
    if (problem.windows() == 1)  // bounds are those of one network
      record_generalisation(store, "generalisation", problem, solver.parameters(), solver.interior(),
                            interior_points(problem.system(), judged_points,
                                            {static_cast<std::uint64_t>(spec_.common.seed), 0, "hold-out"}));
    record_learned(store, problem, solver);
    metric("steps", static_cast<double>(solver.step_number()),
           solver.rested_at()    ? "at rest: rounding allows no further step"
           : meets_noise(solver) ? "the measurements are met to their noise"
           : stopped(solver)     ? "the loss at points held out has stopped falling"
                                 : "");
    if (const auto quadrature = solver.quadrature()) {
      metric("quadrature error", quadrature->change,
             fmt::format("largest change of a variational residual with twice the Gauss points; their root "
                         "mean square is {:.3g}",
                         quadrature->size));
      if (quadrature->change > quadrature->size)
        store.record(study::Warning{
            task, solver.step_number(),
            fmt::format("the quadrature error {:.3g} is above the variational residuals, {:.3g}; more "
                        "points.quadrature or points.elements may help",
                        quadrature->change, quadrature->size)});
    }
    if (const auto held_out = solver.held_out())
      metric("loss held out", held_out->loss,
             fmt::format("least, at step {}, whose parameters are kept; a share of {:g} of all points{}",
                         held_out->step, spec_.solver.held_out,
                         problem.windows() > 1  ? ", in the last window"
                         : problem.stages() > 1 ? ", in the last stage"
                                                : ""));
    record_curves(store, problem, solver);
    record_solution_figures(store, problem, solver.solution(), solver.interior());
  }

  static void record_learned(study::Store& store, const Problem& problem, Solver& solver) {
    const std::vector<double> learned = learned_values(problem.system(), solver.parameters());
    const LearnedIntervals found = solver.learned_intervals();
    for (std::size_t c = 0; c < learned.size(); ++c) {
      study::Metric metric{
          .task = task, .name = "learned " + problem.system().learned[c].name, .value = learned[c]};
      if (c < found.coefficients.size()) {
        metric.lower = found.coefficients[c].lower;
        metric.upper = found.coefficients[c].upper;
        metric.note = "from the Gauss-Newton covariance";
      }
      store.record(metric);
    }
    if (const std::optional<double> misfit = solver.misfit()) {
      store.record(study::Metric{.task = task,
                                 .name = "misfit",
                                 .value = *misfit,
                                 .note = found.noise > 0
                                             ? fmt::format("root mean square; a noise of {:.3g}, {:.3g} "
                                                           "parameters determined",
                                                           found.noise, found.determined)
                                             : "root mean square, of the measurements"});
    }
  }

  // Bounds of the error where theory has one. Returns why it has none for any quantity, or nothing.
  static std::string record_certificates(study::Store& store, const Problem& problem,
                                         std::span<const double> parameters) {
    std::string refused;
    const std::vector<SolutionError> errors = solution_errors(problem, parameters);
    for (const Definition& quantity : problem.quantities()) {
      const Certificate bound = certify(problem.system(), quantity.node, problem.network(), parameters,
                                        {.windows = problem.windows()});
      if (!bound.refused.empty()) {
        if (refused.empty()) refused = bound.refused;
        continue;
      }
      const auto record = [&](const char* name, double value, const char* note) {
        store.record(study::Metric{.task = task, .name = name + quantity.name, .value = value, .note = note});
      };
      record("certified largest_error ", bound.supremum,
             "by the maximum principle, from residual and boundary");
      record("certified norm ", bound.norm,
             "of the error over the domain, at the last time where there is one");
      const auto error = std::ranges::find(errors, quantity.name, &SolutionError::quantity);
      if (error != errors.end())
        store.record(study::judge_limit(certificate_claim, error->largest / bound.supremum, 1));
      return "";
    }
    return refused;
  }

  static void record_curves(study::Store& store, const Problem& problem, Solver& solver) {
    const auto curves = [&store](const char* id, const char* title, const std::vector<std::string>& names,
                                 bool log_y) {
      nlohmann::json lines = nlohmann::json::array();
      for (const std::string& name : names)
        lines.push_back({{"task", task}, {"series", name}, {"label", name}});
      if (!names.empty())
        store.record(study::Figure{id, title, "", {{"kind", "curves"}, {"curves", lines}, {"log_y", log_y}}});
    };
    std::vector<std::string> losses{"loss"}, errors, learned;
    for (const auto& [name, value] : solver.terms()) losses.push_back("loss of " + name);
    if (solver.held_out()) losses.emplace_back("loss held out");
    for (const SolutionError& error : solution_errors(problem, solver.solution()))
      errors.push_back("relative_error " + error.quantity);
    for (const Learned& coefficient : problem.system().learned)
      learned.push_back("learned " + coefficient.name);
    curves("1-loss", "Loss and its terms", losses, true);
    curves("2-error", "Relative error against the reference", errors, true);
    curves("3-learned", "Learned coefficients", learned, false);
  }

  SolveSpec spec_;
};

}  // namespace

const study::System& system() {
  static const study::System instance{
      .name = "pinn",
      .summary = "networks that solve differential equations written as text",
      .jobs = {"solve", "bounds"},
      .make = [](const std::string& job) -> std::unique_ptr<study::Application> {
        if (job == "bounds") return make_bound_application();
        return std::make_unique<SolveApplication>();
      },
      .claims =
          [] {
            std::vector<study::Claim> claims = catalogue().claims();
            claims.insert(claims.begin(), certificate_claim);
            return claims;
          },
      .export_run = export_run,
      .predict = predict};
  return instance;
}

}  // namespace starling::pinn
