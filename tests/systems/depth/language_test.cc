#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/safetensors.h"
#include "starling/systems/depth/app.h"
#include "starling/systems/depth/language_run.h"
#include "study/job_test.h"

namespace starling::depth {
namespace {

class LanguageJob : public study::testing::JobTest {
 protected:
  LanguageJob() : JobTest(system()) {}

  std::string text_file(const std::string& text) const {
    base::write_file_atomically(folder_ / "text.txt", text);
    return folder_ / "text.txt";
  }
  static std::string rhyme() {
    std::string out;
    for (int i = 0; i < 60; ++i) out += "round and round the rugged rock\nthe ragged rascal ran\n";
    return out;
  }
  LanguageSpec small() const {
    LanguageSpec spec;
    spec.data.path = text_file(rhyme());
    spec.network = {.context = 16, .layers = 2, .heads = 2, .width = 16, .bias = true};
    spec.steps = 30;
    spec.batch = 4;
    spec.checkpoint_every = 7;
    return spec;
  }
};

TEST_F(LanguageJob, LearnsARhymeAndWritesIt) {
  LanguageSpec spec = small();
  spec.steps = 500;
  spec.network.width = 32;
  spec.schedule.rate = 1e-2;
  const auto directory = run(spec, "run");
  const study::Store store(directory.database());
  double loss = 10;
  for (const auto& metric : store.metrics()) {
    if (metric.name != "validation_loss") continue;
    loss = metric.value;
    EXPECT_TRUE(metric.lower && *metric.lower<loss&& * metric.upper> loss);
  }
  EXPECT_LT(loss, 0.4) << "of 2.9 without learning";
  study::SampleRequest request{.count = 40, .temperature = 0, .prompt = "round and r"};
  request.out = folder_ / "sample.txt";
  system().sample(directory, request);
  EXPECT_TRUE(base::read_file(request.out).starts_with("round and round the r"))
      << base::read_file(request.out);
  request.top_k = 1;  // only one is left, whatever the temperature
  request.temperature = 5;
  const std::string likeliest = base::read_file(request.out);
  system().sample(directory, request);
  EXPECT_EQ(base::read_file(request.out), likeliest);
}

TEST_F(LanguageJob, InterruptedAndResumedGivesTheSameBytes) {
  using optim::Rule;
  for (const Rule rule : {Rule::adamw, Rule::muon, Rule::lion}) {
    LanguageSpec spec = small();
    spec.trainer.rule = rule;
    const std::string tag = std::to_string(static_cast<int>(rule));
    const auto whole = run(spec, "whole" + tag);
    int steps = 0;
    EXPECT_THROW(run(spec, "cut" + tag, false, [&steps] { return ++steps == 12; }), base::Error);
    const auto cut = run(spec, "cut" + tag, true);
    EXPECT_TRUE(base::read_file(whole.path() / "model.safetensors") ==
                base::read_file(cut.path() / "model.safetensors"));
    const study::Store one(whole.database()), other(cut.database());
    for (const auto& name : one.series_names()) {
      const auto a = one.series(name.task, name.name), b = other.series(name.task, name.name);
      ASSERT_EQ(a.size(), b.size()) << name.name;
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].value, b[i].value) << name.name;
    }
  }
}

TEST_F(LanguageJob, ModelFileHoldsWhatPyTorchLoads) {
  const LanguageSpec spec = small();
  const auto directory = run(spec, "run");
  const auto path = directory.path() / "model.safetensors";
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), path.string());
  std::map<std::string, data::Tensor> tensors;
  for (const data::Tensor& tensor : file.tensors) tensors[tensor.name] = tensor;
  EXPECT_EQ(tensors.size(), 2 + 2 * 12 + 2 + 1U);
  EXPECT_EQ(tensors.at("transformer.h.1.mlp.c_fc.weight").shape, (std::vector<std::int64_t>{64, 16}));
  EXPECT_EQ(tensors.at("transformer.wpe.weight").shape, (std::vector<std::int64_t>{16, 16}));
  EXPECT_EQ(tensors.at("lm_head.weight").bytes, tensors.at("transformer.wte.weight").bytes);
  EXPECT_EQ(file.metadata.at("alphabet"), "\n acdeghklnorstu");
  // Back into a network: the loss that the run reports.
  const Corpus corpus = read_corpus(spec);
  LanguageModel model(spec, corpus.tokenizer.size());
  GptState state = model.start();
  for (const nets::Block& block : model.network().blocks()) {
    const std::vector<float> values = data::values<float>(tensors.at(block.name));
    std::copy(values.begin(), values.end(), state.parameters.begin() + block.offset);
  }
  const auto loss = mean_of_windows(model.losses(state.parameters, corpus.held_out), 16);
  for (const auto& metric : study::Store(directory.database()).metrics()) {
    if (metric.name == "validation_loss") {
      EXPECT_EQ(metric.value, loss.mean);
    }
  }
}

