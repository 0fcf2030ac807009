#include "starling/systems/drift/particles_app.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/npy.h"
#include "starling/study/run_config.h"
#include "starling/study/training_loop.h"
#include "starling/systems/drift/animation.h"
#include "starling/systems/drift/particle_monitors.h"
#include "starling/systems/drift/particle_run.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;

constexpr const char* particles_task = "particles";

class ParticlesApplication : public study::Application {
 public:
  void describe(study::Description& description) override { drift::describe(description, spec_); }

  std::string plan() override {
    const ParticleMethod method(spec_);
    const MotionSpec& m = spec_.motion;
    std::string scales;
    for (std::size_t i = 0; has_kernel(spec_.method.kind) && i < spec_.method.drift.temperatures.size(); ++i)
      scales += fmt::format("{}{:.4g}", i == 0 ? " at scale " : ", ", method.scale(i, move_count(m)));
    return fmt::format(
        "particles: {} particles in {} dimensions, moved by {}{} towards {} points, judged by {} held-out "
        "ones; {}",
        spec_.cloud.count, method.dimension(), name_of(spec_.method.kind), scales, method.data().rows(),
        method.held_out().rows(),
        m.integrator == Integrator::steps
            ? fmt::format("{} steps of {}", m.steps, m.eta)
            : fmt::format("{} outputs until time {}", move_count(m), time_after(m, move_count(m))));
  }

  void run(study::RunContext& context) override {
    if (context.store.is_done(particles_task)) return;
    const ParticleMethod method(spec_);
    const ParticleJudge judge(spec_, method);
    ParticleState state = begin(context, method);
    const std::int64_t moves = move_count(spec_.motion);
    context.progress.begin(particles_task, moves, state.moves);
    while (true) {
      if (is_recorded(state.moves)) record(context, method, judge, state);
      if (state.moves == moves) break;
      move(context, method, state);
    }
    context.progress.end();
    // The file first: a run that is marked as done has it.
    base::write_file_atomically(context.directory.path() / "particles.npy",
                                data::encode_npy(method.restore(state.x)));
    study::Store::Transaction transaction(context.store);
    record_particle_report(spec_, method, judge, state.x, particles_task, context.store);
    context.store.mark_done(particles_task);
    transaction.commit();
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::mirror; }

 private:
  ParticleState begin(study::RunContext& context, const ParticleMethod& method) {
    if (!context.resume || !std::filesystem::exists(context.directory.checkpoint())) {
      context.store.remove_after(particles_task, -1);
      return start_particles(method);
    }
    ParticleState state =
        load_particles(context.directory.checkpoint(), spec_.cloud.count, method.dimension());
    study::require_possible_step(context.directory.checkpoint(), state.moves, move_count(spec_.motion));
    context.store.remove_after(particles_task, state.moves - 1);
    context.progress.message(fmt::format("resumed after {} moves", state.moves));
    return state;
  }

  bool is_recorded(std::int64_t moves) const {
    const std::int64_t last = move_count(spec_.motion);
    if (spec_.motion.integrator == Integrator::adaptive) return true;
    return moves % std::max<std::int64_t>(1, last / spec_.watch.records) == 0 || moves == last;
  }

  void record(study::RunContext& context, const ParticleMethod& method, const ParticleJudge& judge,
              const ParticleState& state) const {
    const bool first = state.moves == 0, last = state.moves == move_count(spec_.motion);
    Measures measures = judge.measure(state.x, method.velocity(state.x, state.moves), state.moves);
    if (spec_.motion.integrator == Integrator::steps) measures["turning"] = state.turning;
    const auto point = [&](double value) { return std::vector<study::SeriesPoint>{{state.moves, value}}; };
    study::Store::Transaction transaction(context.store);
    context.store.record(particles_task, "time", "", point(time_after(spec_.motion, state.moves)));
    for (const auto& [name, value] : measures) context.store.record(particles_task, name, "", point(value));
    if (first || last) warn(context, judge.warnings(measures, last), state);
    if (last && overshoots(method, state)) {
      warn(context,
           {fmt::format("steps overshoot (mean cosine of successive ones {:.2f}); lower motion.eta",
                        state.turning)},
           state);
    }
    transaction.commit();
    if (method.dimension() == 2) record_frame(context.store, state.moves, method.restore(state.x));
    context.progress.update(state.moves, {{"energy distance", measures.at("energy_distance")}});
  }

  static void warn(study::RunContext& context, const std::vector<std::string>& texts,
                   const ParticleState& state) {
    for (const std::string& text : texts) {
      context.store.record(
          study::Warning{particles_task, state.moves,
                         fmt::format("at the {}: {}", state.moves == 0 ? "start" : "end", text)});
    }
  }

  void move(study::RunContext& context, const ParticleMethod& method, ParticleState& state) {
    try {
      advance(spec_, method, state);
    } catch (const Error& error) {
      const bool saved = std::filesystem::exists(context.directory.checkpoint());
      throw Error(ErrorKind::numerical,
                  fmt::format("{}; {}; a smaller motion.eta or a larger scale may help", error.what(),
                              saved ? "last good checkpoint: " + context.directory.checkpoint().string()
                                    : std::string("no checkpoint had been written yet")));
    }
    const std::int64_t every =
        spec_.motion.integrator == Integrator::steps ? spec_.motion.checkpoint_every : std::int64_t{1};
    const bool stop = context.interrupted();
    if (state.moves % every == 0 || state.moves == move_count(spec_.motion) || stop)
      save_particles(context.directory.checkpoint(), state, study::config_of(spec_));
    if (!stop) return;
    throw Error(ErrorKind::interrupted,
                fmt::format("interrupted after {} moves; continue with --resume", state.moves));
  }

  ParticlesSpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_particles_application() {
  return std::make_unique<ParticlesApplication>();
}

}  // namespace starling::drift
