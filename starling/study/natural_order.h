#pragma once
#include <string_view>

namespace starling::study {

/// Which of two names comes first, as people count: runs of digits compare by their value, so that "8
/// neurons" comes before "16 neurons" and "rate=0.003" before "rate=0.01"; all else by bytes. Negative, 0
/// (only for equal names) or positive.
int natural_order(std::string_view a, std::string_view b);

}  // namespace starling::study
