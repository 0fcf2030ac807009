#pragma once
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/students/train_data.h"

namespace starling::students {

/// All that was found for one size.
struct SizeResult {
  base::Index neurons = 0;
  std::vector<Fit> starts{};  ///< of the search, number i of kind kind_of_start(i)
  std::vector<Fit> rivals{};  ///< AdamW restarts; of one that diverged the loss is infinite
  std::vector<LocalOptimum> optima{};
  Network student{};               ///< the best
  base::Points<double> overlap{};  ///< neuron_correlations with the teacher on the training inputs
};

/// A finished compression, ready to be told.
struct TrainResult {
  const TrainSpec& spec;
  const TrainData& data;
  const Network& teacher;
  base::Points<double> y, held_out_y;  ///< what the students answer for, (N, o)
  std::vector<SizeResult> sizes;
};

std::string task_of(base::Index neurons);   ///< "8 neurons"
std::string series_of(std::int64_t start);  ///< "start 2 (clustered)"

/// Metrics with intervals, figures and warnings into the store.
void record_train_report(const TrainResult& result, study::Store& store);

/// csv with a heading: neurons, optimum, loss, relative_error, ratio_to_best, distance, reached, kinds,
/// converged, gradient.
std::string optima_table(const TrainResult& result);
/// csv with a heading: neurons, neuron, role, teachers, closest_correlation, outgoing_norm.
std::string roles_table(const TrainResult& result);

}  // namespace starling::students
