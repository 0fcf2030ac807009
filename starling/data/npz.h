#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "starling/data/npy.h"

namespace starling::data {

/// Reads numpy's .npz: a zip archive, stored or deflated, of NAME.npy entries; the key is NAME. Zip64 is
/// read. Every entry's CRC-32 is verified. Throws Error{input} that names file and entry: not a zip, several
/// disks, encrypted, another method, sizes that the archive cannot hold, more than `most_unpacked` bytes in
/// all, a key twice, an entry that is not .npy. When `order` is given it receives the keys as the archive
/// lists them.
std::map<std::string, Array> parse_npz(std::string_view bytes, std::string_view name,
                                       std::vector<std::string>* order = nullptr);

/// One entry of an archive to be written: its key, and the bytes that encode_npy gives.
struct NpzEntry {
  std::string key, npy;
};

/// The bytes of an .npz of these entries in this order, stored without compression and without a time, so
/// that equal arrays give equal bytes. Throws Error{usage} for a key that is empty, longer than 65531 bytes
/// or used twice, and for an archive above 4 GiB.
std::string encode_npz(const std::vector<NpzEntry>& entries);

}  // namespace starling::data
