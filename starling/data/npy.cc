#include "starling/data/npy.h"

#include <fmt/format.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/data/bytes.h"
#include "starling/data/npy_header.h"

namespace starling::data {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

// IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction.
double half_value(std::uint16_t bits) {
  const int exponent = (bits >> 10U) & 0x1f;
  const int fraction = bits & 0x3ff;
  double magnitude = 0;
  if (exponent == 0x1f) {
    magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits & 0x8000U) != 0 ? -magnitude : magnitude;
}

using Decoder = double (*)(const char* from, bool big_endian);

template <class T>
double decode(const char* from, bool big_endian) {
  return static_cast<double>(load_number<T>(from, big_endian));
}

struct NpyType {
  std::string_view code;
  std::uint64_t size;
  Decoder read;
};

constexpr NpyType npy_types[] = {
    {"f2", 2, [](const char* from, bool big) { return half_value(load_number<std::uint16_t>(from, big)); }},
    {"f4", 4, decode<float>},
    {"f8", 8, decode<double>},
    {"i1", 1, decode<std::int8_t>},
    {"i2", 2, decode<std::int16_t>},
    {"i4", 4, decode<std::int32_t>},
    {"i8", 8, decode<std::int64_t>},
    {"u1", 1, decode<std::uint8_t>},
    {"u2", 2, decode<std::uint16_t>},
    {"u4", 4, decode<std::uint32_t>},
    {"u8", 8, decode<std::uint64_t>},
    {"b1", 1, [](const char* from, bool) { return *from != 0 ? 1.0 : 0.0; }},
};

const NpyType& find_type(std::string_view descr, std::string_view name) {
  const std::string_view order = descr.substr(0, 1);
  for (const NpyType& type : npy_types) {
    const bool ordered = order == "<" || order == ">" || order == "=" || (order == "|" && type.size == 1);
    if (ordered && descr.substr(1) == type.code) return type;
  }
  fail_input(name, fmt::format(
                       "type {} is not read; expected f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1 after "
                       "'<', '>' or '|'",
                       in_quotes(descr)));
}

// Subscripts in the file run first fastest; `values` is filled last fastest.
std::vector<double> read_fortran(const char* from, const NpyType& type, bool big,
                                 const std::vector<std::int64_t>& shape, std::size_t count) {
  std::vector<double> values(count);
  std::vector<std::size_t> strides(shape.size()), subscripts(shape.size(), 0);
  std::size_t stride = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    strides[k] = stride;
    stride *= static_cast<std::size_t>(shape[k]);
  }
  std::size_t target = 0;
  for (std::size_t i = 0; i < count; ++i) {
    values[target] = type.read(from + i * type.size, big);
    for (std::size_t k = 0; k < shape.size(); ++k) {
      target += strides[k];
      if (++subscripts[k] < static_cast<std::size_t>(shape[k])) break;
      target -= strides[k] * subscripts[k];
      subscripts[k] = 0;
    }
  }
  return values;
}

std::string shape_of_tuple(std::span<const std::int64_t> shape) {  // as Python writes it: (3,), (2, 3)
  return shape.size() == 1 ? fmt::format("({},)", shape[0]) : fmt::format("({})", fmt::join(shape, ", "));
}

template <class T>
std::string encode(std::span<const std::int64_t> shape, std::string_view descr, std::span<const T> values) {
  static_assert(std::endian::native == std::endian::little);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape_of_tuple(shape));
  constexpr std::size_t prefix = 10, alignment = 64;  // numpy pads so that the data are aligned
  header.append(alignment - 1 - (prefix + header.size()) % alignment, ' ');
  header += '\n';
  std::string out(magic);
  out += std::string_view("\x01\x00", 2);
  out += static_cast<char>(header.size() & 0xffU);
  out += static_cast<char>(header.size() >> 8U);
  out += header;
  if (!values.empty()) out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return out;
}

// A reference may have its rows apart; a file has not.
template <class T>
std::string encode(const base::PointsRef<T>& points, std::string_view descr) {
  const base::Points<T> whole = points;
  const std::int64_t shape[] = {points.rows(), points.cols()};
  return encode<T>(shape, descr, std::span<const T>(whole.data(), static_cast<std::size_t>(whole.size())));
}

}  // namespace

bool Array::is_integer() const {
  return type.size() >= 2 && (type[1] == 'i' || type[1] == 'u' || type[1] == 'b');
}

Array parse_npy(std::string_view bytes, std::string_view name) {
  Cursor cursor(bytes, name);
  if (cursor.take(magic.size(), "the npy signature") != magic) {
    fail_input(name, fmt::format("not an npy file: opens with {}", in_quotes(bytes.substr(0, magic.size()))));
  }
  const auto major = cursor.little<std::uint8_t>("the npy version");
  const auto minor = cursor.little<std::uint8_t>("the npy version");
  if (major < 1 || major > 3) {
    fail_input(name, fmt::format("npy version {}.{} is not read; expected 1.0, 2.0 or 3.0", major, minor));
  }
  const std::uint64_t header_size = major == 1 ? cursor.little<std::uint16_t>("the npy header length")
                                               : cursor.little<std::uint32_t>("the npy header length");
  constexpr std::uint64_t longest_header = 1U << 16U;
  if (header_size > longest_header) {
    fail_input(name, fmt::format("npy header of {} bytes; expected at most {}", header_size, longest_header));
  }
  const NpyHeader header = parse_npy_header(cursor.take(header_size, "the npy header"), name);
  const NpyType& type = find_type(header.descr, name);

  const std::uint64_t here = cursor.remaining();
  const std::optional<std::uint64_t> count = element_count(header.shape, here / type.size);
  if (!count) {
    fail_input(name,
               fmt::format("truncated: shape {} of {} needs more than the {} bytes that follow the header",
                           shape_text(header.shape), in_quotes(header.descr), here));
  }
  if (*count * type.size != here) {
    fail_input(name, fmt::format("{} bytes follow the header; shape {} of {} needs {}", here,
                                 shape_text(header.shape), in_quotes(header.descr), *count * type.size));
  }
  Array array{header.descr, header.shape, {}};
  const bool big = header.descr[0] == '>';
  const char* from = cursor.take(here, "the data").data();
  const auto size = static_cast<std::size_t>(*count);
  if (header.fortran_order) {
    array.values = read_fortran(from, type, big, header.shape, size);
  } else {
    array.values.resize(size);
    for (std::size_t i = 0; i < size; ++i) array.values[i] = type.read(from + i * type.size, big);
  }
  return array;
}

std::string encode_npy(const base::PointsRef<double>& points) {
  return encode<double>(points, "<f8");
}
std::string encode_npy(const base::PointsRef<float>& points) {
  return encode<float>(points, "<f4");
}
std::string encode_npy(std::span<const std::int64_t> shape, std::span<const double> values) {
  if (element_count(shape, values.size()) != values.size()) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("npy: {} values for shape {}", values.size(), shape_text(shape)));
  }
  return encode<double>(shape, "<f8", values);
}

}  // namespace starling::data
