#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/atomic_file.h"
#include "starling/data/npy.h"
#include "starling/metrics/distances.h"
#include "starling/study/engine.h"
#include "starling/systems/drift/app.h"
#include "starling/systems/drift/particle_flow.h"
#include "starling/systems/drift/particle_monitors.h"
#include "starling/systems/drift/particle_run.h"
#include "study/scratch.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using study::testing::error_of;

const std::string head = "system = \"drift\"\njob = \"particles\"\n";
const std::string small_spec = head + R"(
data.source = "moons"
target.points = 80
cloud.count = 60
field.temperatures = [0.3]
motion.steps = 40
motion.eta = 0.03
motion.checkpoint_every = 10
watch.records = 8
watch.evaluation = 100
)";

class Particles : public study::testing::Scratch {
 protected:
  study::RunDirectory run(const std::string& name, study::RunOptions options,
                          const std::string& text = small_spec) {
    options.out = folder_ / name;
    return study::run_spec({&system()}, text, "spec.toml", options);
  }
  static std::string plan(const std::vector<std::string>& overrides) {
    return error_of([&] { study::load({&system()}, small_spec, "spec.toml", overrides)->plan(); });
  }
  Points<double> particles(const std::string& name) const {
    const data::Array array =
        data::parse_npy(base::read_file(folder_ / name / "particles.npy"), "particles.npy");
    return Eigen::Map<const Points<double>>(array.values.data(), array.shape[0], array.shape[1]);
  }
  study::Store store(const std::string& name) const { return study::Store(folder_ / name / "run.db"); }

