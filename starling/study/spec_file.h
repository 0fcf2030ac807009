#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "starling/study/description.h"

namespace starling::study {

/// The keys at the top of every spec.
struct Common {
  std::string system, job = "train";
  std::int64_t seed = 1;
};
void describe_common(Description& description, Common& common);

/// `system` and `job` of a spec, before its description is known. Error{usage} with file, line and column
/// when the TOML is malformed or `system` is missing.
Common peek(std::string_view text, std::string_view file_name);

/// Sets every described field that the TOML `text` names; the others keep their defaults. Error{usage} such
/// as `digits.toml:12:9: unknown key 'temprature' in [field]; did you mean 'temperature'?`, with the place of
/// the key for an unknown one and of the value for a wrong one. Text above 1 MiB or nested deeper than 64 is
/// refused.
void read_spec(Description& description, std::string_view text, std::string_view file_name);

/// One override, "field.temperature=0.3": the right side is TOML, or plain text where text or a name is
/// expected.
void apply_override(Description& description, std::string_view assignment);

}  // namespace starling::study
