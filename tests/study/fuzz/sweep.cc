#include "starling/study/sweep.h"

#include <fmt/ranges.h>

#include <cstdint>
#include <cstdlib>

#include "starling/base/error.h"
#include "study/fake_system.h"

// Any words after --over end in a key with its values, whose words they are, or in one base::Error; and each
// value in a spec or in one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  const std::string text(reinterpret_cast<const char*>(data), size);
  study::SweptKey swept;
  try {
    swept = study::parse_swept_key(text);
  } catch (const base::Error&) {
    return 0;
  }
  if (fmt::format("{}={}", swept.key, fmt::join(swept.values, ",")) != text) std::abort();
  for (const std::string& value : swept.values) {
    study::testing::Spec spec;
    study::Description description;
    study::testing::describe(description, spec);
    try {
      study::apply_override(description, swept.key + "=" + value);
    } catch (const base::Error&) {
    }
  }
  return 0;
}
