// The only file that includes CLI11, which costs seconds of compile time.
#include "starling/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "starling/base/error.h"
#include "starling/base/version.h"
#include "starling/cli/verbs.h"

namespace starling::cli {
namespace {

void add_new(CLI::App& app, const Toolbox& toolbox, NewOptions& o) {
  auto* verb = app.add_subcommand("new", "print a commented spec to start from");
  verb->add_option("system", o.system, "which system")->required();
  verb->add_option("job,--job", o.job, "which of its jobs: train, study, or by its own name")
      ->capture_default_str();
  verb->footer("Example: starling new drift > digits.toml");
  verb->callback([&] { print_template(toolbox, o); });
}

void add_check(CLI::App& app, const Toolbox& toolbox, RunRequest& o) {
  auto* verb = app.add_subcommand("check", "validate a spec, read its data, show the plan; run nothing");
  verb->add_option("spec", o.spec, "a TOML file")->required();
  verb->add_option("--set", o.options.overrides, "override a key: section.key=value")
      ->allow_extra_args(false);
  verb->footer("Example: starling check examples/digits.toml --set train.steps=100");
  verb->callback([&] { check_spec(toolbox, o); });
}

// What a run and a sweep of runs share.
void add_run_options(CLI::App& verb, RunRequest& o) {
  verb.add_option("--set", o.options.overrides, "override a key: section.key=value")->allow_extra_args(false);
  verb.add_option("--threads", o.options.threads, "0 uses every core; the results do not depend on it")
      ->check(CLI::Range(0, 4096));
  verb.add_flag("--resume", o.options.resume, "continue an interrupted run: does only what is missing");
  verb.add_flag("--json", o.output.json, "progress and results as JSON lines");
  verb.add_flag("--quiet", o.output.quiet, "print errors only");
  verb.add_flag("--strict", o.output.strict, "exit with 1 when a claim fails");
}

void add_run(CLI::App& app, const Toolbox& toolbox, RunRequest& o, int& code) {
  auto* verb = app.add_subcommand("run", "run the job that the spec names");
  verb->add_option("spec", o.spec, "a TOML file")->required();
  verb->add_option("--out", o.options.out, "the run directory; default runs/NAME-OF-SPEC");
  add_run_options(*verb, o);
  verb->footer("Example: starling run examples/digits.toml --out runs/digits --threads 2");
  verb->callback([&] { code = run(toolbox, o); });
}

void add_sweep(CLI::App& app, const Toolbox& toolbox, SweepOptions& o, int& code) {
  auto* verb = app.add_subcommand("sweep", "run a spec over values of its keys, and say which is best");
  verb->add_option("spec", o.run.spec, "a TOML file")->required();
  verb->add_option("--over", o.over,
                   "a key and its values: train.rate=0.001,0.01; seed=1,2,3 repeats every run")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--measure", o.measure, "what the runs are judged by: one of their metrics")->required();
  verb->add_flag("--maximize", o.maximize, "more of the measure is better; by default less is");
  verb->add_option("--out", o.run.options.out, "the directory of the sweep; default runs/NAME-OF-SPEC-sweep");
  add_run_options(*verb, o.run);
  verb->footer(
      "The first key with several numbers is the axis of the curves, seeds are repetitions, all other keys "
      "make curves.\n"
      "Example: starling sweep examples/digits.toml --over train.optimizer=muon,adamw \\\n"
      "           --over train.rate=0.0003,0.001,0.003,0.01 --over seed=1,2,3 --measure energy_distance");
  verb->callback([&] { code = sweep(toolbox, o); });
}

void add_sample(CLI::App& app, const Toolbox& toolbox, SampleOptions& o) {
  auto* verb = app.add_subcommand("sample", "draw from a trained model, or let it write");
  verb->add_option("run", o.run, "a run directory")->required();
  auto* count = verb->add_option("--count", o.request.count, "how many samples, or tokens of text")
                    ->check(CLI::Range(1, 10000000))
                    ->capture_default_str();
  verb->add_option("--label", o.request.label, "a class; default all in turn");
  auto* seed = verb->add_option("--seed", o.request.seed, "of the noise")->capture_default_str();
  verb->add_option("--guidance", o.request.guidance, "strength of guidance, where the run learned it")
      ->capture_default_str();
  verb->add_option("--noise", o.request.noise, "an npy file of noise to use instead: one row a sample")
      ->excludes(count)
      ->excludes(seed);
  verb->add_option("--prompt", o.request.prompt, "text: what it begins with");
  verb->add_option("--temperature", o.request.temperature, "text: 0 takes the likeliest token")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--top-k", o.request.top_k, "text: only among so many likeliest tokens; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--out", o.request.out,
                   ".npy, .csv, or .png for images; a file for text, by default printed");
  verb->footer(
      "Example: starling sample runs/digits --label 7 --count 16 --out sevens.png\n"
      "         starling sample runs/text --prompt \"The licen\" --count 200 --temperature 0.8 --top-k 20");
  verb->callback([&] { sample(toolbox, o); });
}

void add_predict(CLI::App& app, const Toolbox& toolbox, PredictOptions& o) {
  auto* verb = app.add_subcommand("predict", "put points through a trained model");
  verb->add_option("run", o.run, "a run directory")->required();
  verb->add_option("input", o.request.input, "points: npy, npz, csv, IDX, or a folder of PNG; or a text")
      ->required();
  verb->add_option("--out", o.request.out,
                   ".npy or .csv: one row a point, or a token of a text, which needs no file");
  verb->footer("Example: starling predict runs/classifier new.npy --out shares.csv");
  verb->callback([&] { predict(toolbox, o); });
}

void add_export(CLI::App& app, const Toolbox& toolbox, ExportOptions& o) {
  auto* verb = app.add_subcommand("export", "write the model and the numbers of a run for other tools");
  verb->add_option("run", o.run, "a run directory")->required();
  verb->add_option("--out", o.out, "a folder; default RUN/export");
  verb->footer(
      "Writes model.safetensors, model.onnx, config.json, and metrics, series, claims and warnings as csv.\n"
      "Example: starling export runs/digits --out digits-model");
  verb->callback([&] { export_model(toolbox, o); });
}

void add_rest(CLI::App& app, const Toolbox& toolbox, std::string& run_directory, int& code) {
  auto* report = app.add_subcommand("report", "rebuild the page of a run");
  report->add_option("run", run_directory, "a run directory")->required();
  report->footer("Example: starling report runs/digits");
  report->callback([&] { rebuild_report(toolbox, run_directory); });

  auto* doctor = app.add_subcommand("doctor", "does this machine compute correctly, and what will be used");
  doctor->footer("Example: starling doctor");
  doctor->callback([&] { code = examine(toolbox); });
}

void add_claims(CLI::App& app, const Toolbox& toolbox, ClaimsOptions& o) {
  auto* verb = app.add_subcommand("claims", "every claim, its source, how it is measured");
  verb->add_option("system", o.system, "one system; default all");
  verb->add_flag("--json", o.json, "one JSON object a line");
  verb->footer("Example: starling claims drift");
  verb->callback([&] { list_claims(toolbox, o); });
}

OptionHelp help_of(const CLI::Option& option) {
  OptionHelp help;
  for (const std::string& name : option.get_snames()) help.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) help.names.push_back("--" + name);
  help.positional = option.get_positional();
  if (help.positional) {  // CLI11 gives all names: "job,--job"
    const std::string all = option.get_name(true, true);
    help.names.insert(help.names.begin(), all.substr(0, all.find(',')));
  }
  if (option.get_items_expected_max() > 0)
    help.value = option.get_type_name().substr(0, option.get_type_name().find(':'));
  help.initial = option.get_default_str();
  help.text = option.get_description();
  help.required = option.get_required();
  return help;
}

