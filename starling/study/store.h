#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_session;

namespace starling::study {

/// One measured number with what is needed to judge it.
struct Metric {
  std::string task{}, name{}, unit{};
  double value = 0;                        ///< NaN is kept: it says that the number was lost
  std::optional<double> lower{}, upper{};  ///< a 95% interval, when one was measured
  std::optional<double> floor{};  ///< what data against data gives: no model can be expected below it
  std::string note{};
};

struct SeriesPoint {
  std::int64_t step;
  double value;
};

struct SeriesName {
  std::string task, name, unit;
};

enum class Verdict { holds, fails, inconclusive };
std::string to_string(Verdict verdict);

/// A statement of theory, what was measured, and the verdict.
struct Claim {
  std::string id{}, statement{}, source{};
  std::string measured_as{};  ///< how the value is obtained
  std::string falsifier{};    ///< what it would take to fail
  std::optional<double> value{}, lower{}, upper{};
  std::string expected{};
  Verdict verdict = Verdict::inconclusive;
  std::string note{};
};

/// A drawing as data; the kinds are listed in starling/report/drawing.h.
struct Figure {
  std::string id, title, caption;
  nlohmann::json drawing;
};

struct Warning {
  std::string task;
  std::int64_t step;
  std::string text;
};

/// The database of a run: one SQLite file. It holds no clock, no path and no thread count, so that its
/// content is a function of the spec alone. Recording a thing again replaces it. Errors: Error{input} with
/// the path and SQLite's reason.
class Store {
 public:
  /// `existing` refuses a file that is missing or empty, which `create` makes.
  enum class Open { create, existing };
  explicit Store(const std::filesystem::path& path, Open open = Open::create);
  /// A database of this process alone: empty, or what another store's snapshot() holds.
  struct InMemory {};
  explicit Store(InMemory, const std::string& snapshot = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void record(const Metric& metric);
  void record(const std::string& task, const std::string& name, const std::string& unit,
              std::span<const SeriesPoint> points);
  void record(const Claim& claim);
  void record(const Figure& figure);
  void record(const Warning& warning);
  void record_image(const std::string& id, const std::string& png);
  void remove_after(const std::string& task,
                    std::int64_t step);  ///< series points and warnings beyond `step`
  void mark_done(const std::string& task);
  bool is_done(const std::string& task) const;

  std::vector<Metric> metrics() const;
  std::vector<SeriesName> series_names() const;
  std::vector<SeriesPoint> series(const std::string& task, const std::string& name) const;
  std::vector<Claim> claims() const;
  std::vector<Figure> figures() const;
  std::vector<Warning> warnings() const;
  std::string image(const std::string& id) const;  ///< PNG bytes; empty when there is none

  /// All or nothing: what is recorded until commit() is lost if the transaction ends without it.
  class Transaction {
   public:
    explicit Transaction(Store& store);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

   private:
    Store& store_;
    bool open_ = true;
  };

  std::string snapshot() const;  ///< all that was committed, as bytes

  /// While it lives, remembers what this store's content changes to; apply() does the same to another store
  /// that held the same of what was changed, where what is recorded twice is replaced.
  class Recording {
   public:
    explicit Recording(Store& store);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    std::string changes() const;

   private:
    Store& store_;
    sqlite3_session* session_ = nullptr;
  };
  void apply(const std::string& changes);

 private:
  class Statement;
  void execute(const char* sql) const;
  void prepare();  // waiting, collation, schema; closes the database when that fails

  std::string path_;
  sqlite3* db_ = nullptr;
};

}  // namespace starling::study
