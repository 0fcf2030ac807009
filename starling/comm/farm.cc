#include "starling/comm/farm.h"

#include <chrono>
#include <cstring>
#include <future>
#include <vector>

#include "starling/base/parallel.h"

namespace starling::comm {
namespace {

enum class Kind : char { work, done, stop };

std::string message(Kind kind, const Parcel& parcel = {}) {
  std::string out(1 + sizeof(std::size_t), static_cast<char>(kind));
  std::memcpy(out.data() + 1, &parcel.item, sizeof parcel.item);
  return out + parcel.needs;
}

// What a rank other than 0 does.
void serve(Communicator& communicator, const Work& work) {
  while (true) {
    const std::string order = communicator.receive(0);
    if (order[0] == static_cast<char>(Kind::done)) return;
    if (order[0] == static_cast<char>(Kind::stop)) throw Stopped();
    Parcel parcel;
    std::memcpy(&parcel.item, order.data() + 1, sizeof parcel.item);
    parcel.needs = order.substr(1 + sizeof parcel.item);
    communicator.send(0, work.work(parcel));
  }
}

// Rank 0's view of who does what: its own thread is the rank 0 of these lists.
class Lead {
 public:
  Lead(Communicator& communicator, const Work& work)
      : communicator_(communicator), work_(work), busy_(static_cast<std::size_t>(communicator.size())) {}

  void run() {
    while (true) {
      const bool given = give();
      const bool taken = take();
      if (outstanding_ == 0 && !given && !taken) break;
      if (!given && !taken) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    const Kind kind = work_.well() ? Kind::done : Kind::stop;
    for (int rank = 1; rank < communicator_.size(); ++rank) communicator_.send(rank, message(kind));
  }

 private:
  // Others first: their work begins while rank 0 still hands out. True when something was handed out.
  bool give() {
    bool given = false;
    for (std::size_t rank = busy_.size(); rank-- > 0;) {
      if (busy_[rank]) continue;
      const std::optional<Parcel> parcel = work_.next();
      if (!parcel) break;
      busy_[rank] = parcel->item;
      ++outstanding_;
      given = true;
      if (rank > 0) {
        communicator_.send(static_cast<int>(rank), message(Kind::work, *parcel));
      } else {
        own_ = std::async(std::launch::async, [this, parcel = *parcel] {
          const base::FlushDenormals flush;
          return work_.work(parcel);
        });
      }
    }
    return given;
  }

  bool take() {
    bool taken = false;
    for (std::size_t rank = 0; rank < busy_.size(); ++rank) {
      if (!busy_[rank]) continue;
      const bool ready = rank > 0 ? communicator_.waits(static_cast<int>(rank))
                                  : own_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      if (!ready) continue;
      const std::string result = rank > 0 ? communicator_.receive(static_cast<int>(rank)) : own_.get();
      const std::size_t item = *busy_[rank];
      busy_[rank].reset();
      --outstanding_;
      taken = true;
      work_.finish(item, result);
    }
    return taken;
  }

  Communicator& communicator_;
  const Work& work_;
  std::vector<std::optional<std::size_t>> busy_;  // the item of each rank
  std::future<std::string> own_;
  int outstanding_ = 0;
};

}  // namespace

void farm(Communicator& communicator, const Work& work) {
  if (communicator.size() == 1) {
    while (const std::optional<Parcel> parcel = work.next()) work.finish(parcel->item, work.work(*parcel));
    return;
  }
  if (communicator.lead()) {
    Lead(communicator, work).run();
  } else {
    serve(communicator, work);
  }
}

}  // namespace starling::comm