ProgramHelp help_of(const CLI::App& app) {
  ProgramHelp help{
      .name = app.get_name(), .text = app.get_description(), .footer = app.get_footer(), .verbs = {}};
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    VerbHelp& one =
        help.verbs.emplace_back(VerbHelp{verb->get_name(), verb->get_description(), verb->get_footer(), {}});
    for (const CLI::Option* option : verb->get_options()) {
      if (option != verb->get_help_ptr()) one.options.push_back(help_of(*option));
    }
  }
  return help;
}

// These read what all verbs declare, so they are called once all are there.
void add_help(CLI::App& app, const Toolbox& toolbox, std::string& shell, ManualOptions& o) {
  auto* completion = app.add_subcommand("completion", "print the shell's completion script");
  completion->add_option("shell", shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  completion->footer("Example: source <(starling completion bash)");
  completion->callback([&] { print_completion(toolbox, help_of(app), shell); });

  auto* manual = app.add_subcommand("manual", "print the manual, or every key of a system's specs");
  manual->add_option("page", o.page, "starling, or a system")->capture_default_str();
  manual->add_flag("--markdown", o.markdown, "as Markdown; by default for man");
  manual->footer("Example: starling manual drift | man -l -");
  manual->callback([&] { print_manual(toolbox, help_of(app), o); });
}

// fmt::print throws when standard error cannot be written, on a full disk say; nobody would catch that.
void complain(const std::string& text) {
  std::fputs(fmt::format("starling: {}\n", text).c_str(), stderr);
}

// CLI11 would only say that a subcommand is required.
void require_known_verb(const CLI::App& app, const std::vector<std::string>& args) {
  if (args.empty() || args.front().starts_with('-')) return;
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  if (std::find(names.begin(), names.end(), args.front()) != names.end()) return;
  throw base::Error(base::ErrorKind::usage, fmt::format("unknown command '{}'{}", args.front(),
                                                        base::suggestion(args.front(), names)));
}

}  // namespace

