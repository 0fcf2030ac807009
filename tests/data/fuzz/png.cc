#include "starling/data/png.h"

#include <cstdint>

#include "starling/base/error.h"

// Any bytes end in a value or in one base::Error; whatever else happens stops the fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)starling::data::decode_png({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const starling::base::Error&) {
  }
  return 0;
}
