#include "starling/study/task_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/comm/farm.h"

namespace starling::study {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::json;

// What a task left, as it travels.
struct Outcome {
  std::string changes{};                                     // of the database
  std::vector<std::pair<std::string, std::string>> files{};  // name, bytes
  std::vector<std::string> lines{};                          // for the user
  std::optional<std::pair<int, std::string>> failure{};      // ErrorKind, or 0 for what nobody foresaw
};

json::binary_t binary(const std::string& bytes) {
  return json::binary_t(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

std::string bytes_of(const json& value) {
  const auto& bytes = value.get_binary();
  return {bytes.begin(), bytes.end()};
}

std::string packed(const Outcome& outcome) {
  json all = {{"changes", json(binary(outcome.changes))}, {"lines", outcome.lines}, {"files", json::array()}};
  for (const auto& [name, bytes] : outcome.files)
    all["files"].push_back({{"name", name}, {"bytes", json(binary(bytes))}});
  if (outcome.failure) all["failure"] = {{"kind", outcome.failure->first}, {"what", outcome.failure->second}};
  const std::vector<std::uint8_t> out = json::to_cbor(all);
  return {out.begin(), out.end()};
}

Outcome unpacked(const std::string& bytes) {
  const json all = json::from_cbor(bytes);
  Outcome out;
  out.changes = bytes_of(all.at("changes"));
  out.lines = all.at("lines").get<std::vector<std::string>>();
  for (const json& file : all.at("files"))
    out.files.emplace_back(file.at("name").get<std::string>(), bytes_of(file.at("bytes")));
  if (all.contains("failure"))
    out.failure.emplace(all.at("failure").at("kind").get<int>(),
                        all.at("failure").at("what").get<std::string>());
  return out;
}

class RankedTasks {
 public:
  RankedTasks(RunContext& context, const std::string& label, const std::vector<Task>& tasks)
      : context_(context),
        label_(label),
        tasks_(tasks),
        silent_(Progress::Style::quiet),
        begun_(tasks.size(), false) {}

  void run() {
    if (context_.communicator.lead()) {
      for (std::size_t i = 0; i < tasks_.size(); ++i) {
        if (context_.store.is_done(tasks_[i].name)) {
          begun_[i] = true;
          ++done_;
        } else {
          missing_.insert(tasks_[i].name);
        }
      }
      if (!label_.empty()) context_.progress.begin(label_, std::ssize(tasks_), done_);
    }
    comm::farm(context_.communicator,
               {.next = [this] { return next(); },
                .work = [this](const comm::Parcel& parcel) { return measure(parcel); },
                .finish = [this](std::size_t item, const std::string& result) { finish(item, result); },
                .well = [this] { return !failure_; }});
    if (failure_ && failure_->first == 0) throw std::runtime_error(failure_->second);
    if (failure_) throw Error(static_cast<ErrorKind>(failure_->first), failure_->second);
    if (context_.communicator.lead() && !label_.empty()) context_.progress.end();
  }

 private:
  bool ready(std::size_t i) const {
    const auto lacks = [this](const std::string& need) { return missing_.contains(need); };
    return !begun_[i] && std::ranges::none_of(tasks_[i].needs, lacks);
  }

  // The first that is ready; over several ranks the costliest.
  std::optional<comm::Parcel> next() {
    if (failure_) return std::nullopt;
    std::optional<std::size_t> chosen;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (!ready(i) || (chosen && !(tasks_[i].cost > tasks_[*chosen].cost))) continue;
      chosen = i;
      if (context_.communicator.size() == 1) break;
    }
    if (!chosen) return std::nullopt;
    const Task& task = tasks_[*chosen];
    if (context_.interrupted())
      throw Error(ErrorKind::interrupted,
                  fmt::format("interrupted before {}; continue with --resume", task.name));
    begun_[*chosen] = true;
    return comm::Parcel{*chosen, task.needs.empty() ? std::string() : context_.store.snapshot()};
  }

  // On any rank, in a store of its own.
  std::string measure(const comm::Parcel& parcel) {
    Outcome outcome;
    try {
      Store store(Store::InMemory{}, parcel.needs);
      const Store::Recording recording(store);
      TaskContext task{
          store, context_.communicator.size() == 1 ? context_.progress : silent_, context_.interrupted,
          [&](const std::string& name, const std::string& bytes) { outcome.files.emplace_back(name, bytes); },
          [&](const std::string& text) { outcome.lines.push_back(text); }};
      tasks_[parcel.item].measure(task);
      outcome.changes = recording.changes();
    } catch (const Error& error) {
      outcome = {};
      outcome.failure.emplace(error.exit_code(), error.what());
    } catch (const std::exception& error) {
      outcome = {};
      outcome.failure.emplace(0, error.what());
    }
    return packed(outcome);
  }

  void finish(std::size_t item, const std::string& result) {
    const Outcome outcome = unpacked(result);
    if (outcome.failure) {
      if (!failure_) failure_ = outcome.failure;
      return;
    }
    for (const std::string& line : outcome.lines) context_.progress.message(line);
    // The files first: a task that is marked as done has them.
    for (const auto& [name, bytes] : outcome.files)
      base::write_file_atomically(context_.directory.path() / name, bytes);
    Store::Transaction transaction(context_.store);
    context_.store.apply(outcome.changes);
    context_.store.mark_done(tasks_[item].name);
    transaction.commit();
    missing_.erase(tasks_[item].name);
    if (!label_.empty()) context_.progress.update(++done_, {});
  }

  RunContext& context_;
  const std::string& label_;
  const std::vector<Task>& tasks_;
  Progress silent_;
  std::vector<bool> begun_;  // or done before
  std::set<std::string> missing_;
  std::int64_t done_ = 0;
  std::optional<std::pair<int, std::string>> failure_;
};

}  // namespace

void run_tasks(RunContext& context, const std::string& label, const std::vector<Task>& tasks) {
  RankedTasks(context, label, tasks).run();
}

}  // namespace starling::study
