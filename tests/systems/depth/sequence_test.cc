#include <gtest/gtest.h>

#include <map>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/table_file.h"
#include "starling/systems/depth/app.h"
#include "starling/systems/depth/sequence_task.h"
#include "study/job_test.h"

namespace starling::depth {
namespace {

class SequenceRuns : public study::testing::JobTest {
 protected:
  SequenceRuns() : JobTest(system()) {}

  std::string file(const std::string& name, const std::string& text) const {
    base::write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  // Sequences of tokens 0 to 4 whose label is their first token, of 2 to 6 places with -1 after the end.
  static std::string first_tokens(int rows, std::uint64_t seed, bool labels) {
    base::Stream stream(seed, 0, "rows");
    std::string out = labels ? "a,b,c,d,e,f,label\n" : "a,b,c,d,e,f\n";
    for (int i = 0; i < rows; ++i) {
      const auto length = 2 + stream.below(5);
      const auto first = stream.below(5);
      out += std::to_string(first);
      for (std::uint64_t k = 1; k < 6; ++k)
        out += "," + (k < length ? std::to_string(stream.below(5)) : std::string("-1"));
      out += labels ? "," + std::to_string(first) + "\n" : "\n";
    }
    return out;
  }
  SequenceSpec of_tokens() const {
    SequenceSpec spec;
    spec.data.file.path = file("tokens.csv", first_tokens(400, 1, true));
    spec.data.file.label_column = "label";
    spec.data.kind = SequenceKind::tokens;
    spec.network = {.context = 1, .layers = 1, .heads = 2, .width = 16, .bias = true};
    spec.steps = 200;
    spec.batch = 32;
    spec.schedule.rate = 1e-2;
    spec.checkpoint_every = 50;
    return spec;
  }
  SequenceSpec of_prompts() const {
    SequenceSpec spec;
    spec.task = SequenceTaskKind::in_context;
    spec.prompts = {.width = 2, .examples = 5, .noise = 0.1, .test = 200};
    spec.network = {.context = 1, .layers = 2, .heads = 2, .width = 16, .bias = true, .tied = true};
    spec.steps = 60;
    spec.batch = 16;
    spec.checkpoint_every = 25;
    return spec;
  }
  static std::map<std::string, study::Metric> metrics(const study::RunDirectory& directory) {
    std::map<std::string, study::Metric> out;
    for (const auto& metric : study::Store(directory.database()).metrics()) out[metric.name] = metric;
    return out;
  }
};

TEST_F(SequenceRuns, ClassifiesShortSequencesOfTokensByWhatCameFirst) {
  const auto directory = run(of_tokens(), "run");
  const auto all = metrics(directory);
  const study::Metric& accuracy = all.at("validation_accuracy");
  EXPECT_GT(accuracy.value, 0.95);
  EXPECT_TRUE(accuracy.lower && accuracy.upper && *accuracy.lower <= accuracy.value);
  EXPECT_LT(all.at("validation_loss").value, 0.3);
  // The run predicts without the data that it learned from.
  std::filesystem::remove(folder_ / "tokens.csv");
  system().predict(directory,
                   {.input = file("new.csv", "3,1,-1,-1,-1,-1\n0,4,4,4,4,4\n"), .out = folder_ / "out.npy"});
  const base::Points<double> shares = data::read_table(folder_ / "out.npy");
  ASSERT_EQ(shares.rows(), 2);
  ASSERT_EQ(shares.cols(), 5);
  EXPECT_GT(shares(0, 3), 0.8);
  EXPECT_GT(shares(1, 0), 0.8);
  EXPECT_NEAR(shares.row(0).sum(), 1, 1e-5);
}

TEST_F(SequenceRuns, WhatFollowsTheEndOfASequenceDoesNotCount) {
  SequenceSpec spec = of_tokens();
  spec.steps = 5;
  const auto directory = run(spec, "run");
  const auto shares = [&](const std::string& rows) {
    system().predict(directory, {.input = file("new.csv", rows), .out = folder_ / "out.npy"});
    return data::read_table(folder_ / "out.npy");
  };
  const auto padded = shares("3,1,2,-1,-1,-1\n3,1,2,-1,-1,-1\n"),
             other = shares("3,1,2,-1,-1,-1\n0,0,0,0,0,4\n");
  for (int k = 0; k < 5; ++k) {  // up to the rounding of where a product's rows lie
    EXPECT_NEAR(padded(0, k), padded(1, k), 1e-6);
    EXPECT_NEAR(padded(0, k), other(0, k), 1e-6);
  }
}

TEST_F(SequenceRuns, InterruptedAndResumedGivesTheSameBytes) {
  SequenceSpec classes = of_tokens();
  classes.steps = 60;
  for (const SequenceSpec& spec : {classes, of_prompts()}) {
    const std::string tag = std::to_string(static_cast<int>(spec.task));
    const auto whole = run(spec, "whole" + tag);
    int steps = 0;
    EXPECT_THROW(run(spec, "cut" + tag, false, [&steps] { return ++steps == 32; }), base::Error);
    const auto cut = run(spec, "cut" + tag, true);
    EXPECT_TRUE(base::read_file(whole.path() / "model.safetensors") ==
                base::read_file(cut.path() / "model.safetensors"));
    const auto a = metrics(whole), b = metrics(cut);
    for (const auto& [name, metric] : a) EXPECT_EQ(metric.value, b.at(name).value) << name;
  }
}

TEST_F(SequenceRuns, LeastSquaresIsExactOnceItHasSeenAsManyExamplesAsNumbers) {
  SequenceSpec spec = of_prompts();
  spec.prompts.noise = 0;
  spec.steps = 2;
  const auto directory = run(spec, "run");
  const auto errors = study::Store(directory.database()).series("by examples", "least_squares_error");
  ASSERT_EQ(errors.size(), 5U);
  // Of the share of w that n of two directions leave open: (d - n) / d.
  EXPECT_NEAR(errors[0].value, 1, 0.45);  // 200 products of normals: deviation .14, three of them
  EXPECT_NEAR(errors[1].value, 0.5, 0.3);
  for (std::size_t n = 2; n < 5; ++n) EXPECT_LT(errors[n].value, 1e-15);
}

TEST_F(SequenceRuns, PosteriorMeanIsBelowLeastSquaresUnderNoise) {
  const auto all = metrics(run(of_prompts(), "run"));
  EXPECT_LT(all.at("posterior_mean_error").value, all.at("least_squares_error").value);
  EXPECT_NEAR(all.at("excess_over_least_squares").value,
              all.at("squared_error").value - all.at("least_squares_error").value, 1e-12);
  EXPECT_TRUE(all.at("squared_error").lower.has_value());
}

TEST_F(SequenceRuns, PredictionsOfPromptsDoNotSeeTheirOwnValue) {
  const auto directory = run(of_prompts(), "run");
  const auto at = [&](const char* last) {
    const std::string row = std::string("1,0,0.5,0,1,-0.5,1,1,0,2,1,0.5,1,-1,") + last + "\n";
    system().predict(directory, {.input = file("new.csv", row), .out = folder_ / "out.npy"});
    return data::read_table(folder_ / "out.npy");
  };
  const auto one = at("1"), other = at("-7");
  ASSERT_EQ(one.cols(), 5);
  EXPECT_EQ(one, other);
}

TEST_F(SequenceRuns, RefusesWhatIsNoSequence) {
  SequenceSpec spec = of_tokens();
  spec.data.file.path = "";
  EXPECT_NE(error_of_run(spec, "a").find("data.path is empty"), std::string::npos);
  spec.data.file.path = file("bad.csv", "a,b,label\n0,1,0\n1.5,0,1\n0,0,0\n1,1,1\n");
  EXPECT_NE(error_of_run(spec, "b").find("row 2, place 1: 1.5 is no token"), std::string::npos)
      << error_of_run(spec, "c");
  spec.data.file.path = file("bad.csv", "a,b,label\n0,1,0\n-1,0,1\n0,0,0\n1,1,1\n");
  EXPECT_NE(error_of_run(spec, "d").find("row 2, place 2: a token after the end"), std::string::npos);
  spec.data.file.path = file("bad.csv", "a,b,label\n0,1,0\n-1,-1,1\n0,0,0\n1,1,1\n");
  EXPECT_NE(error_of_run(spec, "e").find("row 2, place 1: the sequence is empty"), std::string::npos);
  spec.data.kind = SequenceKind::numbers;
  spec.data.channels = 3;
  EXPECT_NE(error_of_run(spec, "f").find("data.channels = 3 does not divide"), std::string::npos);
  spec = of_tokens();
  spec.data.file.label_column = "";
  EXPECT_NE(error_of_run(spec, "g").find("no labels"), std::string::npos);
}

TEST_F(SequenceRuns, PredictNamesTokensThatTheModelDoesNotKnow) {
  SequenceSpec spec = of_tokens();
  spec.steps = 2;
  const auto directory = run(spec, "run");
  const auto error = [&](const std::string& rows) {
    try {
      system().predict(directory, {.input = file("new.csv", rows), .out = folder_ / "out.npy"});
    } catch (const base::Error& refused) {
      return std::string(refused.what());
    }
    return std::string();
  };
  EXPECT_NE(error("9,0,0,0,0,0\n").find("token 9 is outside the vocabulary of 5"), std::string::npos);
  EXPECT_NE(error("1,0,0\n").find("3 columns; the run was trained on 6"), std::string::npos);
}

}  // namespace
}  // namespace starling::depth