namespace {

int run_alone(std::vector<std::string> args, const Toolbox& toolbox) {
  CLI::App app("Starling trains and studies models as flows of interacting particles.", "starling");
  app.set_version_flag("--version", fmt::format("starling {} ({})", base::version(), base::git_commit()));
  app.require_subcommand(1);
  app.footer("Start here: starling new drift > my.toml, then starling run my.toml");
  int code = 0;
  NewOptions new_options;
  RunRequest check_request, run_request;
  SweepOptions sweep_options;
  SampleOptions sample_options;
  PredictOptions predict_options;
  ExportOptions export_options;
  ClaimsOptions claims_options;
  ManualOptions manual_options;
  std::string run_directory, shell;
  add_new(app, toolbox, new_options);
  add_check(app, toolbox, check_request);
  add_run(app, toolbox, run_request, code);
  add_sweep(app, toolbox, sweep_options, code);
  add_sample(app, toolbox, sample_options);
  add_predict(app, toolbox, predict_options);
  add_export(app, toolbox, export_options);
  add_rest(app, toolbox, run_directory, code);
  add_claims(app, toolbox, claims_options);
  add_help(app, toolbox, shell, manual_options);
  try {
    require_known_verb(app, args);
    std::reverse(args.begin(), args.end());  // as CLI11 wants them
    app.parse(std::move(args));
    return code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    complain(fmt::format("{}\nRun with --help for what is expected.", error.what()));
    return static_cast<int>(base::ErrorKind::usage);
  } catch (const base::Error& error) {
    complain(error.what());
    return error.exit_code();
  } catch (const comm::Stopped&) {
    throw;
  } catch (const std::exception& error) {  // the disk, the memory, or what nobody foresaw: one line, no crash
    // A print that found standard output full throws too; main() says that, with what it means.
    if (std::ferror(stdout) == 0) complain(error.what());
    return static_cast<int>(base::ErrorKind::input);
  }
}

}  // namespace

int run_command(std::vector<std::string> args, const Toolbox& toolbox) {
  comm::Communicator* ranks = nullptr;
  Toolbox watched = toolbox;
  watched.ranks = [&]() -> comm::Communicator& { return *(ranks = &toolbox.ranks()); };
  int code = 0;
  try {
    code = run_alone(std::move(args), watched);
  } catch (const comm::Stopped&) {  // rank 0 has said why, and ends this process too
    while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  // An error: the other ranks wait for this one, in vain. A failed claim under --strict (1) is none.
  if (code > 1 && ranks != nullptr && ranks->size() > 1) {
    std::fflush(nullptr);
    ranks->abort(code);
  }
  return code;
}

}  // namespace starling::cli
