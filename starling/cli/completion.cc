#include <fmt/format.h>

#include <algorithm>

#include "starling/cli/verbs.h"

namespace starling::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// The words that may stand in a place, or none where it takes a file.
std::vector<std::string> words_of(const OptionHelp& place, const Toolbox& toolbox) {
  if (place.names.front() == "shell") return {"bash", "zsh"};
  std::vector<std::string> words;
  for (const study::System* system : toolbox.systems) {
    if (place.names.front() == "system" || place.names.front() == "page") words.push_back(system->name);
    if (place.names.front() != "job") continue;
    for (const std::string& job : system->jobs) {
      if (std::find(words.begin(), words.end(), job) == words.end()) words.push_back(job);
    }
  }
  return words;
}

std::vector<const OptionHelp*> places(const VerbHelp& verb) {
  std::vector<const OptionHelp*> found;
  for (const OptionHelp& option : verb.options) {
    if (option.positional) found.push_back(&option);
  }
  return found;
}

std::string bash_case(const VerbHelp& verb, const Toolbox& toolbox) {
  std::vector<std::string> options;
  for (const OptionHelp& option : verb.options) {
    for (const std::string& name : option.names) {
      if (name.starts_with('-')) options.push_back(name);
    }
  }
  options.emplace_back("--help");
  std::string text = fmt::format("    {}) options=\"{}\"", verb.name, joined(options));
  int position = 2;
  for (const OptionHelp* place : places(verb)) {
    const std::vector<std::string> words = words_of(*place, toolbox);
    if (!words.empty())
      text += fmt::format("; [ \"$COMP_CWORD\" -eq {} ] && words=\"{}\"", position, joined(words));
    ++position;
  }
  return text + " ;;\n";
}

void print_bash(const Toolbox& toolbox, const ProgramHelp& help) {
  std::string verbs, cases;
  for (const VerbHelp& verb : help.verbs) {
    verbs += verb.name + " ";
    cases += bash_case(verb, toolbox);
  }
  fmt::print(R"(_starling() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" options="--help --version" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{}--help --version" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$word")); else COMPREPLY=($(compgen -f -- "$word")); fi ;;
  esac
}}
complete -o filenames -F _starling starling
)",
             verbs, cases);
}

/// `text` in the single quotes of zsh, without what its completion functions read as signs.
std::string zsh_quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == ':' || c == '[' || c == ']' || c == '\\') {
      out += std::string("\\") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string zsh_arguments(const VerbHelp& verb, const Toolbox& toolbox) {
  std::string text = "_arguments '--help[show what it takes]'";
  for (const OptionHelp& option : verb.options) {
    for (const std::string& name : option.names) {
      if (!name.starts_with('-')) continue;
      text += fmt::format(" '*{}[{}]{}'", name, zsh_quoted(option.text),
                          option.value.empty() ? "" : ":" + zsh_quoted(option.value) + ":_files");
    }
    if (!option.positional) continue;
    const std::vector<std::string> words = words_of(option, toolbox);
    text += fmt::format(" '{}{}:{}'", option.required ? ":" : "::", zsh_quoted(option.names.front()),
                        words.empty() ? "_files" : "(" + joined(words) + ")");
  }
  return text;
}

void print_zsh(const Toolbox& toolbox, const ProgramHelp& help) {
  std::string verbs, cases;
  for (const VerbHelp& verb : help.verbs) {
    verbs += fmt::format("    '{}:{}'\n", verb.name, zsh_quoted(verb.text));
    cases += fmt::format("    {}) {} ;;\n", verb.name, zsh_arguments(verb, toolbox));
  }
  // In a folder of functions the file is the body of _starling; sourced, it defines and registers it.
  fmt::print(R"(#compdef starling
_starling() {{
  local -a verbs=(
{}  )
  if ((CURRENT == 2)); then
    _describe command verbs
    return
  fi
  local verb="$words[2]"
  shift words
  ((CURRENT--))
  case "$verb" in
{}  esac
}}
if [ "$funcstack[1]" = "_starling" ]; then
  _starling "$@"
else
  (( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
  compdef _starling starling
fi
)",
             verbs, cases);
}

}  // namespace

void print_completion(const Toolbox& toolbox, const ProgramHelp& help, const std::string& shell) {
  if (shell == "zsh") {
    print_zsh(toolbox, help);
  } else {
    print_bash(toolbox, help);
  }
}

}  // namespace starling::cli