TEST_F(LanguageJob, LossesOfATextAreThoseOfItsWindows) {
  LanguageSpec spec = small();
  const Corpus corpus = read_corpus(spec);
  LanguageModel model(spec, corpus.tokenizer.size());
  const GptState state = model.start();
  const std::span<const std::int32_t> text = std::span(corpus.training).first(16 * 20 + 6);
  const auto losses = model.losses(state.parameters, text);
  ASSERT_EQ(losses.size(), 325U);
  for (const std::size_t at : {0U, 7U, 255U, 256U, 319U, 320U, 324U}) {
    const std::size_t begin = at / 16 * 16;
    const auto logits = model.next(state.parameters, text.subspan(begin, at - begin + 1));
    double sum = 0;
    for (const float z : logits) sum += std::exp(static_cast<double>(z));
    EXPECT_NEAR(losses[at],
                std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(text[at + 1])]), 1e-5);
  }
  const auto mean = mean_of_windows(losses, 16);
  EXPECT_NEAR(mean.mean, std::accumulate(losses.begin(), losses.end(), 0.0) / 325, 1e-12);
  EXPECT_LT(mean.lower, mean.mean);
  EXPECT_TRUE(std::isinf(mean_of_windows(std::span(losses).first(20), 16).upper));
}

TEST_F(LanguageJob, CachedLogitsAreThoseOfTheWholeText) {
  const LanguageSpec spec = small();
  const Corpus corpus = read_corpus(spec);
  LanguageModel model(spec, corpus.tokenizer.size()), cached(spec, corpus.tokenizer.size());
  const GptState state = model.start();
  for (std::size_t n = 1; n <= 16; ++n) {
    const auto whole = model.next(state.parameters, std::span(corpus.training).first(n));
    const auto step = cached.extend(state.parameters, corpus.training[n - 1]);
    for (std::size_t k = 0; k < whole.size(); ++k) EXPECT_NEAR(whole[k], step[k], 1e-5);
  }
  EXPECT_EQ(cached.remembered(), 16U);
}

TEST_F(LanguageJob, SampleBeyondTheContextIsWhatTheWholeWindowGives) {
  const LanguageSpec spec = small();
  const auto directory = run(spec, "run");
  study::SampleRequest request{.count = 40, .temperature = 0, .prompt = "round and"};
  request.out = folder_ / "sample.txt";
  system().sample(directory, request);
  const Corpus corpus = read_corpus(spec);
  LanguageModel model(spec, corpus.tokenizer.size());
  const GptState state = load_checkpoint(directory.checkpoint(), corpus.tokenizer, model);
  auto text = corpus.tokenizer.encode("round and", "");
  for (int i = 0; i < 40; ++i) {
    const auto logits = model.next(state.parameters, text);
    text.push_back(
        static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  EXPECT_EQ(base::read_file(request.out), corpus.tokenizer.decode(text));
}

TEST_F(LanguageJob, ReportHoldsTheAttentionOfEveryHead) {
  const auto directory = run(small(), "run");
  const study::Store store(directory.database());
  for (const study::Figure& figure : store.figures()) {
    if (figure.id != "3-attention") continue;
    ASSERT_EQ(figure.drawing.at("frames").size(), 4U);
    for (const auto& frame : figure.drawing.at("frames")) {
      ASSERT_EQ(frame.at("z").size(), 16U);
      for (std::size_t i = 0; i < 16; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < 16; ++j) sum += frame.at("z")[i][j].get<double>();
        EXPECT_NEAR(sum, 1, 0.01);
      }
    }
    return;
  }
  ADD_FAILURE() << "no figure of the attention";
}

TEST_F(LanguageJob, TiedBlocksStandForEveryLayerInTheModelFile) {
  LanguageSpec spec = small();
  spec.network.tied = true;
  const auto directory = run(spec, "run");
  const auto path = directory.path() / "model.safetensors";
  const data::TensorFile file = data::decode_safetensors(base::read_file(path), path.string());
  std::map<std::string, data::Tensor> tensors;
  for (const data::Tensor& tensor : file.tensors) tensors[tensor.name] = tensor;
  EXPECT_EQ(tensors.size(), 2 + 2 * 12 + 2 + 1U);
  EXPECT_EQ(tensors.at("transformer.h.1.mlp.c_fc.weight").bytes,
            tensors.at("transformer.h.0.mlp.c_fc.weight").bytes);
}

TEST_F(LanguageJob, RefusesTextsThatItCannotLearnFrom) {
  LanguageSpec spec = small();
  spec.data.path = text_file("");
  EXPECT_NE(error_of_run(spec, "a").find("text.txt: the text is empty"), std::string::npos);
  spec.data.path = text_file("too short a text");
  EXPECT_NE(error_of_run(spec, "b").find("14 tokens to learn from and 2 held out; expected at least 17"),
            std::string::npos)
      << error_of_run(spec, "c");
  spec.data.path = text_file(rhyme() + "\xff");
  EXPECT_NE(error_of_run(spec, "d").find("line 121, column 1: byte 0xFF is not UTF-8"), std::string::npos);
  spec.data.tokens = TokenKind::byte_pairs;
  EXPECT_NE(error_of_run(spec, "e").find("data.vocabulary"), std::string::npos);
  spec.data.path = "";
  EXPECT_NE(error_of_run(spec, "f").find("data.path"), std::string::npos);
  spec = small();
  spec.network.heads = 3;
  EXPECT_NE(error_of_run(spec, "g").find("heads = 3 do not divide width = 16"), std::string::npos);
}

TEST_F(LanguageJob, PredictNamesCharactersThatTheModelDoesNotKnow) {
  const auto directory = run(small(), "run");
  base::write_file_atomically(folder_ / "other.txt", "round\nand Round");
  try {
    system().predict(directory, {.input = folder_ / "other.txt"});
    ADD_FAILURE();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("other.txt: line 2, column 5: character 'R'"),
              std::string::npos);
  }
  base::write_file_atomically(folder_ / "other.txt", "round and round");
  system().predict(directory, {.input = folder_ / "other.txt", .out = folder_ / "out.csv"});
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out.csv"));
}

