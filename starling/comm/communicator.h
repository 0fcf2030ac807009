#pragma once
#include <cstddef>
#include <exception>
#include <span>
#include <string>

namespace starling::comm {

/// The processes of one run, numbered 0 to size - 1. All calls come from the main thread of a process; a
/// collective one (broadcast, gather, barrier) is made by every rank in the same order. A rank
/// that dies ends all of them: there is no error to handle here, the run is resumed instead.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool lead() const { return rank() == 0; }  ///< the one that owns the run directory and speaks

  /// Whole messages, in order between two ranks. receive() waits without using the processor.
  virtual void send(int to, const std::string& bytes) = 0;
  virtual bool waits(int from) = 0;  ///< whether receive(from) would return at once
  virtual std::string receive(int from) = 0;

  virtual void broadcast(std::span<std::byte> bytes, int from) = 0;
  /// Every rank holds bytes bounds[rank] to bounds[rank + 1] of `all`, and ends with all of them.
  virtual void gather(std::span<std::byte> all, std::span<const std::size_t> bounds) = 0;
  virtual void barrier() = 0;

  /// Ends every process of the run with this exit code.
  [[noreturn]] virtual void abort(int code) = 0;
};

/// One process.
class Alone final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void send(int to, const std::string& bytes) override;
  bool waits(int from) override;
  std::string receive(int from) override;
  void broadcast(std::span<std::byte>, int) override {}
  void gather(std::span<std::byte>, std::span<const std::size_t>) override {}
  void barrier() override {}
  [[noreturn]] void abort(int code) override;
};

/// The communicator of a process that was started by itself.
Communicator& alone();

/// Returns on every rank once rank 0 has called it. The others wait without using the processor.
void follow_lead(Communicator& communicator);

/// Rank 0 gave up; it says why, the others say nothing.
struct Stopped : std::exception {
  const char* what() const noexcept override { return "rank 0 stopped the run"; }
};

}  // namespace starling::comm
