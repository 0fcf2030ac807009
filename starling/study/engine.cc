#include "starling/study/engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/comm/shared_loop.h"
#include "starling/study/run_config.h"
#include "starling/study/run_record.h"
#include "starling/study/tables.h"

namespace starling::study {
namespace {

using base::Error;
using base::ErrorKind;

// What a checkpoint follows stands in the database: without it the run would end with half its numbers.
void require_database(const RunDirectory& directory) {
  if (!std::filesystem::exists(directory.checkpoint())) return;
  (void)Store(directory.database(), Store::Open::existing);
}

// The threads of a rank: cores that the launcher left to all ranks of a machine are divided among them.
int threads_of(const RunOptions& options) {
  if (options.threads > 0 || options.communicator->size() == 1) return options.threads;
  const char* here = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const base::ThreadLimit all(0);
  if (here == nullptr || base::thread_count() < cores) return 0;  // unknown, or bound to a share already
  return std::max(1, cores / std::max(1, std::atoi(here)));
}

// Rank 0 decides for all, so that none stops a step before the others.
std::function<bool()> asked_of_lead(const RunOptions& options) {
  return [&options] {
    std::byte stop{static_cast<unsigned char>(options.communicator->lead() && options.interrupted() ? 1 : 0)};
    options.communicator->broadcast({&stop, 1}, 0);
    return stop != std::byte{0};
  };
}

// A folder of this rank for a copy of the run, removed at the end.
class Copy {
 public:
  Copy() : path_(std::filesystem::temp_directory_path() / fmt::format("starling-rank-{}", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Copy() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Rank 0 gives the others what they resume from.
void hand_out_copies(const RunDirectory& directory, const Store& store, comm::Communicator& ranks) {
  const bool there = std::filesystem::exists(directory.checkpoint());
  const std::string checkpoint = there ? base::read_file(directory.checkpoint()) : std::string(),
                    snapshot = store.snapshot();
  for (int rank = 1; rank < ranks.size(); ++rank) {
    ranks.send(rank, checkpoint);
    ranks.send(rank, snapshot);
  }
}

void mirror(Application& application, const RunOptions& options) {
  comm::Communicator& ranks = *options.communicator;
  const Copy copy;
  const RunDirectory directory = RunDirectory::elsewhere(copy.path());
  const std::string checkpoint = ranks.receive(0);
  if (!checkpoint.empty()) base::write_file_atomically(directory.checkpoint(), checkpoint);
  Store store(Store::InMemory{}, ranks.receive(0));
  Progress progress(Progress::Style::quiet);
  RunContext context{directory, store, progress, options.resume, asked_of_lead(options), ranks};
  try {
    const comm::Sharing sharing(ranks);
    application.run(context);
  } catch (const Error& error) {  // the same happens on rank 0, which says so
    if (error.kind() == ErrorKind::numerical || error.kind() == ErrorKind::interrupted) throw comm::Stopped();
    throw;
  }
}

// What a rank other than 0 does: its part of the work, once rank 0 has found nothing to refuse.
void assist(Application& application, const RunOptions& options) {
  comm::Communicator& ranks = *options.communicator;
  comm::follow_lead(ranks);
  if (application.over_ranks() == OverRanks::mirror) {
    mirror(application, options);
  } else if (application.over_ranks() == OverRanks::tasks) {
    const RunDirectory directory = RunDirectory::elsewhere(options.out);
    Store store{Store::InMemory{}};
    Progress progress(Progress::Style::quiet);
    RunContext context{directory, store, progress, options.resume, options.interrupted, ranks};
    application.run(context);
  }
  comm::follow_lead(ranks);
}

// `job=study` must be known before the application is made; the rest waits for its description.
Common common_of(const std::string& text, const std::string& file_name,
                 const std::vector<std::string>& overrides) {
  Common common = peek(text, file_name);
  Description description;
  describe_common(description, common);
  for (const std::string& assignment : overrides) {
    const std::string key = assignment.substr(0, assignment.find('='));
    if (key == "system" || key == "job") apply_override(description, assignment);
  }
  return common;
}

}  // namespace

const System& find_system(const std::vector<const System*>& systems, const std::string& name) {
  std::vector<std::string> names;
  for (const System* system : systems) {
    if (system->name == name) return *system;
    names.push_back(system->name);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown system '{}'{}", name, base::suggestion(name, names)));
}

std::string job_of(const System& system, const std::string& name, const std::string& place) {
  std::vector<std::string> names = system.jobs;
  const auto known = [&](const std::string& job) { return std::find(names.begin(), names.end(), job); };
  for (std::size_t i = 0; i < std::min<std::size_t>(2, system.jobs.size()); ++i) {
    const char* general = i == 0 ? "train" : "study";
    if (known(general) != names.end()) continue;
    if (name == general) return system.jobs[i];
    names.emplace_back(general);
  }
  if (known(name) != names.end()) return name;
  throw Error(ErrorKind::usage,
              fmt::format("{}unknown job '{}'{}", place, name, base::suggestion(name, names)));
}

const System& system_of(const std::vector<const System*>& systems, const RunDirectory& directory) {
  const nlohmann::json manifest = directory.read_manifest();
  const auto name = nlohmann::json::json_pointer("/config/system");
  if (!manifest.contains(name) || !manifest.at(name).is_string())
    throw Error(ErrorKind::input,
                fmt::format("{}: damaged: it names no system", directory.manifest().string()));
  return find_system(systems, manifest.at(name).get<std::string>());
}

void sample_run(const std::vector<const System*>& systems, const RunDirectory& directory,
                const SampleRequest& request) {
  const System& system = system_of(systems, directory);
  if (!system.sample)
    throw Error(ErrorKind::usage,
                fmt::format("{}: {} has no samples; use {}export", directory.path().string(), system.name,
                            system.predict ? "predict or " : ""));
  system.sample(directory, request);
}

void predict_run(const std::vector<const System*>& systems, const RunDirectory& directory,
                 const PredictRequest& request) {
  const System& system = system_of(systems, directory);
  if (!system.predict)
    throw Error(ErrorKind::usage,
                fmt::format("{}: models of {} do not predict; use {}export", directory.path().string(),
                            system.name, system.sample ? "sample or " : ""));
  system.predict(directory, request);
}

void export_run(const std::vector<const System*>& systems, const RunDirectory& directory,
                const std::filesystem::path& out,
                const std::function<void(const std::filesystem::path&)>& written) {
  std::error_code code;
  std::filesystem::create_directories(out, code);
  if (code || !std::filesystem::is_directory(out))
    throw Error(ErrorKind::input, fmt::format("{}: cannot make the folder: {}", out.string(),
                                              code ? code.message() : "a file of that name is in the way"));
  // The tables first: a run that stopped before its first checkpoint has numbers and no model.
  for (const auto& path : write_tables(Store(directory.database(), Store::Open::existing), out))
    written(path);
  for (const auto& path : system_of(systems, directory).export_run(directory, out)) written(path);
}

std::unique_ptr<Application> load(const std::vector<const System*>& systems, const std::string& text,
                                  const std::string& file_name, const std::vector<std::string>& overrides) {
  const Common common = common_of(text, file_name, overrides);
  std::vector<std::string> names;
  for (const System* known : systems) names.push_back(known->name);
  if (std::find(names.begin(), names.end(), common.system) == names.end()) {
    throw Error(ErrorKind::usage, fmt::format("{}: unknown system '{}'{}", file_name, common.system,
                                              base::suggestion(common.system, names)));
  }
  const System& system = find_system(systems, common.system);
  const std::string job = job_of(system, common.job, file_name + ": ");
  auto application = system.make(job);
  Description description;
  application->describe(description);
  read_spec(description, text, file_name);
  for (const std::string& assignment : overrides) apply_override(description, assignment);
  apply_override(description, "job=" + job);  // the run's record has the job's own name
  return application;
}

RunDirectory run_spec(const std::vector<const System*>& systems, const std::string& text,
                      const std::string& file_name, const RunOptions& options) {
  const auto application = load(systems, text, file_name, options.overrides);
  Description description;
  application->describe(description);
  comm::Communicator& ranks = *options.communicator;
  const base::ThreadLimit threads(threads_of(options));
  const base::FlushDenormals flush;
  application->plan();  // bad input is refused before a directory is made
  if (!ranks.lead()) {
    assist(*application, options);
    return RunDirectory::elsewhere(options.out);
  }

  RunDirectory directory = RunDirectory::open(options.out, options.resume);
  if (options.resume) {
    const nlohmann::json before = directory.read_manifest();
    require_database(directory);
    require_same_config(before.at("config"), description, options.out.string());
  }
  RunRecord(directory, to_json(description), options.resume).during([&] {
    Store store(directory.database());
    Progress progress(options.progress);
    if (ranks.size() > 1 && application->over_ranks() == OverRanks::alone)
      progress.message(fmt::format("this job runs on one rank; the other {} wait", ranks.size() - 1));
    const bool mirrored = ranks.size() > 1 && application->over_ranks() == OverRanks::mirror;
    RunContext context{
        directory, store, progress, options.resume, mirrored ? asked_of_lead(options) : options.interrupted,
        ranks};
    comm::follow_lead(ranks);
    if (mirrored) hand_out_copies(directory, store, ranks);
    const comm::Sharing sharing(mirrored ? ranks : comm::alone());
    application->run(context);
    comm::follow_lead(ranks);
  });
  if (options.report) options.report(directory);
  return directory;
}

}  // namespace starling::study
