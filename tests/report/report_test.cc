#include "starling/report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "report/run_with_all_kinds.h"
#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/report/assets.h"
#include "starling/report/drawing.h"

namespace starling::report {
namespace {

using nlohmann::json;

// The page without the drawing library, so that what is found in it is ours.
std::string without_plotly(std::string page) {
  const std::size_t at = page.find(plotly());
  return at == std::string::npos ? page : page.erase(at, plotly().size());
}

class Report : public ::testing::Test {
 protected:
  Report()
      : folder_(::testing::UnitTest::GetInstance()->current_test_info()->name()),
        store_(folder_.path() / "run.db") {}
  std::string page() const { return without_plotly(render_report(store_, example_manifest())); }
  Folder folder_;
  study::Store store_;
};

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(Report, ShowsHostileTextAndLetsNoneOfItStandAsMarkup) {
  record_all_kinds(store_);
  const std::string text = page();
  EXPECT_EQ(text.find("<script>throw"), std::string::npos);
  EXPECT_EQ(text.find("<img src=x"), std::string::npos);
  EXPECT_EQ(text.find("<b>bold"), std::string::npos);
  EXPECT_NE(text.find("&lt;/script&gt;&lt;script&gt;throw 1"), std::string::npos);
  EXPECT_EQ(occurrences(text, "<script"), occurrences(text, "</script>"));
}

TEST_F(Report, LoadsNothingFromOutside) {
  record_all_kinds(store_);
  const std::string text = page();
  EXPECT_FALSE(std::regex_search(text, std::regex("(src|href)\\s*=\\s*[\"']?\\s*(https?:|//)")));
  EXPECT_EQ(text.find("url("), std::string::npos);
  EXPECT_EQ(text.find("@import"), std::string::npos);
  EXPECT_EQ(occurrences(text, "<link"), 0U);
  EXPECT_NE(text.find("default-src 'none'"), std::string::npos);
}

TEST_F(Report, EmbedsADrawingLibraryThatCannotCloseItsScript) {
  record_all_kinds(store_);
  EXPECT_NE(plotly().find("plotly.js v"), std::string_view::npos);
  EXPECT_EQ(plotly().find("</script"), std::string_view::npos);
  EXPECT_EQ(page_script().find("</script"), std::string_view::npos);
  EXPECT_NE(render_report(store_, example_manifest()).find(plotly()), std::string::npos);
}

TEST_F(Report, IsTheSameForTheSameRun) {
  record_all_kinds(store_);
  EXPECT_EQ(page(), page());
}

TEST_F(Report, ShowsMetricsWithIntervalsAndFloorsAndEachVerdict) {
  record_all_kinds(store_);
  const std::string text = page();
  EXPECT_NE(text.find("[0.0018, 0.0025]"), std::string::npos);
  EXPECT_NE(text.find("<td class=\"n\">1.312</td>"), std::string::npos) << "value / floor = 0.0021 / 0.0016";
  for (const char* verdict : {"holds", "fails", "inconclusive"}) {
    EXPECT_NE(text.find(std::string("<span class=\"badge ") + verdict), std::string::npos);
  }
  EXPECT_NE(text.find("effective sample size fell to 3.1"), std::string::npos);
  EXPECT_NE(text.find("<dt>temperatures</dt><dd>[0.02,0.05,0.2]</dd>"), std::string::npos);
}

TEST_F(Report, OfAnEmptyRunNeedsNoDrawingLibrary) {
  const std::string text = render_report(store_, json::object());
  EXPECT_LT(text.size(), 50'000U);
  EXPECT_EQ(text.find("id=\"claims\""), std::string::npos);
}

TEST_F(Report, IsWrittenIntoItsRunDirectory) {
  const auto run = study::RunDirectory::open(folder_.path() / "run", false);
  run.write_manifest(example_manifest());
  study::Store store(run.database());
  record_all_kinds(store);
  write_report(run);
  EXPECT_EQ(base::read_file(run.report()), render_report(store, example_manifest()));
}

TEST_F(Report, RefusesARunWhoseManifestIsDamaged) {
  const auto run = study::RunDirectory::open(folder_.path() / "run", false);
  base::write_file_atomically(run.manifest(), "{");
  EXPECT_THROW(write_report(run), base::Error);
}

TEST_F(Report, SaysWhatAFigureLacks) {
  record_all_kinds(store_);
  const std::string text = page();
  EXPECT_NE(text.find("Not recorded by this run: series absent of train."), std::string::npos);
  EXPECT_NE(text.find("The run recorded no image"), std::string::npos);
}

TEST_F(Report, ExplainsDrawingsThatItCannotDraw) {
  const auto kind = [&](const json& drawing) {
    return resolve(store_, drawing).at("kind").get<std::string>();
  };
  EXPECT_EQ(kind({{"kind", "hologram"}}), "none");
  EXPECT_EQ(kind(json::array()), "none");
  EXPECT_EQ(kind({{"kind", "curves"}}), "none");
  EXPECT_EQ(kind({{"kind", "curves"}, {"curves", {{{"task", "a"}, {"series", "b"}}}}}), "none");
  EXPECT_EQ(kind({{"kind", "floors"}, {"metrics", {"energy_distance"}}}), "none");
  EXPECT_EQ(kind({{"kind", "animation"}, {"frames", json::array()}}), "none");
  EXPECT_EQ(kind({{"kind", "heatmap"}, {"frames", json::array()}}), "none");
  EXPECT_EQ(kind({{"kind", "heatmap"}, {"frames", {{{"label", "a"}, {"z", {{1, 2}}}}}}}), "heatmap");
  EXPECT_EQ(kind({{"kind", "xy"}, {"groups", json::array()}}), "none");
}

TEST_F(Report, DividesMetricsAndIntervalsByTheirFloors) {
  record_all_kinds(store_);
  const json drawing = resolve(store_, {{"kind", "floors"}, {"metrics", {"sliced_wasserstein"}}});
  ASSERT_EQ(drawing.at("groups").size(), 2U);
  const json& group = drawing.at("groups").at(0);
  EXPECT_NEAR(group.at("y").at(0).get<double>(), 0.31 / 0.25, 1e-12);
  EXPECT_NEAR(group.at("error").at(0).get<double>(), 0.05 / 0.25, 1e-12);
  EXPECT_NEAR(group.at("error_below").at(0).get<double>(), 0.04 / 0.25, 1e-12);
}

TEST_F(Report, ThinsLongSeriesAndKeepsTheirSpikes) {
  std::vector<study::SeriesPoint> points;
  for (int step = 0; step < 50'000; ++step)
    points.push_back({step, step == 31'415 ? 9.0 : step == 27'182 ? -9.0 : 0.0});
  study::Store::Transaction transaction(store_);
  store_.record("t", "s", "", points);
  transaction.commit();
  const json drawing = resolve(store_, {{"kind", "curves"}, {"curves", {{{"task", "t"}, {"series", "s"}}}}});
  const auto x = drawing.at("groups").at(0).at("x").get<std::vector<int>>();
  const auto y = drawing.at("groups").at(0).at("y").get<std::vector<double>>();
  EXPECT_LE(x.size(), 4000U);
  EXPECT_TRUE(std::is_sorted(x.begin(), x.end()));
  EXPECT_EQ(x.front(), 0);
  EXPECT_EQ(x.back(), 49'999);
  EXPECT_EQ(*std::max_element(y.begin(), y.end()), 9);
  EXPECT_EQ(*std::min_element(y.begin(), y.end()), -9);
}

}  // namespace
}  // namespace starling::report