TEST_F(LanguageJob, NamesStepAndTensorOfAGradientThatIsNotFinite) {
  const LanguageSpec spec = small();
  const Corpus corpus = read_corpus(spec);
  LanguageModel model(spec, corpus.tokenizer.size());
  GptState state = model.start();
  state.step = 3;
  const auto before = state.parameters;
  for (const nets::Block& block : model.network().blocks()) {
    if (block.name == "transformer.h.1.mlp.c_proj.weight")
      state.parameters[static_cast<std::size_t>(block.offset)] = std::numeric_limits<float>::quiet_NaN();
  }
  const auto poisoned = state.parameters;
  try {
    model.step(state, corpus.training);
    ADD_FAILURE();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::numerical);
    EXPECT_EQ(std::string(error.what()).find("step 3: the gradient of transformer."), 0U) << error.what();
  }
  EXPECT_EQ(state.step, 3);
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!std::isnan(poisoned[i])) {
      ASSERT_EQ(state.parameters[i], before[i]);
    }
  }
}

TEST_F(LanguageJob, RefusesACheckpointOfAnotherShapeOrText) {
  LanguageSpec spec = small();
  const auto directory = run(spec, "run");
  const Corpus corpus = read_corpus(spec);
  spec.network.width = 32;
  const LanguageModel wider(spec, corpus.tokenizer.size());
  try {
    load_checkpoint(directory.checkpoint(), corpus.tokenizer, wider);
    ADD_FAILURE();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("state.parameters"), std::string::npos) << error.what();
  }
  const data::Tokenizer other = data::Tokenizer::characters("xyz", "");
  EXPECT_THROW(load_checkpoint(directory.checkpoint(), other, wider), base::Error);
}

TEST_F(LanguageJob, WeightDecayTakesMatricesAlone) {
  LanguageSpec spec = small();
  spec.trainer.adam.decay = 0.5;
  const Corpus corpus = read_corpus(spec);
  LanguageModel model(spec, corpus.tokenizer.size());
  GptState with = model.start();
  model.step(with, corpus.training);
  spec.trainer.adam.decay = 0;
  LanguageModel plain(spec, corpus.tokenizer.size());
  GptState without = plain.start();
  const auto start = without.parameters;
  const double rate = plain.step(without, corpus.training).rate;
  const auto matrices = static_cast<std::size_t>(model.network().matrix_count());
  for (std::size_t i = 0; i < start.size(); ++i) {
    const double decayed = static_cast<double>(without.parameters[i] - with.parameters[i]);
    EXPECT_NEAR(decayed, i < matrices ? rate * 0.5 * static_cast<double>(start[i]) : 0, 2e-8);
  }
}

}  // namespace
}  // namespace starling::depth
