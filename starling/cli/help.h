#pragma once
#include <string>
#include <vector>

namespace starling::cli {

/// What the command line declares of itself, as data: the manual and the completions are written from it.
struct OptionHelp {
  std::vector<std::string> names;  ///< "--out"; of a word that has a place instead, its name without dashes
  std::string value;               ///< what stands behind it, "TEXT" say; empty for a flag
  std::string initial;             ///< the default, where the help names one
  std::string text;
  bool positional = false, required = false;
};
struct VerbHelp {
  std::string name, text, footer;
  std::vector<OptionHelp> options;  ///< without --help, which every verb has
};
struct ProgramHelp {
  std::string name, text, footer;
  std::vector<VerbHelp> verbs;
};

}  // namespace starling::cli
