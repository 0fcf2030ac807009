#pragma once
#include "starling/data/dataset.h"
#include "starling/study/description.h"

namespace starling::study {

/// The keys by which a spec names the user's file of points.
void describe_dataset(Description& description, data::DatasetRequest& request);

}  // namespace starling::study
