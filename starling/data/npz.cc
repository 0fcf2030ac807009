#include "starling/data/npz.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/data/bytes.h"
#include "starling/data/inflate.h"

namespace starling::data {
namespace {

// The records of PKWARE's APPNOTE 6.3: signatures and fixed sizes.
constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                        end_signature = 0x06054b50;
constexpr std::uint32_t end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
constexpr std::uint64_t end_size = 22, locator64_size = 20, central_size = 46, longest_comment = 0xffff;
constexpr std::uint16_t in_zip64_16 = 0xffff;
constexpr std::uint32_t in_zip64_32 = 0xffffffff;

struct Directory {
  std::uint64_t entries = 0, size = 0, offset = 0;
};

struct Entry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, unpacked = 0, offset = 0;
};

std::uint64_t find_end(std::string_view bytes, std::string_view name) {
  if (bytes.size() >= end_size) {
    const std::uint64_t last = bytes.size() - end_size;
    const std::uint64_t first = last > longest_comment ? last - longest_comment : 0;
    for (std::uint64_t at = last + 1; at-- > first;) {
      if (load_number<std::uint32_t>(bytes.data() + at, false) != end_signature) continue;
      // The comment must reach exactly to the end of the file.
      if (load_number<std::uint16_t>(bytes.data() + at + 20, false) == last - at) return at;
    }
  }
  fail_input(name, fmt::format("not a whole npz (zip) file: no end record in its {} bytes", bytes.size()));
}

Directory read_directory(std::string_view bytes, std::string_view name) {
  const std::uint64_t end = find_end(bytes, name);
  Cursor cursor(bytes, name);
  cursor.seek(end + 4, "the end record");
  const auto disk = cursor.little<std::uint16_t>("the disk number");
  const auto first_disk = cursor.little<std::uint16_t>("the disk number");
  cursor.take(2, "the number of entries here");
  Directory directory;
  directory.entries = cursor.little<std::uint16_t>("the number of entries");
  directory.size = cursor.little<std::uint32_t>("the directory size");
  directory.offset = cursor.little<std::uint32_t>("the directory offset");
  const bool zip64 =
      directory.entries == in_zip64_16 || directory.size == in_zip64_32 || directory.offset == in_zip64_32;
  if (zip64 && end >= locator64_size) {
    cursor.seek(end - locator64_size, "the zip64 locator");
    if (cursor.little<std::uint32_t>("the zip64 locator") == locator64_signature) {
      cursor.take(4, "the disk number");
      cursor.seek(cursor.little<std::uint64_t>("the zip64 offset"), "the zip64 end record");
      if (cursor.little<std::uint32_t>("the zip64 end record") != end64_signature) {
        fail_input(name, "the zip64 locator points at no zip64 end record");
      }
      cursor.take(8 + 2 + 2 + 4 + 4 + 8, "the zip64 end record");
      directory.entries = cursor.little<std::uint64_t>("the number of entries");
      directory.size = cursor.little<std::uint64_t>("the directory size");
      directory.offset = cursor.little<std::uint64_t>("the directory offset");
    }
  } else if (disk != 0 || first_disk != 0) {
    fail_input(name, "a zip archive of several disks is not read");
  }
  if (directory.offset > end || directory.size > end - directory.offset) {
    fail_input(name, fmt::format("the zip directory ({} bytes at {}) runs past the end record at {}",
                                 directory.size, directory.offset, end));
  }
  if (directory.entries > directory.size / central_size) {
    fail_input(name, fmt::format("{} zip entries do not fit a directory of {} bytes", directory.entries,
                                 directory.size));
  }
  return directory;
}

// The 64-bit sizes stand in extra field 1, only those whose 32-bit field is all ones, in this order.
void read_zip64_extra(std::string_view extra, Entry& entry, std::string_view name) {
  Cursor cursor(extra, name);
  while (cursor.remaining() >= 4) {
    const auto id = cursor.little<std::uint16_t>("an extra field");
    const auto size = cursor.little<std::uint16_t>("an extra field");
    Cursor field(cursor.take(size, "an extra field"), name);
    if (id != 1) continue;
    for (std::uint64_t* value : {&entry.unpacked, &entry.packed, &entry.offset}) {
      if (*value == in_zip64_32) *value = field.little<std::uint64_t>("a zip64 size");
    }
    return;
  }
}

std::vector<Entry> read_entries(std::string_view bytes, std::string_view name) {
  const Directory directory = read_directory(bytes, name);
  Cursor cursor(bytes.substr(0, directory.offset + directory.size), name);
  cursor.seek(directory.offset, "the zip directory");
  std::vector<Entry> entries;
  std::uint64_t packed_total = 0, unpacked_total = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (cursor.little<std::uint32_t>("a zip directory entry") != central_signature) {
      fail_input(name, fmt::format("zip directory entry {} has a wrong signature", i));
    }
    Entry entry;
    cursor.take(4, "the zip versions");
    entry.flags = cursor.little<std::uint16_t>("the zip flags");
    entry.method = cursor.little<std::uint16_t>("the zip method");
    cursor.take(4, "the zip time");
    entry.crc = cursor.little<std::uint32_t>("the checksum");
    entry.packed = cursor.little<std::uint32_t>("the packed size");
    entry.unpacked = cursor.little<std::uint32_t>("the unpacked size");
    const auto name_size = cursor.little<std::uint16_t>("the name length");
    const auto extra_size = cursor.little<std::uint16_t>("the extra length");
    const auto comment_size = cursor.little<std::uint16_t>("the comment length");
    cursor.take(2 + 2 + 4, "the zip attributes");
    entry.offset = cursor.little<std::uint32_t>("the entry offset");
    entry.name = cursor.take(name_size, "the entry name");
    read_zip64_extra(cursor.take(extra_size, "the extra fields"), entry, name);
    cursor.take(comment_size, "the entry comment");
    // Entries that share bytes are how small archives unpack to terabytes: honest ones fit side by side.
    if (entry.packed > bytes.size() - packed_total) {
      fail_input(name, fmt::format("entry {}: the packed sizes sum to more than the file's {} bytes",
                                   in_quotes(entry.name), bytes.size()));
    }
    packed_total += entry.packed;
    if (entry.unpacked > most_unpacked - unpacked_total) {
      fail_input(name, fmt::format("entry {}: the archive unpacks to more than the {} bytes that are read",
                                   in_quotes(entry.name), most_unpacked));
    }
    unpacked_total += entry.unpacked;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string read_entry(std::string_view bytes, const Entry& entry, std::string_view where) {
  constexpr unsigned encrypted = 1;
  if ((entry.flags & encrypted) != 0) fail_input(where, "encrypted entries are not read");
  Cursor cursor(bytes, where);
  cursor.seek(entry.offset, "the local header");
  if (cursor.little<std::uint32_t>("the local header") != local_signature) {
    fail_input(where, fmt::format("no local header at byte {}", entry.offset));
  }
  cursor.take(22, "the local header");
  const auto name_size = cursor.little<std::uint16_t>("the local name length");
  const auto extra_size = cursor.little<std::uint16_t>("the local extra length");
  cursor.take(name_size, "the local name");
  cursor.take(extra_size, "the local extra field");
  const std::string_view packed = cursor.take(entry.packed, "the packed data");
  std::string data;
  if (entry.method == 0) {
    if (entry.packed != entry.unpacked) {
      fail_input(where,
                 fmt::format("stored, yet {} bytes packed and {} unpacked", entry.packed, entry.unpacked));
    }
    data = packed;
  } else if (entry.method == 8) {
    data = inflate_raw(packed, entry.unpacked, where);
  } else {
    fail_input(where,
               fmt::format("zip method {} is not read; expected 0 (stored) or 8 (deflate)", entry.method));
  }
  if (const std::uint32_t sum = crc32_of(data); sum != entry.crc) {
    fail_input(where, fmt::format("checksum {:08x}, expected {:08x}: the file is damaged", sum, entry.crc));
  }
  return data;
}

void append_little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
}

// What the local header and the directory say alike of an entry that is stored.
std::string common_header(const NpzEntry& entry) {
  constexpr std::uint64_t version = 20, first_of_1980 = 33;  // the earliest date that zip can write
  std::string out;
  append_little(out, version, 2);
  append_little(out, 0, 2 + 2 + 2);  // flags, method, time
  append_little(out, first_of_1980, 2);
  append_little(out, crc32_of(entry.npy), 4);
  append_little(out, entry.npy.size(), 4);
  append_little(out, entry.npy.size(), 4);
  append_little(out, entry.key.size() + 4, 2);
  append_little(out, 0, 2);  // extra field
  return out;
}

void check_writable(const std::vector<NpzEntry>& entries) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& key = entries[i].key;
    const bool twice = std::any_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const NpzEntry& earlier) { return earlier.key == key; });
    if (key.empty() || key.size() + 4 > longest_comment || twice) {
      throw base::Error(base::ErrorKind::usage,
                        fmt::format("npz: {} {}", in_quotes(key),
                                    twice ? "is used twice" : "is no key: expected 1 to 65531 bytes"));
    }
    total += entries[i].npy.size() + 2 * (key.size() + central_size + 4);
  }
  if (total >= in_zip64_32 || entries.size() >= in_zip64_16) {
    throw base::Error(base::ErrorKind::usage, fmt::format("npz: {} entries of {} bytes; expected below 4 GiB",
                                                          entries.size(), total));
  }
}

}  // namespace

