#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "data/fuzz/scratch_file.h"
#include "starling/base/error.h"
#include "starling/data/dataset.h"
#include "starling/data/table_file.h"

namespace {

using starling::data::testing::scratch_file;

// A table that was read is written so that it reads back to the bit, in either format.
void table(const std::string& ending, std::string_view bytes) {
  const auto path = scratch_file("table" + ending, bytes);
  const auto read = starling::data::read_table(path);
  if (read.size() == 0) return;  // a csv without a row has no columns either
  for (const char* other : {".csv", ".npy"}) {
    const auto out = scratch_file(std::string("again") + other, "");
    starling::data::write_table(out, read);
    const auto again = starling::data::read_table(out);
    const auto bytes_of = static_cast<std::size_t>(read.size()) * sizeof(double);
    if (again.rows() != read.rows() || again.cols() != read.cols() ||
        std::memcmp(again.data(), read.data(), bytes_of) != 0)
      std::abort();
  }
}

}  // namespace

// The first byte says csv or npy. Any bytes end in a table or in one base::Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string ending = data[0] == 'n' ? ".npy" : ".csv";
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    table(ending, bytes);
  } catch (const starling::base::Error&) {
  }
  try {
    (void)starling::data::load_dataset({.path = scratch_file("data" + ending, bytes),
                                        .points_key = {},
                                        .labels_key = {},
                                        .label_column = ending == ".csv" ? "1" : ""});
  } catch (const starling::base::Error&) {
  }
  return 0;
}
