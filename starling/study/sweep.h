#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "starling/study/engine.h"

namespace starling::study {

/// One key of a spec and the values that a sweep gives it, written as an override writes them.
struct SweptKey {
  std::string key;
  std::vector<std::string> values;
};

/// "train.rate=0.001,0.01". A comma inside brackets or double quotes belongs to its value:
/// "field.temperatures=[0.1,0.3],[0.6]". Error{usage} without a key, without values, with an empty or a
/// repeated one.
SweptKey parse_swept_key(std::string_view text);

struct SweepRequest {
  std::vector<SweptKey> keys{};
  std::string measure{};  ///< a metric of the runs, NAME or TASK/NAME
  bool maximize = false;  ///< whether more of it is better
};

/// Runs a spec once for every combination of the keys' values, as many runs at a time as there are threads,
/// each into options.out/runs/NNN; the directory itself then holds a manifest, a database with the measure of
/// every curve (see SweepResults) and a report. A run that fails numerically is a diverged one, and no
/// error. `resume` does what is missing, and may read another measure. Error{usage} for a wrong spec or
/// value, which is found before the first run; for a key that is no key, `system` or `job`; for a measure
/// that the runs do not record, found after the first; and for more than 100,000 runs. Over several ranks
/// each does one run at a time, with its threads inside, in a directory that all of them see.
RunDirectory run_sweep(const std::vector<const System*>& systems, const std::string& text,
                       const std::string& file_name, const SweepRequest& request, const RunOptions& options);

}  // namespace starling::study
