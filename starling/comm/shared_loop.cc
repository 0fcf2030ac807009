#include "starling/comm/shared_loop.h"

#include <algorithm>

#include "starling/base/parallel.h"
#include "starling/base/parallel_depth.h"

namespace starling::comm {
namespace {

thread_local Communicator* shared_by = nullptr;

}  // namespace

Sharing::Sharing(Communicator& communicator) : before_(shared_by) {
  shared_by = communicator.size() > 1 ? &communicator : nullptr;
}

Sharing::~Sharing() {
  shared_by = before_;
}

SharedLoop::SharedLoop(std::ptrdiff_t n, std::ptrdiff_t chunk)
    : n_(n),
      chunk_(chunk),
      chunks_((n + chunk - 1) / chunk),
      communicator_(chunks_ > 1 && !base::in_parallel_loop() ? shared_by : nullptr) {}

std::ptrdiff_t SharedLoop::first_chunk(int rank) const {
  return chunks_ * rank / communicator_->size();
}

int SharedLoop::owner(std::size_t chunk) const {
  int rank = 0;
  while (first_chunk(rank + 1) <= static_cast<std::ptrdiff_t>(chunk)) ++rank;
  return rank;
}

void SharedLoop::run(const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body) const {
  if (communicator_ == nullptr) {
    base::parallel_chunks(n_, chunk_, std::cref(body));
    return;
  }
  const std::ptrdiff_t from = first_chunk(communicator_->rank()) * chunk_,
                       to = std::min(n_, first_chunk(communicator_->rank() + 1) * chunk_);
  base::parallel_chunks(to - from, chunk_,
                        [&](std::ptrdiff_t begin, std::ptrdiff_t end) { body(from + begin, from + end); });
}

void SharedLoop::gather(std::byte* data, std::size_t bytes, bool by_chunk) const {
  std::vector<std::size_t> bounds;
  for (int rank = 0; rank <= communicator_->size(); ++rank) {
    const std::ptrdiff_t at = by_chunk ? first_chunk(rank) : std::min(n_, first_chunk(rank) * chunk_);
    bounds.push_back(static_cast<std::size_t>(at) * bytes);
  }
  communicator_->gather({data, bounds.back()}, bounds);
}

}  // namespace starling::comm
