#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "starling/base/version.h"
#include "starling/cli/verbs.h"

namespace starling::cli {
namespace {

struct Block {
  enum class Kind { heading, subheading, paragraph, term, code } kind;
  std::string text, meaning = {};  ///< the meaning of a term
};

/// A page of the manual, before it is written for `man` or for a site.
struct Page {
  std::string name, summary;
  int section;
  std::vector<Block> blocks = {};

  void heading(std::string text) { blocks.push_back({Block::Kind::heading, std::move(text)}); }
  void subheading(std::string text) { blocks.push_back({Block::Kind::subheading, std::move(text)}); }
  void paragraph(std::string text) { blocks.push_back({Block::Kind::paragraph, std::move(text)}); }
  void term(std::string text, std::string meaning) {
    blocks.push_back({Block::Kind::term, std::move(text), std::move(meaning)});
  }
  void code(std::string text) { blocks.push_back({Block::Kind::code, std::move(text)}); }
};

// groff(7): a line must not begin with a point or a quote, and a hyphen that is typed is \-.
std::string roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

void print_roff(const Page& page) {
  fmt::print(".TH \"{}\" {} \"\" \"starling {}\" \"Starling\"\n.SH NAME\n{} \\- {}\n", upper(page.name),
             page.section, base::version(), roff(page.name), roff(page.summary));
  for (const Block& block : page.blocks) {
    switch (block.kind) {
      case Block::Kind::heading:
        fmt::print(".SH \"{}\"\n", roff(upper(block.text)));
        break;
      case Block::Kind::subheading:
        fmt::print(".SS \"{}\"\n", roff(block.text));
        break;
      case Block::Kind::paragraph:
        fmt::print(".PP\n{}\n", roff(block.text));
        break;
      case Block::Kind::term:
        fmt::print(".TP\n\\fB{}\\fR\n{}\n", roff(block.text), roff(block.meaning));
        break;
      case Block::Kind::code:
        fmt::print(".PP\n.nf\n.RS 4\n{}\n.RE\n.fi\n", roff(block.text));
        break;
    }
  }
}

std::string markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>#|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

void print_markdown(const Page& page) {
  fmt::print("# {}\n\n{}\n", markdown(page.name), markdown(page.summary));
  for (const Block& block : page.blocks) {
    switch (block.kind) {
      case Block::Kind::heading:
        fmt::print("\n## {}\n", markdown(block.text));
        break;
      case Block::Kind::subheading:
        fmt::print("\n### {}\n", markdown(block.text));
        break;
      case Block::Kind::paragraph:
        fmt::print("\n{}\n", markdown(block.text));
        break;
      case Block::Kind::term:
        fmt::print("\n`{}`\n:   {}\n", block.text, markdown(block.meaning));
        break;
      case Block::Kind::code:
        fmt::print("\n```\n{}\n```\n", block.text);
        break;
    }
  }
}

std::string synopsis(const std::string& program, const VerbHelp& verb) {
  std::string text = program + " " + verb.name;
  for (const OptionHelp& option : verb.options) {
    if (!option.positional) continue;
    const std::string word = upper(option.names.front());
    text += option.required ? " " + word : " [" + word + "]";
  }
  const bool options = std::ranges::any_of(verb.options, [](const OptionHelp& o) { return !o.positional; });
  return options ? text + " [OPTIONS]" : text;
}

void describe(Page& page, const std::string& program, const VerbHelp& verb) {
  page.subheading(synopsis(program, verb));
  page.paragraph(verb.text);
  for (const OptionHelp& option : verb.options) {
    const std::string value = option.value.empty() || option.positional ? "" : " " + option.value;
    const std::string initial = option.initial.empty() ? "" : fmt::format(" [{}]", option.initial);
    page.term(fmt::format("{}{}{}", fmt::join(option.names, ", "), value, initial),
              option.text + (option.required && !option.positional ? " (must be given)" : ""));
  }
  if (!verb.footer.empty()) page.code(verb.footer);
}

constexpr std::array<std::pair<const char*, const char*>, 6> exit_codes = {{
    {"0", "done"},
    {"1", "a claim failed, under --strict"},
    {"2", "wrong usage, or a wrong spec"},
    {"3", "input data, files or the disk"},
    {"4", "a numerical failure: the message names the step and the quantity"},
    {"130", "interrupted; --resume continues"},
}};

constexpr std::array<std::pair<const char*, const char*>, 6> run_files = {{
    {"manifest.json", "version, seed, spec, machine, timings"},
    {"run.db", "SQLite: metrics, series, warnings, figures, claims"},
    {"checkpoint.safetensors", "from which --resume continues to the same bytes"},
    {"model.safetensors", "the trained model"},
    {"report.html", "the report, one file that works offline"},
    {"samples.png", "a sheet of samples, where they are images"},
}};

Page page_of_program(const Toolbox& toolbox, const ProgramHelp& help) {
  Page page{help.name, "trains and studies models as flows of interacting particles", 1};
  page.heading("Synopsis");
  std::string lines;
  for (const VerbHelp& verb : help.verbs) lines += (lines.empty() ? "" : "\n") + synopsis(help.name, verb);
  page.code(lines);
  page.heading("Description");
  page.paragraph(help.text);
  page.paragraph(help.footer);
  page.heading("Systems");
  for (const study::System* system : toolbox.systems)
    page.term(system->name, fmt::format("{}. Jobs: {}. Its specs: {}-{}(5).", system->summary,
                                        fmt::join(system->jobs, ", "), help.name, system->name));
  page.heading("Commands");
  for (const VerbHelp& verb : help.verbs) describe(page, help.name, verb);
  page.heading("Exit status");
  for (const auto& [code, meaning] : exit_codes) page.term(code, meaning);
  page.heading("Files of a run");
  for (const auto& [name, meaning] : run_files) page.term(name, meaning);
  return page;
}

Page page_of_system(const study::System& system, const ProgramHelp& help) {
  Page page{help.name + "-" + system.name, system.summary, 5};
  page.heading("Description");
  page.paragraph(
      "A spec is a TOML file. Every key has a default; a key that is unknown, of a wrong type or out of its "
      "range is refused with its place.");
  for (const std::string& job : system.jobs) {
    const auto application = system.make(job);
    study::Description description;
    application->describe(description);
    page.heading("Job " + job);
    page.code(fmt::format("{} new {} {} > my.toml\n{} run my.toml", help.name, system.name, job, help.name));
    std::string open;
    for (const study::Entry& entry : description.entries()) {
      if (entry.section != open) {
        open = entry.section;
        page.subheading(fmt::format("[{}] of {}", open, job));
        for (const auto& [name, doc] : description.sections()) {
          if (name == open) page.paragraph(doc);
        }
      }
      const std::string allowed = entry.allowed();
      page.term(fmt::format("{} = {}", entry.name, entry.value()),
                allowed.empty() ? entry.doc : fmt::format("{} ({})", entry.doc, allowed));
    }
  }
  return page;
}

}  // namespace

void print_manual(const Toolbox& toolbox, const ProgramHelp& help, const ManualOptions& options) {
  const Page page = options.page == help.name
                        ? page_of_program(toolbox, help)
                        : page_of_system(study::find_system(toolbox.systems, options.page), help);
  if (options.markdown) {
    print_markdown(page);
  } else {
    print_roff(page);
  }
}

}  // namespace starling::cli
