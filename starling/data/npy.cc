#include <bit>
#include <cstring>

#include "starling/data/array.h"
#include "starling/data/bytes.h"

namespace starling::data {
namespace {

struct Header {
  std::string type;
  bool fortran = false;
  std::vector<std::int64_t> shape;
};

// The header is a Python dictionary literal with three known keys; nothing else is accepted.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  Header parse() {
    Header header;
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        header.type = quoted();
      } else if (key == "fortran_order") {
        header.fortran = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        refuse(name_, fmt::format("malformed npy header: unknown key '{}'", key));
      }
      ++seen;
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (seen != 3) refuse(name_, "malformed npy header: expected descr, fortran_order and shape");
    return header;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(name_, fmt::format("malformed npy header: expected '{}' at character {}", c, at_));
  }
  std::string quoted() {
    expect('\'');
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) refuse(name_, "malformed npy header: a quote is not closed");
    const std::string out(text_.substr(at_, end - at_));
    at_ = end + 1;
    return out;
  }
  bool boolean() {
    skip();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    refuse(name_, "malformed npy header: fortran_order must be True or False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!accept(')')) {
      skip();
      std::int64_t value = 0;
      const std::size_t start = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (at_ - start > 17) refuse(name_, "malformed npy header: an extent is too large");
        value = value * 10 + (text_[at_] - '0');
      }
      if (at_ == start) refuse(name_, fmt::format("malformed npy header: expected a number at character {}", at_));
      values.push_back(value);
      if (values.size() > 32) refuse(name_, "malformed npy header: more than 32 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  std::string_view text_, name_;
  std::size_t at_ = 0;
};

template <class To, class From>
double reinterpret(std::uint64_t bits) {
  return static_cast<double>(std::bit_cast<To>(static_cast<From>(bits)));
}

using Converter = double (*)(std::uint64_t);

// numpy kind and size to a conversion from raw bits; null when the type is not numeric.
Converter converter(char kind, std::size_t size) {
  if (kind == 'b' && size == 1) return [](std::uint64_t b) { return b != 0 ? 1.0 : 0.0; };
  if (kind == 'f' && size == 4) return reinterpret<float, std::uint32_t>;
  if (kind == 'f' && size == 8) return reinterpret<double, std::uint64_t>;
  if (kind == 'u' && (size == 1 || size == 2 || size == 4 || size == 8)) return [](std::uint64_t b) { return static_cast<double>(b); };
  if (kind == 'i' && size == 1) return reinterpret<std::int8_t, std::uint8_t>;
  if (kind == 'i' && size == 2) return reinterpret<std::int16_t, std::uint16_t>;
  if (kind == 'i' && size == 4) return reinterpret<std::int32_t, std::uint32_t>;
  if (kind == 'i' && size == 8) return reinterpret<std::int64_t, std::uint64_t>;
  return nullptr;
}

// From Fortran order to C order.
std::vector<double> to_c_order(const std::vector<double>& values, const std::vector<std::int64_t>& shape) {
  std::vector<double> out(values.size());
  std::vector<std::int64_t> at(shape.size(), 0);
  for (const double value : values) {
    std::int64_t position = 0;
    for (std::size_t k = 0; k < shape.size(); ++k) position = position * shape[k] + at[k];
    out[static_cast<std::size_t>(position)] = value;
    for (std::size_t k = 0; k < shape.size() && ++at[k] == shape[k]; ++k) at[k] = 0;
  }
  return out;
}

}  // namespace

Array parse_npy(std::string_view bytes, std::string_view name) {
  ByteReader reader(bytes, name);
  if (reader.take(6) != std::string_view("\x93NUMPY", 6)) refuse(name, "not an npy file: the magic bytes are missing");
  const std::uint64_t major = reader.little(1);
  reader.little(1);
  if (major < 1 || major > 3) refuse(name, fmt::format("npy version {}; expected 1, 2 or 3", major));
  const Header header = HeaderParser(reader.take(reader.little(major == 1 ? 2 : 4)), name).parse();

  const std::string& type = header.type;
  const bool known = type.size() == 3 && std::strchr("<>|=", type[0]) != nullptr && type[2] >= '1' && type[2] <= '8';
  const std::size_t item = known ? static_cast<std::size_t>(type[2] - '0') : 0;
  const Converter convert = known ? converter(type[1], item) : nullptr;
  if (convert == nullptr) {
    refuse(name, fmt::format("dtype '{}'; expected bool, an integer, float32 or float64", type));
  }
  const std::size_t count = checked_size(header.shape, reader.left() / item, name);
  Array array{type, header.shape, std::vector<double>(count)};
  for (double& value : array.values) value = convert(type[0] == '>' ? reader.big(item) : reader.little(item));
  if (header.fortran && array.shape.size() > 1) array.values = to_c_order(array.values, array.shape);
  return array;
}

std::string encode_npy(const base::PointsRef<float>& points) {
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", points.rows(), points.cols());
  constexpr std::size_t preamble = 10, alignment = 64;
  header.append(alignment - (preamble + header.size() + 1) % alignment, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xffU);
  out += static_cast<char>(header.size() >> 8U);
  out += header;
  for (base::Index i = 0; i < points.rows(); ++i) {
    out.append(reinterpret_cast<const char*>(points.row(i).data()), static_cast<std::size_t>(points.cols()) * sizeof(float));
  }
  return out;
}

Array parse_idx(std::string_view bytes, std::string_view name) {
  ByteReader reader(bytes, name);
  if (reader.big(2) != 0) refuse(name, "not an IDX file: it must begin with two zero bytes");
  const std::uint64_t code = reader.big(1);
  const std::uint64_t dimensions = reader.big(1);
  struct Type {
    std::uint64_t code;
    char kind;
    std::size_t size;
  };
  constexpr Type types[] = {{8, 'u', 1}, {9, 'i', 1}, {11, 'i', 2}, {12, 'i', 4}, {13, 'f', 4}, {14, 'f', 8}};
  for (const Type& type : types) {
    if (type.code != code) continue;
    Array array;
    array.type = fmt::format(">{}{}", type.kind, type.size);
    for (std::uint64_t k = 0; k < dimensions; ++k) array.shape.push_back(static_cast<std::int64_t>(reader.big(4)));
    array.values.resize(checked_size(array.shape, reader.left() / type.size, name));
    const Converter convert = converter(type.kind, type.size);
    for (double& value : array.values) value = convert(reader.big(type.size));
    return array;
  }
  refuse(name, fmt::format("IDX type code {}; expected 8, 9, 11, 12, 13 or 14", code));
}

}  // namespace starling::data