  // All that a run says, to the last bit.
  std::string content(const std::string& name) const {
    const study::Store all(folder_ / name / "run.db");
    std::string out = base::read_file(folder_ / name / "particles.npy");
    const auto add = [&](double value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
    for (const auto& m : all.metrics()) {
      out += m.name;
      add(m.value);
      add(m.floor.value_or(-1));
    }
    for (const auto& s : all.series_names()) {
      out += s.task + s.name;
      for (const auto& p : all.series(s.task, s.name)) {
        out += std::to_string(p.step);
        add(p.value);
      }
    }
    for (const auto& f : all.figures()) out += f.id + f.drawing.dump();
    for (const auto& w : all.warnings()) out += std::to_string(w.step) + w.text;
    return out;
  }
};

TEST_F(Particles, LeaveSeriesFiguresAndTheCloudBehind) {
  run("run", {});
  const study::Store all(folder_ / "run" / "run.db");
  for (const char* name :
       {"time", "energy_distance", "sliced_wasserstein", "centre_velocity", "mean_inverse_occupancy",
        "self_term", "smoothed_fisher", "smoothed_kl", "seen_data", "turning"}) {
    EXPECT_EQ(all.series("particles", name).size(), 9) << name;
  }
  EXPECT_EQ(all.series("particles", "time").back().value, 40 * 0.03);
  std::vector<std::string> figures;
  for (const auto& figure : all.figures()) figures.push_back(figure.id);
  EXPECT_EQ(figures,
            (std::vector<std::string>{"1-distances", "2-flow", "3-kernel", "4-animation", "5-particles"}));
  EXPECT_EQ(all.figures()[3].drawing.at("frames").size(), 9);
  EXPECT_EQ(particles("run").rows(), 60);
  // The conservative flow lowers the entropy of the smoothed laws, and the cloud gets near the data's own
  // floor.
  EXPECT_LT(all.series("particles", "smoothed_kl").back().value,
            0.05 * all.series("particles", "smoothed_kl")[0].value);
  EXPECT_LT(all.series("particles", "energy_distance").back().value, 2 * *all.metrics()[2].floor);
}

TEST_F(Particles, TakeTheStepsOfTheEquation) {
  run("run", {.overrides = {"motion.steps=3"}});
  ParticlesSpec spec;
  study::Description description;
  describe(description, spec);
  study::read_spec(description, small_spec, "spec.toml");
  const ParticleMethod method(spec);
  Points<double> x = method.start();
  for (int step = 0; step < 3; ++step) {
    const FieldSpec field{Field::conservative, Kernel::gaussian, .3, true};
    x += .03 * velocity<double>(field, x, method.data());
  }
  EXPECT_LT((particles("run") - x).norm(), 1e-14);
}

TEST_F(Particles, SolvedToToleranceAreTheLimitOfShortSteps) {
  run("solved",
      {.overrides = {"motion.integrator=adaptive", "motion.times=[0.3, 1.2]", "motion.rtol=1e-10"}});
  const auto error = [&](const std::string& steps, const std::string& eta) {
    run("steps" + steps, {.overrides = {"motion.steps=" + steps, "motion.eta=" + eta}});
    return (particles("steps" + steps) - particles("solved")).norm();
  };
  const double coarse = error("400", "0.003"), fine = error("800", "0.0015");
  EXPECT_NEAR(coarse / fine, 2, 0.1);  // Euler is of first order
  const auto times = store("solved").series("particles", "time");
  EXPECT_EQ(times.size(), 3);
  EXPECT_EQ(times[2].value, 1.2);
}

TEST_F(Particles, FlowToANormalAsItsExactScoreSays) {
  const std::vector<std::string> normal = {
      "target.law=normal",  "target.dimension=1",    "target.variance=1",          "cloud.count=400",
      "cloud.start_mean=1", "cloud.start_scale=0.5", "motion.integrator=adaptive", "motion.times=[0.5]"};
  run("run", {.overrides = normal});
  const double mean_end = particles("run").mean();
  ParticlesSpec spec;
  spec.target = {TargetLaw::normal, 1, 1, 80};
  spec.cloud = {400, 1, .5};
  const ParticleMethod method(spec);
  const double times[] = {.5};
  const auto exact = conservative_flow(method.start(), Target::normal(1, .3), times, {});
  EXPECT_LT((particles("run") - exact[0]).cwiseAbs().maxCoeff(), 1e-5);
  // The mean of the law decays as exp(-t / (1 + h²)); 400 draws of spread 1/2 know theirs to 0.1 with 4
  // sigma.
  EXPECT_NEAR(mean_end, std::exp(-.5 / 1.09), 0.1);
}

TEST_F(Particles, GiveTheSameBytesForAnyNumberOfThreads) {
  for (const std::string kind : {"conservative", "paper", "mmd", "svgd", "sliced", "kl"}) {
    for (const int threads : {1, 2, 5}) {
      run(kind + std::to_string(threads),
          {.overrides = {"field.kind=" + kind, "motion.steps=10", "watch.records=2"}, .threads = threads});
    }
    EXPECT_TRUE(content(kind + "1") == content(kind + "2")) << kind;
    EXPECT_TRUE(content(kind + "1") == content(kind + "5")) << kind;
  }
}

TEST_F(Particles, GiveTheSameBytesAfterAnyInterruption) {
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{},
        {"field.kind=mmd", "field.noise=0.2", "motion.eta=0.3"},
        {"motion.integrator=adaptive", "motion.outputs=6", "motion.horizon=1"}}) {
    std::filesystem::remove_all(folder_);
    run("whole", {.overrides = overrides});
    bool done = false;
    for (int attempt = 0; attempt < 50 && !done; ++attempt) {
      int moves = 0;  // stops after the fourth of this attempt
      done =
          error_of([&] {
            run("parts",
                {.overrides = overrides, .resume = attempt > 0, .interrupted = [&] { return ++moves == 4; }});
          }).empty();
    }
    ASSERT_TRUE(done);
    EXPECT_TRUE(content("whole") == content("parts"));
  }
}

TEST_F(Particles, ResumedWhenDoneStayAsTheyAre) {
  run("run", {});
  const std::string before = content("run");
  run("run", {.resume = true});
  EXPECT_TRUE(content("run") == before);
}

TEST_F(Particles, ThatStepTooFarStopWithTheLastGoodCheckpoint) {
  const std::string error = error_of([&] {
    run("far", {.overrides = {"motion.eta=0.5", "motion.steps=400", "motion.checkpoint_every=1"}});
  });
  EXPECT_EQ(error.substr(0, 3), "4: ");
  EXPECT_NE(error.find("a smaller motion.eta"), std::string::npos) << error;
  EXPECT_NE(error.find("last good checkpoint: "), std::string::npos) << error;
  const ParticleState state = load_particles(folder_ / "far" / "checkpoint.safetensors", 60, 2);
  EXPECT_TRUE(state.x.allFinite());
}

