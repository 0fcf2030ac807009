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

}  // namespace starling::data
