// The only file that includes mpi.h.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "starling/comm/launch.h"

namespace starling::comm {
namespace {

constexpr int tag = 1;
constexpr std::size_t piece = std::size_t{1} << 30U;  // MPI counts in int

int count(std::size_t bytes) {
  if (bytes > INT_MAX) throw std::length_error("a message between ranks of more than 2 GiB");
  return static_cast<int>(bytes);
}

// Calls `move` for pieces that MPI can count.
template <class Move>
void in_pieces(std::size_t bytes, const Move& move) {
  for (std::size_t at = 0; at < bytes; at += piece) move(at, static_cast<int>(std::min(piece, bytes - at)));
}

// MPI's own errors end all ranks, its default.
class Ranks final : public Communicator {
 public:
  Ranks() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  ~Ranks() override { MPI_Finalize(); }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(int to, const std::string& bytes) override {
    MPI_Send(bytes.data(), count(bytes.size()), MPI_BYTE, to, tag, MPI_COMM_WORLD);
  }
  bool waits(int from) override {
    int there = 0;
    MPI_Iprobe(from, tag, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    return there != 0;
  }
  // MPI waits by spinning; a rank without work leaves its core to others.
  std::string receive(int from) override {
    for (int pause = 1; !waits(from); pause = std::min(2 * pause, 1000))
      std::this_thread::sleep_for(std::chrono::microseconds(pause));
    MPI_Status status;
    MPI_Probe(from, tag, MPI_COMM_WORLD, &status);
    int bytes = 0;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    std::string out(static_cast<std::size_t>(bytes), '\0');
    MPI_Recv(out.data(), bytes, MPI_BYTE, from, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return out;
  }
  void broadcast(std::span<std::byte> bytes, int from) override {
    in_pieces(bytes.size(), [&](std::size_t at, int n) {
      MPI_Bcast(bytes.data() + at, n, MPI_BYTE, from, MPI_COMM_WORLD);
    });
  }
  void gather(std::span<std::byte> all, std::span<const std::size_t> bounds) override {
    if (all.size() > INT_MAX) {
      for (int from = 0; from < size_; ++from) {
        const auto r = static_cast<std::size_t>(from);
        broadcast(all.subspan(bounds[r], bounds[r + 1] - bounds[r]), from);
      }
      return;
    }
    std::vector<int> counts, starts;
    for (std::size_t r = 0; r + 1 < bounds.size(); ++r) {
      counts.push_back(count(bounds[r + 1] - bounds[r]));
      starts.push_back(count(bounds[r]));
    }
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), counts.data(), starts.data(), MPI_BYTE,
                   MPI_COMM_WORLD);
  }
  void barrier() override { MPI_Barrier(MPI_COMM_WORLD); }
  [[noreturn]] void abort(int code) override {
    MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
  }

 private:
  int rank_ = 0, size_ = 1;
};

// Each launcher names the number of ranks its own way: Open MPI's, PMI's (MPICH, Slurm), PMIx's rank.
bool was_launched() {
  return std::ranges::any_of(
      std::initializer_list<const char*>{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"},
      [](const char* name) { return std::getenv(name) != nullptr; });
}

}  // namespace

Communicator& launched() {
  if (!was_launched()) return alone();
  static Ranks ranks;
  return ranks;
}

bool knows_mpi() {
  return true;
}

}  // namespace starling::comm
