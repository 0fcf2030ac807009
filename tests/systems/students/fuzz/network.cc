#include <cstdint>
#include <string>

#include "starling/base/error.h"
#include "starling/systems/students/network_file.h"

// Any bytes, taken for either container, end in a network that can be written again or in one base::Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"input.npz", "input.safetensors"}) {
    try {
      const students::NetworkInFile found = students::parse_network(bytes, name, nets::Activation::tanh);
      (void)students::encode_network(found.network, found.layout);
    } catch (const base::Error&) {
    }
  }
  return 0;
}
