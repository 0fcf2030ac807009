// The page in a real browser, without a network.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "report/run_with_all_kinds.h"
#include "starling/base/atomic_file.h"
#include "starling/report/report.h"

namespace starling::report {
namespace {

std::string rendered(const std::filesystem::path& folder, const std::string& page) {
  base::write_file_atomically(folder / "report.html", page);
  const std::string command =
      std::string(STARLING_CHROMIUM) +
      " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=" +
      (folder / "profile").string() + " --virtual-time-budget=20000 --dump-dom file://" +
      (folder / "report.html").string() + " > " + (folder / "dom.html").string() + " 2> " +
      (folder / "log").string();
  EXPECT_EQ(std::system(command.c_str()), 0) << base::read_file(folder / "log");
  return base::read_file(folder / "dom.html");
}

std::string attribute(const std::string& dom, const std::string& pattern) {
  std::smatch found;
  return std::regex_search(dom.begin(), dom.begin() + std::min<std::ptrdiff_t>(std::ssize(dom), 200'000),
                           found, std::regex(pattern))
             ? found[1].str()
             : "absent";
}

TEST(Browser, DrawsEveryFigureOfEveryKindWithoutAnError) {
  const Folder folder("browser");
  study::Store store(folder.path() / "run.db");
  const int figures = record_all_kinds(store);
  const std::string dom = rendered(folder.path(), render_report(store, example_manifest()));
  EXPECT_EQ(attribute(dom, "<html[^>]* data-errors=\"([0-9]+)\""), "0");
  EXPECT_EQ(attribute(dom, "<body[^>]* data-ready=\"([0-9]+)\""), std::to_string(figures));
  EXPECT_NE(dom.find("class=\"main-svg\""), std::string::npos);
  EXPECT_NE(dom.find("type=\"range\""), std::string::npos) << "the animation has its slider";
}

TEST(Browser, CountsTheErrorsOfAPageThatFails) {
  const Folder folder("browser-errors");
  study::Store store(folder.path() / "run.db");
  store.record(
      study::Figure{"a", "A", "", {{"kind", "animation"}, {"frames", {{{"label", "no coordinates"}}}}}});
  const std::string dom = rendered(folder.path(), render_report(store, example_manifest()));
  EXPECT_EQ(attribute(dom, "<html[^>]* data-errors=\"([0-9]+)\""), "1");
  EXPECT_EQ(attribute(dom, "<body[^>]* data-ready=\"([0-9]+)\""), "0");
}

}  // namespace
}  // namespace starling::report
