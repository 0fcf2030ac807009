#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "starling/comm/communicator.h"

namespace starling::comm {

/// One piece of work and what it takes to do it.
struct Parcel {
  std::size_t item = 0;
  std::string needs{};
};

/// Work that ranks share. Rank 0 hands out and collects; every rank, rank 0 too, does one item at a time.
struct Work {
  /// Rank 0: what to hand out next, or nothing: either all is handed out, or the rest waits for results.
  std::function<std::optional<Parcel>()> next;
  /// Does one item; must not throw. On rank 0 it runs beside the other two, in a thread of its own.
  std::function<std::string(const Parcel&)> work;
  /// Rank 0: takes the result of an item, in the order in which they end.
  std::function<void(std::size_t item, const std::string& result)> finish;
  /// Rank 0, once nothing is left to do: whether all went well. If not the other ranks get Stopped.
  std::function<bool()> well;
};

/// Returns on every rank once next() has nothing more to give and every result is in. In one process items
/// are done in the order of next(), in the calling thread. An error of next() or finish() leaves at once.
void farm(Communicator& communicator, const Work& work);

}  // namespace starling::comm
