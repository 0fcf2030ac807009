#include "starling/data/idx.h"

#include <fmt/format.h>

#include "starling/data/bytes.h"

namespace starling::data {
namespace {

template <class T>
double decode(const char* from) {
  return static_cast<double>(load_number<T>(from, true));
}

struct IdxType {
  std::uint8_t code;
  std::uint64_t size;
  const char* descr;
  double (*read)(const char* from);
};

constexpr IdxType idx_types[] = {
    {0x08, 1, "|u1", decode<std::uint8_t>}, {0x09, 1, "|i1", decode<std::int8_t>},
    {0x0b, 2, ">i2", decode<std::int16_t>}, {0x0c, 4, ">i4", decode<std::int32_t>},
    {0x0d, 4, ">f4", decode<float>},        {0x0e, 8, ">f8", decode<double>},
};

const IdxType& find_type(std::uint8_t code, std::string_view name) {
  for (const IdxType& type : idx_types) {
    if (type.code == code) return type;
  }
  fail_input(name, fmt::format("idx type code {:02x} is not read; expected 08, 09, 0b, 0c, 0d or 0e", code));
}

}  // namespace

Array parse_idx(std::string_view bytes, std::string_view name) {
  Cursor cursor(bytes, name);
  if (cursor.big<std::uint16_t>("the idx signature") != 0) {
    fail_input(name, fmt::format("not an idx file: opens with {}, expected two zero bytes",
                                 in_quotes(bytes.substr(0, 2))));
  }
  const IdxType& type = find_type(cursor.big<std::uint8_t>("the idx type"), name);
  const auto subscripts = cursor.big<std::uint8_t>("the number of subscripts");
  if (subscripts == 0) fail_input(name, "the idx file has no subscripts; expected at least one");
  Array array{type.descr, {}, {}};
  for (unsigned k = 0; k < subscripts; ++k) array.shape.push_back(cursor.big<std::uint32_t>("an extent"));

  const std::uint64_t here = cursor.remaining();
  const std::optional<std::uint64_t> count = element_count(array.shape, here / type.size);
  if (!count) {
    fail_input(name,
               fmt::format("truncated: shape {} of '{}' needs more than the {} bytes that follow the header",
                           shape_text(array.shape), type.descr, here));
  }
  if (*count * type.size != here) {
    fail_input(name, fmt::format("{} bytes follow the header; shape {} of '{}' needs {}", here,
                                 shape_text(array.shape), type.descr, *count * type.size));
  }
  const char* from = cursor.take(here, "the data").data();
  array.values.resize(static_cast<std::size_t>(*count));
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = type.read(from + i * type.size);
  return array;
}

}  // namespace starling::data
