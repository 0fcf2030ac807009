#include "starling/report/html.h"

#include <gtest/gtest.h>

#include <limits>

namespace starling::report {
namespace {

using nlohmann::json;

TEST(Html, EscapesEveryLetterThatHtmlReads) {
  EXPECT_EQ(escape("<a href=\"x\" id='y'>&"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
}

TEST(Html, ReplacesBytesThatAreNotUtf8AndKeepsTheRest) {
  EXPECT_EQ(escape("h\xc3\xa9\xff!"), "hé\xef\xbf\xbd!");
}

TEST(Html, ScriptJsonHoldsNoOpeningBracketAndReadsBackTheSame) {
  const json value = {{"</script>", {"<!--", "é", 1.5, nullptr}}};
  const std::string text = script_json(value);
  EXPECT_EQ(text.find('<'), std::string::npos);
  EXPECT_EQ(json::parse(text), value);
}

TEST(Html, Base64MatchesRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe"), "//4=");
}

TEST(Html, NumbersHaveFourDigitsAndPowersOnlyWhereNeeded) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(4000), "4000");
  EXPECT_EQ(number(-0.0123456), "−0.01235");
  EXPECT_EQ(number(9999.7), "10000");
  EXPECT_EQ(number(123456.7), "123457");
  EXPECT_EQ(number(3.2e-9), "3.200×10<sup>−9</sup>");
  EXPECT_EQ(number(-1.5e12), "−1.500×10<sup>12</sup>");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "not a number");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "−∞");
  EXPECT_EQ(interval(-1.0, 0.5), "[−1, 0.5]");
  EXPECT_EQ(interval(std::nullopt, 0.5), "–");
}

}  // namespace
}  // namespace starling::report
