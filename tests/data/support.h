#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/inflate.h"

namespace starling::data::test {

/// The message of the base::Error of this kind that `action` throws; a test failure when it throws none.
inline std::string message_of(const std::function<void()>& action,
                              base::ErrorKind kind = base::ErrorKind::input) {
  try {
    action();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

#define EXPECT_CONTAINS(text, part)                                                                         \
  do {                                                                                                      \
    const std::string held_text = (text);                                                                   \
    EXPECT_NE(held_text.find(part), std::string::npos) << "'" << held_text << "' lacks '" << (part) << "'"; \
  } while (false)

using Parser = std::function<void(std::string_view bytes)>;

/// Every proper prefix of a whole file must be refused with an input error.
inline void expect_every_truncation_is_refused(const std::string& whole, const Parser& parse) {
  parse(whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of exactly this size lets AddressSanitizer see a read past the end.
    const std::string cut = whole.substr(0, size);
    EXPECT_NE(message_of([&] { parse(cut); }), "")
        << "cut after " << size << " of " << whole.size() << " bytes";
  }
}

/// One to four random edits: a bit, a byte, an extreme 16- or 32-bit number, a cut, a repeated piece.
inline std::string mutated(std::string bytes, base::Stream& stream) {
  const auto edits = 1 + stream.below(4);
  for (std::uint64_t i = 0; i < edits && !bytes.empty(); ++i) {
    const auto at = static_cast<std::size_t>(stream.below(bytes.size()));
    const auto extreme = [&](std::size_t count) {
      const char fill = static_cast<char>(stream.below(2) == 0 ? 0xff : stream.below(256));
      for (std::size_t k = at; k < std::min(at + count, bytes.size()); ++k) bytes[k] = fill;
    };
    switch (stream.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << stream.below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(stream.below(256));
        break;
      case 2:
        extreme(2);
        break;
      case 3:
        extreme(stream.below(2) == 0 ? 4 : 8);
        break;
      case 4:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, bytes.substr(at, 1 + stream.below(16)));
        break;
    }
  }
  return bytes;
}

/// Feeds `count` mutations of the seeds to the parser: it may return or throw base::Error{input}, nothing
/// else.
inline void expect_mutations_are_survived(const std::vector<std::string>& seeds, const Parser& parse,
                                          std::uint64_t count = 20'000) {
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    base::Stream stream(7, 0, "mutations", i);
    const std::string bytes = mutated(seeds[i % seeds.size()], stream);
    try {
      parse(bytes);
    } catch (const base::Error& error) {
      ++refused;
      ASSERT_EQ(error.kind(), base::ErrorKind::input) << "mutation " << i << ": " << error.what();
    } catch (const std::exception& error) {
      FAIL() << "mutation " << i << " threw something else: " << error.what();
    }
  }
  EXPECT_GT(refused, count / 10);  // the mutations do reach the checks
}

/// A folder that lives as long as the test.
class Folder : public ::testing::Test {
 protected:
  Folder()
      : folder_(std::filesystem::temp_directory_path() /
                (std::string("starling-data-") +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  ~Folder() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    base::write_file_atomically(folder_ / name, bytes);
    return (folder_ / name).string();
  }
  std::filesystem::path folder_;
};

/// `size` bytes of `value`, lowest byte first.
inline std::string little(std::uint64_t value, unsigned size) {
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += static_cast<char>((value >> (8 * i)) & 0xffU);
  return out;
}

/// A version 1 .npy file with this header text and data.
inline std::string npy_file(const std::string& header, std::string_view data) {
  return std::string("\x93NUMPY\x01\x00", 8) + little(header.size(), 2) + header + std::string(data);
}
inline std::string npy_file(const std::string& descr, bool fortran, const std::string& shape,
                            std::string_view data) {
  return npy_file("{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
                      ", 'shape': " + shape + ", }\n",
                  data);
}

/// One member of a zip archive; `packed` is what stands in the file.
struct Member {
  std::string name;
  std::string packed;
  std::uint64_t unpacked = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
};

inline Member stored(const std::string& name, const std::string& data) {
  return {name, data, data.size(), crc32_of(data), 0, 0};
}

inline std::string zip_file(const std::vector<Member>& members) {
  std::string out, directory;
  for (const Member& member : members) {
    const std::string common = little(20, 2) + little(member.flags, 2) + little(member.method, 2) +
                               little(0, 4) + little(member.crc, 4) + little(member.packed.size(), 4) +
                               little(member.unpacked, 4) + little(member.name.size(), 2) + little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + common + little(0, 2 + 2 + 2) + little(0, 4) +
                 little(out.size(), 4) + member.name;
    out += "PK\x03\x04" + common + member.name + member.packed;
  }
  const std::string end = "PK\x05\x06" + little(0, 4) + little(members.size(), 2) +
                          little(members.size(), 2) + little(directory.size(), 4) + little(out.size(), 4) +
                          little(0, 2);
  return out + directory + end;
}

}  // namespace starling::data::test
