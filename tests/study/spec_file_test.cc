#include "starling/study/spec_file.h"

#include <gtest/gtest.h>

#include "study/fake_system.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

using testing::error_of;
using testing::Spec;

std::string error_reading(const std::string& text) {
  return error_of([&] {
    Spec spec;
    Description description;
    testing::describe(description, spec);
    read_spec(description, text, "toy.toml");
  });
}

std::string error_setting(const std::string& assignment) {
  return error_of([&] {
    Spec spec;
    Description description;
    testing::describe(description, spec);
    apply_override(description, assignment);
  });
}

Spec after(const std::string& assignment) {
  Spec spec;
  Description description;
  testing::describe(description, spec);
  apply_override(description, assignment);
  return spec;
}

TEST(SpecError, PointsAtAnUnknownKeyAndSuggestsTheNearest) {
  EXPECT_EQ(error_reading("system = \"toy\"\n[field]\n  temprature = 1\n"),
            "2: toy.toml:3:3: unknown key 'temprature' in [field]; did you mean 'temperature'?");
  EXPECT_EQ(error_reading("[feild]\n"), "2: toy.toml:1:2: unknown key 'feild'; did you mean 'field'?");
}

TEST(SpecError, PointsAtAValueOutOfRangeAndSaysTheRange) {
  EXPECT_EQ(error_reading("[field]\ntemperature = 0\n"),
            "2: toy.toml:2:15: 'field.temperature' is 0; expected a value > 0");
  EXPECT_EQ(error_reading("[train]\nsteps = 1001\n"),
            "2: toy.toml:2:9: 'train.steps' is 1001; expected a value 1 to 1000");
  EXPECT_EQ(error_reading("[field]\ntemperature = nan\n"),
            "2: toy.toml:2:15: 'field.temperature' is nan; expected a value > 0");
  EXPECT_EQ(error_reading("[field]\nscales = [0.1, -2.0]\n"),
            "2: toy.toml:2:16: 'field.scales' is -2; expected a value > 0");
}

TEST(SpecError, PointsAtAValueOfTheWrongType) {
  EXPECT_EQ(error_reading("[train]\nsteps = 1.5\n"), "2: toy.toml:2:9: 'train.steps' must be an integer");
  EXPECT_EQ(error_reading("[train]\nexact = 1\n"), "2: toy.toml:2:9: 'train.exact' must be true or false");
  EXPECT_EQ(error_reading("[train]\npath = 3\n"), "2: toy.toml:2:8: 'train.path' must be text in quotes");
  EXPECT_EQ(error_reading("[field]\ntemperature = true\n"),
            "2: toy.toml:2:15: 'field.temperature' must be a number");
  EXPECT_EQ(error_reading("[field]\nscales = 3\n"),
            "2: toy.toml:2:10: 'field.scales' must be a list of numbers");
  EXPECT_EQ(error_reading("field = 3\n").substr(0, 16), "2: toy.toml:1:9:");
}

TEST(SpecError, PointsAtAnUnknownNameAndSuggestsTheNearest) {
  EXPECT_EQ(error_reading("[field]\nkernel = \"gausian\"\n"),
            "2: toy.toml:2:10: 'field.kernel' is 'gausian'; did you mean 'gaussian'?");
}

TEST(SpecError, PointsAtMalformedTomlAndAtADoubledKey) {
  EXPECT_EQ(error_reading("[field\n").substr(0, 14), "2: toy.toml:1:");
  EXPECT_EQ(error_reading("seed = 1\nseed = 2\n").substr(0, 14), "2: toy.toml:2:");
}

TEST(SpecError, SeesAnIntegerTooLargeForADouble) {
  EXPECT_EQ(error_reading("seed = 9007199254740993\n"),
            "2: toy.toml:1:8: 'seed' is 9007199254740993; expected a value 0 to 9007199254740992");
}

