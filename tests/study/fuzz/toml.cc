#include <cstdint>

#include "starling/base/error.h"
#include "starling/study/spec_file.h"
#include "study/fake_system.h"

// Any text ends in a spec or in one base::Error, whether it is a file or the value of an override.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  const std::string text(reinterpret_cast<const char*>(data), size);
  study::testing::Spec spec;
  study::Description description;
  study::testing::describe(description, spec);
  try {
    (void)study::peek(text, "input");
    study::read_spec(description, text, "input");
  } catch (const base::Error&) {
  }
  try {
    study::apply_override(description, text);
  } catch (const base::Error&) {
  }
  return 0;
}