std::string encode_npz(const std::vector<NpzEntry>& entries) {
  check_writable(entries);
  std::string out, directory;
  for (const NpzEntry& entry : entries) {
    const std::string common = common_header(entry), name = entry.key + ".npy";
    append_little(directory, central_signature, 4);
    append_little(directory, 20, 2);
    directory += common;
    append_little(directory, 0, 2 + 2 + 2);  // comment, disk, internal attributes
    append_little(directory, 0, 4);          // external attributes
    append_little(directory, out.size(), 4);
    directory += name;
    append_little(out, local_signature, 4);
    out += common + name + entry.npy;
  }
  const std::uint64_t start = out.size();
  out += directory;
  append_little(out, end_signature, 4);
  append_little(out, 0, 2 + 2);
  append_little(out, entries.size(), 2);
  append_little(out, entries.size(), 2);
  append_little(out, directory.size(), 4);
  append_little(out, start, 4);
  append_little(out, 0, 2);
  return out;
}

std::map<std::string, Array> parse_npz(std::string_view bytes, std::string_view name,
                                       std::vector<std::string>* order) {
  std::map<std::string, Array> arrays;
  for (const Entry& entry : read_entries(bytes, name)) {
    constexpr std::string_view suffix = ".npy";
    if (!std::string_view(entry.name).ends_with(suffix)) {
      fail_input(name,
                 fmt::format("entry {} is no array; expected names that end in .npy", in_quotes(entry.name)));
    }
    const std::string key = entry.name.substr(0, entry.name.size() - suffix.size());
    const std::string where = fmt::format("{}[{}]", name, in_quotes(key));
    if (arrays.contains(key)) fail_input(where, "the key appears twice");
    arrays.emplace(key, parse_npy(read_entry(bytes, entry, where), where));
    if (order != nullptr) order->push_back(key);
  }
  return arrays;
}

}  // namespace starling::data
