#pragma once
#include <algorithm>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "starling/study/task_grid.h"

namespace starling::study {

/// A claim with the function that measures and judges it.
template <class Spec>
struct KnownClaim {
  Claim claim;  ///< what it states, its source, how it is measured, what it would take to fail; no values
  /// Metrics, series and figures go to the store.
  std::function<Claim(Claim, const Spec&, Store&)> measure;
  /// Tasks that it reads and may share with other claims, each measured once; null for none.
  std::function<std::vector<Task>(const Spec&)> shared{};
  /// Whether a spec asks for the claim; null for always.
  std::function<bool(const Spec&)> asked{};
};

/// The claims of one job of a system.
template <class Spec>
class ClaimCatalogue {
 public:
  using Group = std::vector<KnownClaim<Spec>>;

  ClaimCatalogue(std::initializer_list<Group> groups) {
    for (const Group& group : groups) std::ranges::copy(group, std::back_inserter(known_));
  }

  /// All of them; those that `spec` asks for.
  std::vector<Claim> claims() const { return claims_of(known_); }
  std::vector<Claim> claims(const Spec& spec) const { return claims_of(asked(spec)); }

  /// Measures the claim that is called claim.id and gives its verdict; `claim` itself when there is none.
  /// What it shares with others and the store lacks is measured first.
  Claim measure(const Claim& claim, const Spec& spec, Store& store) const {
    const auto found = std::ranges::find(known_, claim.id, [](const auto& known) { return known.claim.id; });
    return found == known_.end() ? claim : found->measure(claim, spec, store);
  }

  /// Measures what the spec asks for: what claims share, then `further` tasks, then each claim, a task of its
  /// own name (see run_tasks). A resumed study measures only what is missing.
  void run(RunContext& context, const Spec& spec, std::vector<Task> further = {}) const {
    std::vector<Task> tasks, claims;
    for (const KnownClaim<Spec>& known : asked(spec)) {
      std::vector<std::string> needs;
      for (Task& task : known.shared ? known.shared(spec) : std::vector<Task>()) {
        needs.push_back(task.name);
        if (std::ranges::find(tasks, task.name, &Task::name) == tasks.end()) tasks.push_back(std::move(task));
      }
      claims.push_back({known.claim.id,
                        [&spec, known](TaskContext& task) {
                          task.store.record(known.measure(known.claim, spec, task.store));
                        },
                        std::move(needs)});
    }
    std::ranges::move(further, std::back_inserter(tasks));
    std::ranges::move(claims, std::back_inserter(tasks));
    run_tasks(context, "claims", tasks);
  }

 private:
  Group asked(const Spec& spec) const {
    Group out;
    std::ranges::copy_if(known_, std::back_inserter(out),
                         [&](const auto& known) { return !known.asked || known.asked(spec); });
    return out;
  }
  static std::vector<Claim> claims_of(const Group& group) {
    std::vector<Claim> out;
    for (const KnownClaim<Spec>& known : group) out.push_back(known.claim);
    return out;
  }

  Group known_;
};

}  // namespace starling::study