TEST(SpecError, RefusesHostileNestingWithoutACrash) {
  constexpr int deep = 200000;
  std::string dots = "a";
  for (int i = 0; i < deep; ++i) dots += ".a";
  std::string tables;
  for (int i = 0; i < deep / 2; ++i) tables += "{a=";
  EXPECT_NE(error_reading("a = " + std::string(deep, '[')).find("nested deeper"), std::string::npos);
  EXPECT_NE(error_reading(dots + " = 1").find("nested deeper"), std::string::npos);
  EXPECT_NE(error_reading("[" + dots + "]").find("nested deeper"), std::string::npos);
  EXPECT_NE(error_reading("a = " + tables).find("nested deeper"), std::string::npos);
  EXPECT_NE(error_reading("# \"\"\"\na = " + std::string(deep, '[')).find("nested deeper"),
            std::string::npos);
  EXPECT_NE(error_reading("b = \"\\\"\"\na = " + std::string(deep, '[')).find("nested deeper"),
            std::string::npos);
  EXPECT_NE(error_reading(std::string(2U << 20U, '#')).find("1 MiB"), std::string::npos);
}

TEST(SpecFile, CountsNoBracketsInCommentsAndTextAsNesting) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "# in [0, 1)\n";
  text += "[train]\npath = '" + std::string(100, '[') + "'\n";
  EXPECT_EQ(error_reading(text), "");
}

TEST(SpecFile, ReadsALongListOfNumbersOnOneLine) {
  std::string text = "[field]\nscales = [";
  for (int i = 0; i < 5000; ++i) text += "0.5, ";
  EXPECT_EQ(error_reading(text + "]\n"), "");
}

TEST(SpecFile, KeepsTheDefaultsOfWhatItDoesNotName) {
  Spec spec;
  Description description;
  testing::describe(description, spec);
  read_spec(description, "[train]\nsteps = 7\n", "toy.toml");
  EXPECT_EQ(spec.steps, 7);
  EXPECT_EQ(spec.temperature, Spec{}.temperature);
}

TEST(Override, TakesEveryKindOfValue) {
  EXPECT_EQ(after("field.temperature=2").temperature, 2.0);
  EXPECT_EQ(after("train.steps=12").steps, 12);
  EXPECT_EQ(after("train.exact=true").exact, true);
  EXPECT_EQ(after("train.path=data/a=b.npy").path, "data/a=b.npy");
  EXPECT_EQ(after("train.path=").path, "");
  EXPECT_EQ(after("train.path=\"quoted\"").path, "quoted");
  EXPECT_EQ(after("field.kernel=gaussian").kernel, testing::Kernel::gaussian);
  EXPECT_EQ(after("field.scales=[0.5, 1]").scales, (std::vector<double>{0.5, 1}));
  EXPECT_EQ(after("seed=5").common.seed, 5);
}

TEST(Override, SaysWhatIsWrongWithTheAssignmentItself) {
  EXPECT_EQ(error_setting("field.temprature=1"),
            "2: --set field.temprature=1: unknown key 'field.temprature'; did you mean 'field.temperature'?");
  EXPECT_EQ(error_setting("steps"), "2: --set steps: expected key=value, such as train.steps=100");
  EXPECT_EQ(error_setting("train.steps=0"),
            "2: --set train.steps=0: 'train.steps' is 0; expected a value 1 to 1000");
  EXPECT_EQ(error_setting("field.scales=[1, -1]"),
            "2: --set field.scales=[1, -1]: 'field.scales' is -1; expected a value > 0");
  EXPECT_EQ(error_setting("field.kernel=laplac"),
            "2: --set field.kernel=laplac: 'field.kernel' is 'laplac'; did you mean 'laplace'?");
  EXPECT_EQ(error_setting("train.steps=").substr(0, 20), "2: --set train.steps");
  EXPECT_EQ(error_setting("train.steps=1\nseed=2").substr(0, 20), "2: --set train.steps");
  EXPECT_EQ(error_setting("train.path=\xff"), "2: text that is not UTF-8; expected UTF-8");
}

TEST(Peek, FindsSystemAndJobBeforeTheDescriptionIsKnown) {
  const Common common = peek("system = \"toy\"\njob = \"study\"\n[anything]\nx = 1\n", "toy.toml");
  EXPECT_EQ(common.system, "toy");
  EXPECT_EQ(common.job, "study");
}

TEST(Peek, PointsAtAMissingOrMistypedSystem) {
  EXPECT_EQ(error_of([] { (void)peek("seed = 1\n", "toy.toml"); }),
            "2: toy.toml: no top-level key 'system'; expected for example system = \"drift\"");
  EXPECT_EQ(error_of([] { (void)peek("system = 3\n", "toy.toml"); }),
            "2: toy.toml:1:10: 'system' must be text in quotes");
}

}  // namespace
}  // namespace starling::study
