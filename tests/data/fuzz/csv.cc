#include "starling/data/csv.h"

#include <cstdint>

#include "starling/base/error.h"

// Any bytes end in a value or in one base::Error; whatever else happens stops the fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)starling::data::parse_csv({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const starling::base::Error&) {
  }
  return 0;
}