TEST_F(Particles, ThatJumpToAndFroAreToldSo) {
  const std::string error = error_of([&] {
    run("sliced", {.overrides = {"field.kind=sliced", "motion.eta=4", "motion.steps=400"}});
  });
  EXPECT_NE(error.find("4: after 5"), std::string::npos) << error;
  EXPECT_NE(
      error.find("the particles jump to and fro (mean cosine of successive moves -1.00): motion.eta = 4"),
      std::string::npos)
      << error;
}

TEST_F(Particles, WithoutTheirSelfPairExplodeAndAreToldSo) {
  const std::string error = error_of([&] {
    run("alone", {.overrides = {"field.self_interaction=false", "motion.integrator=adaptive",
                                "field.temperatures=[0.1]", "cloud.count=2"}});
  });
  EXPECT_NE(error.find("the flow explodes"), std::string::npos) << error;
}

TEST_F(Particles, WarnOfAKernelThatIsFlatOrStarved) {
  const auto warning = [&](const std::string& name, const std::string& scale) {
    run(name, {.overrides = {"field.temperatures=[" + scale + "]", "motion.steps=2", "motion.eta=1e-5",
                             "watch.fisher=false"}});
    return store(name).warnings().at(0).text;
  };
  EXPECT_EQ(warning("flat", "30").substr(0, 38), "at the start: the kernel is flat: even");
  EXPECT_EQ(warning("starved", "0.01").substr(0, 38), "at the start: the kernel is starved: a");
}

TEST_F(Particles, WarnOfParticlesThatCoincide) {
  ParticlesSpec spec;
  spec.cloud.count = 20;
  const ParticleMethod method(spec);
  const ParticleJudge judge(spec, method);
  Points<double> x = method.start();
  const Measures apart = judge.measure(x, x, 0);
  EXPECT_EQ(apart.at("coincident"), 0);
  x.row(3) = x.row(7);
  const Measures together = judge.measure(x, x, 0);
  EXPECT_EQ(together.at("coincident"), 2);
  EXPECT_EQ(judge.warnings(together, false).at(0).substr(0, 35), "2 particles coincide with another: ");
}

TEST_F(Particles, OfACloudLargerThanTheSampleAreJudgedByItsFirst) {
  ParticlesSpec spec;
  spec.cloud.count = 300;
  spec.watch.sample = 100;
  const ParticleMethod method(spec);
  const ParticleJudge judge(spec, method);
  const Points<double> x = method.start();
  Measures found = judge.measure(x, x, 0);
  EXPECT_EQ(found.at("energy_distance"), metrics::energy_distance(x.topRows(100), method.held_out(), false));
  EXPECT_FALSE(found.contains("coincident"));
  EXPECT_FALSE(found.contains("least_occupancy"));
  EXPECT_TRUE(found.contains("seen_data"));
  EXPECT_TRUE(judge.warnings(found, false).empty());
  // The floor is that of as many draws.
  ParticlesSpec fewer = spec;
  fewer.cloud.count = 100;
  const ParticleMethod of_fewer(fewer);
  const Measures floors = ParticleJudge(fewer, of_fewer).floors();
  EXPECT_NEAR(judge.floors().at("energy_distance"), floors.at("energy_distance"),
              0.5 * floors.at("energy_distance"));
}

TEST_F(Particles, ShowHowMuchOfTheLaplaceDisplacementIsNoGradient) {
  run("run", {.overrides = {"field.kind=displacement", "field.kernel=laplace", "motion.eta=0.5"}});
  const auto share = store("run").series("particles", "mismatch_share");
  EXPECT_EQ(share.size(), 9);
  for (const auto& point : share) EXPECT_GT(point.value, 0);
  EXPECT_TRUE(store("run").series("particles", "self_term").empty());
}

TEST_F(Particles, MoveTowardsAFileInItsOwnUnits) {
  std::string csv;
  base::Stream stream(5, 0, "particles file");
  for (int i = 0; i < 200; ++i) {
    for (int k = 0; k < 3; ++k) csv += std::to_string(1000 + 50 * stream.normal()) + (k < 2 ? "," : "\n");
  }
  base::write_file_atomically(folder_ / "points.csv", csv);
  const std::string path = "data.path=" + (folder_ / "points.csv").string();
  run("run", {.overrides = {"data.source=file", path, "data.rescale=unit", "field.rule=median",
                            "field.temperatures=[0.5]", "motion.eta=0.01", "motion.steps=100"}});
  const Points<double> x = particles("run");
  ASSERT_EQ(x.cols(), 3);
  EXPECT_NEAR(x.mean(), 1000, 10);
  const auto energy = store("run").series("particles", "energy_distance");
  EXPECT_LT(energy.back().value, 0.2 * energy[0].value);
  EXPECT_TRUE(store("run").series("particles", "smoothed_fisher").empty());  // more than two dimensions
  EXPECT_EQ(store("run").figures().size(), 4);                               // no animation
}

