#include <algorithm>
#include <cctype>
#include <map>

#include "cli/tiny_run.h"
#include "starling/study/spec_file.h"

namespace starling::cli {
namespace {

const std::filesystem::path root = STARLING_SOURCE_DIR;

std::vector<std::string> specs() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "examples")) {
    if (entry.path().extension() == ".toml")
      names.push_back(entry.path().lexically_relative(root / "examples").replace_extension());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What makes a run of this system's job short; one that is not here runs as its spec says.
std::vector<std::string> shortened(const study::Common& common) {
  const std::map<std::string, std::vector<std::string>> overrides = {
      {"depth/limit",
       {"study.layers=[4, 8, 16]", "study.heads=[1, 2]", "study.steps=[0, 2]", "study.replicas=8",
        "study.transfer_layers=[2, 4]", "study.transfer_replicas=2", "study.token_counts=[4, 8]",
        "study.widths=[8, 12]"}},
      {"depth/train", {"train.steps=20", "train.measurements=2"}},
      {"depth/sequence", {"train.steps=20", "train.measurements=2", "prompts.test=50"}},
      {"drift/train", {"train.steps=3", "train.evaluation=100", "train.repeats=2"}},
      {"drift/study", {"study.particles=[8, 12, 16]", "study.replicates=3", "study.horizon=0.1"}},
      {"students/train", {"teacher.steps=50", "search.steps=5", "search.starts=2", "rivals.steps=20"}},
      {"pinn/bounds",
       {"study.replicates=50", "study.classes=4", "class.members=16", "train.points=[8, 24, 64]",
        "train.runs=3", "train.steps=100"}},
      {"pinn/solve", {"train.steps=20"}},
      {"muon/flow",
       {"flow.horizon=1", "claims.chaos_particles=[4, 8, 16]", "claims.chaos_replicates=4",
        "claims.chaos_reference=200", "claims.replicates=3"}}};
  const auto found = overrides.find(common.system + "/" + common.job);
  return found == overrides.end() ? std::vector<std::string>() : found->second;
}

// The parameter is the name of a spec in examples/.
class Example : public ::testing::TestWithParam<std::string> {
 protected:
  testing_program::Folder folder_{"example-" + std::filesystem::path(GetParam()).filename().string()};
};

TEST_P(Example, RunsAndLeavesAReport) {
  std::filesystem::current_path(root);  // specs name their data from there
  const std::string path = "examples/" + GetParam() + ".toml", out = folder_.path / "run";
  const study::Common common = study::peek(base::read_file(path), path);
  std::vector<std::string> args = {"run", path, "--out", out, "--quiet"};
  for (const std::string& assignment : shortened(common)) args.insert(args.end(), {"--set", assignment});
  const auto result = testing_program::run(folder_.path, args);
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.errors, "");
  EXPECT_TRUE(std::filesystem::exists(out + "/report.html"));
}

std::string name_of(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Specs, Example, ::testing::ValuesIn(specs()), name_of);

}  // namespace
}  // namespace starling::cli
