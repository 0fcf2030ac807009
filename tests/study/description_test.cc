#include "starling/study/description.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "study/fake_system.h"

namespace starling::study {
namespace {

using testing::Spec;

TEST(Template, ParsesToTheDefaults) {
  Spec written, read;
  Description from, to;
  testing::describe(from, written);
  testing::describe(to, read);
  read.temperature = 9;
  read.steps = 9;
  read.exact = true;
  read.path = "";
  read.scales = {};
  read.sizes = {};
  read.kernel = testing::Kernel::gaussian;
  read.common.seed = 9;
  read_spec(to, template_text(from), "template.toml");
  EXPECT_EQ(to_json(to), to_json(from));
  EXPECT_EQ(read.path, written.path);
  EXPECT_EQ(read.scales, written.scales);
}

TEST(Template, ShowsEachSectionWithItsDocumentationAndRanges) {
  Spec spec;
  Description description;
  testing::describe(description, spec);
  const std::string text = template_text(description);
  EXPECT_EQ(text.find("system = \"toy\""), 0U);
  EXPECT_NE(text.find("\n# The field.\n[field]\ntemperature = 0.05  # a length (> 0)\n"), std::string::npos);
  EXPECT_NE(text.find("kernel = \"laplace\"  # which kernel (laplace, gaussian)\n"), std::string::npos);
  EXPECT_NE(text.find("steps = 3  # how many (1 to 1000)\n"), std::string::npos);
}

TEST(Template, WritesNumbersAndTextThatTomlReadsBack) {
  for (const double value : {1e22, 1e-9, -0.0, 123456789.0, 0.1}) {
    double number = value;
    std::string text = "line\nbreak\x7f \x01 \"";
    const std::string before = text;
    Description description;
    description.real("number", number, {}, "");
    description.text("text", text, "");
    const std::string written = template_text(description);
    number = 5;
    text = "";
    read_spec(description, written, "numbers.toml");
    EXPECT_EQ(number, value);
    EXPECT_EQ(text, before);
  }
}

TEST(Template, StatesBoundsThatNoIntegerHolds) {
  double number = 1;
  Description description;
  description.real("number", number, {.minimum = -1e300, .maximum = 1e300}, "large");
  EXPECT_NE(template_text(description).find("(-1e+300 to 1e+300)"), std::string::npos);
}

TEST(Reference, ListsEveryKeyWithDefaultAndMeaning) {
  Spec spec;
  Description description;
  testing::describe(description, spec);
  const std::string text = reference_markdown(description);
  EXPECT_NE(text.find("| `field.temperature` | `0.05` | a length (> 0) |"), std::string::npos);
  EXPECT_NE(text.find("| `seed` | `1` |"), std::string::npos);
}

TEST(Json, HoldsTheValuesBySection) {
  Spec spec;
  Description description;
  testing::describe(description, spec);
  const nlohmann::json json = to_json(description);
  EXPECT_EQ(json.at("seed"), 1);
  EXPECT_EQ(json.at("field").at("kernel"), "laplace");
  EXPECT_EQ(json.at("train").at("sizes"), (std::vector<int>{16, 32}));
}

}  // namespace
}  // namespace starling::study