TEST_F(Particles, HoldNoModelToSampleFrom) {
  const study::RunDirectory directory = run("run", {.overrides = {"motion.steps=1"}});
  EXPECT_EQ(error_of([&] { system().sample(directory, {.out = folder_ / "s.npy"}); }),
            "2: " + directory.path().string() + ": moved particles and holds no model; they are in " +
                directory.path().string() + "/particles.npy");
}

TEST_F(Particles, TakeTheirScaleFromARule) {
  const auto application =
      study::load({&system()}, small_spec, "spec.toml", {"field.rule=rate", "field.temperatures=[2]"});
  // 2 * 60^(-1/6)
  EXPECT_NE(application->plan().find("moved by conservative at scale 1.011 towards 80 points"),
            std::string::npos)
      << application->plan();
}

TEST_F(Particles, RefuseKeysThatDoNotGoTogether) {
  EXPECT_EQ(plan({"field.kind=svgd", "field.temperatures=[1, 2]"}),
            "2: field.temperatures: 2 scales with field.kind = \"svgd\"; expected one");
  EXPECT_EQ(plan({"field.noise=0.1"}),
            "2: field.noise: 0.1 with field.kind = \"conservative\"; only mmd injects noise");
  EXPECT_EQ(plan({"motion.integrator=adaptive", "motion.times=[1, 0.5]"}),
            "2: motion.times: 0.5 after 1; expected ascending times");
  EXPECT_EQ(plan({"motion.integrator=adaptive", "field.anneal_from=1"}),
            "2: field.anneal_from: 1 with motion.integrator = \"adaptive\"; scales are annealed over steps");
  EXPECT_EQ(plan({"motion.integrator=adaptive", "field.kind=release"}).substr(0, 62),
            "2: motion.integrator: adaptive with field.kind = \"release\"; it");
  EXPECT_EQ(plan({"field.rule=median", "field.kind=release"}).substr(0, 24), "2: field.rule: release m");
  EXPECT_EQ(plan({"target.law=normal", "field.self_interaction=false"}).substr(0, 32),
            "2: field.self_interaction: false");
  EXPECT_EQ(plan({"field.temperatures=[]"}), "2: field.temperatures: empty; expected at least one scale");
  EXPECT_EQ(plan({"data.source=file"}),
            "2: data.path is empty; expected a file, because data.source is \"file\"");
}

// The rules are the train job's too: a length of 1/2 and twice the temperature are the fixed scale.
TEST_F(Particles, ShareTheirRulesWithTheTrainJob) {
  const std::string train = R"(
system = "drift"
data.source = "moons"
generator.width = 8
train.steps = 3
train.batch = 64
train.data_batch = 64
train.evaluation = 64
train.repeats = 2
)";
  run("rule", {.overrides = {"field.rule=rate", "field.temperatures=[0.6]"}}, train);  // 64^(-1/6) = 1/2
  run("fixed", {.overrides = {"field.temperatures=[0.3]"}}, train);
  run("other", {.overrides = {"field.temperatures=[0.6]"}}, train);
  const auto loss = [&](const std::string& name) { return store(name).series("train", "loss").back().value; };
  EXPECT_NEAR(loss("rule"), loss("fixed"), 1e-6);
  EXPECT_GT(std::abs(loss("other") - loss("fixed")), 1e-4);
}

TEST_F(Particles, RefuseASlipInTheSpecWithItsPlace) {
  EXPECT_EQ(error_of([&] { run("a", {}, head + "[field]\nkind = \"sgvd\"\n"); }),
            "2: spec.toml:4:8: 'field.kind' is 'sgvd'; did you mean 'svgd'?");
  EXPECT_EQ(error_of([&] { run("a", {}, head + "[motion]\neta = 0\n"); }).substr(0, 17), "2: spec.toml:4:7:");
}

}  // namespace
}  // namespace starling::drift
