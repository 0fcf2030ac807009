#include "starling/study/store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <limits>

#include "starling/base/error.h"

namespace starling::study {
namespace {

constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS tasks (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metrics (task TEXT, name TEXT, unit TEXT, value REAL, lower REAL, upper REAL, floor REAL, note TEXT,
  PRIMARY KEY (task, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (task TEXT, name TEXT, unit TEXT, step INTEGER, value REAL,
  PRIMARY KEY (task, name, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (id TEXT PRIMARY KEY, statement TEXT, source TEXT, measured_as TEXT, falsifier TEXT,
  value REAL, lower REAL, upper REAL, expected TEXT, verdict TEXT, note TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS figures (id TEXT PRIMARY KEY, title TEXT, caption TEXT, drawing TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (id TEXT PRIMARY KEY, png BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS warnings (task TEXT, step INTEGER, text TEXT, PRIMARY KEY (task, step, text)) WITHOUT ROWID;
)sql";

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds:
      return "holds";
    case Verdict::fails:
      return "fails";
    case Verdict::inconclusive:
      break;
  }
  return "inconclusive";
}

// A prepared statement with typed binding in order, and rows read in order.
class Store::Statement {
 public:
  Statement(const Store& store, const char* sql) : store_(store) {
    if (sqlite3_prepare_v2(store.db_, sql, -1, &statement_, nullptr) != SQLITE_OK) fail();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const std::string& text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind_blob(const std::string& bytes) {
    sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(double value) {
    sqlite3_bind_double(statement_, ++bound_, value);
    return *this;
  }
  Statement& bind(std::int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& bind(const std::optional<double>& value) {
    if (value) return bind(*value);
    sqlite3_bind_null(statement_, ++bound_);
    return *this;
  }
  void run() {
    if (step()) fail();
    sqlite3_reset(statement_);
    bound_ = 0;
  }
  bool step() {
    const int code = sqlite3_step(statement_);
    column_ = 0;
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail();
    return false;
  }
  std::string text() {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column_));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
    return bytes == nullptr ? std::string() : std::string(bytes, size);
  }
  // SQLite stores NaN as NULL: a lost number must not come back as zero.
  double real() { return maybe_real().value_or(std::numeric_limits<double>::quiet_NaN()); }
  std::int64_t integer() { return sqlite3_column_int64(statement_, column_++); }
  std::optional<double> maybe_real() {
    if (sqlite3_column_type(statement_, column_) == SQLITE_NULL) {
      ++column_;
      return std::nullopt;
    }
    return sqlite3_column_double(statement_, column_++);
  }

 private:
  [[noreturn]] void fail() const {
    throw base::Error(base::ErrorKind::input,
                      fmt::format("{}: database: {}", store_.path_, sqlite3_errmsg(store_.db_)));
  }

  const Store& store_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0, column_ = 0;
};

Store::Store(const std::filesystem::path& path) : path_(path.string()) {
  if (sqlite3_open(path_.c_str(), &db_) != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw base::Error(base::ErrorKind::input, fmt::format("{}: database: {}", path_, reason));
  }
  try {
    sqlite3_busy_timeout(db_, 5000);
    execute("PRAGMA synchronous = FULL");
    execute(schema);
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Store::~Store() {
  sqlite3_close(db_);
}

void Store::execute(const char* sql) const {
  char* message = nullptr;
  if (sqlite3_exec(db_, sql, nullptr, nullptr, &message) == SQLITE_OK) return;
  const std::string reason = message == nullptr ? "unknown" : message;
  sqlite3_free(message);
  throw base::Error(base::ErrorKind::input, fmt::format("{}: database: {}", path_, reason));
}

void Store::record(const Metric& m) {
  Statement(*this, "INSERT OR REPLACE INTO metrics VALUES (?,?,?,?,?,?,?,?)")
      .bind(m.task)
      .bind(m.name)
      .bind(m.unit)
      .bind(m.value)
      .bind(m.lower)
      .bind(m.upper)
      .bind(m.floor)
      .bind(m.note)
      .run();
}

void Store::record(const std::string& task, const std::string& name, const std::string& unit,
                   std::span<const SeriesPoint> points) {
  // Outside a transaction every point would be synchronised to the disk by itself.
  std::optional<Transaction> transaction;
  if (sqlite3_get_autocommit(db_) != 0) transaction.emplace(*this);
  Statement insert(*this, "INSERT OR REPLACE INTO series VALUES (?,?,?,?,?)");
  for (const SeriesPoint& point : points)
    insert.bind(task).bind(name).bind(unit).bind(point.step).bind(point.value).run();
  if (transaction) transaction->commit();
}

void Store::record(const Claim& c) {
  Statement(*this, "INSERT OR REPLACE INTO claims VALUES (?,?,?,?,?,?,?,?,?,?,?)")
      .bind(c.id)
      .bind(c.statement)
      .bind(c.source)
      .bind(c.measured_as)
      .bind(c.falsifier)
      .bind(c.value)
      .bind(c.lower)
      .bind(c.upper)
      .bind(c.expected)
      .bind(to_string(c.verdict))
      .bind(c.note)
      .run();
}

void Store::record(const Figure& f) {
  Statement(*this, "INSERT OR REPLACE INTO figures VALUES (?,?,?,?)")
      .bind(f.id)
      .bind(f.title)
      .bind(f.caption)
      .bind(f.drawing.dump())
      .run();
}

void Store::record(const Warning& w) {
  Statement(*this, "INSERT OR REPLACE INTO warnings VALUES (?,?,?)")
      .bind(w.task)
      .bind(w.step)
      .bind(w.text)
      .run();
}

void Store::record_image(const std::string& id, const std::string& png) {
  Statement(*this, "INSERT OR REPLACE INTO images VALUES (?,?)").bind(id).bind_blob(png).run();
}

void Store::remove_after(const std::string& task, std::int64_t step) {
  Statement(*this, "DELETE FROM series WHERE task = ? AND step > ?").bind(task).bind(step).run();
  Statement(*this, "DELETE FROM warnings WHERE task = ? AND step > ?").bind(task).bind(step).run();
}

void Store::mark_done(const std::string& task) {
  Statement(*this, "INSERT OR REPLACE INTO tasks VALUES (?)").bind(task).run();
}

bool Store::is_done(const std::string& task) const {
  Statement query(*this, "SELECT 1 FROM tasks WHERE name = ?");
  return query.bind(task).step();
}

std::vector<Metric> Store::metrics() const {
  Statement q(*this,
              "SELECT task, name, unit, value, lower, upper, floor, note FROM metrics ORDER BY task, name");
  std::vector<Metric> out;
  while (q.step()) {
    Metric m;
    m.task = q.text();
    m.name = q.text();
    m.unit = q.text();
    m.value = q.real();
    m.lower = q.maybe_real();
    m.upper = q.maybe_real();
    m.floor = q.maybe_real();
    m.note = q.text();
    out.push_back(std::move(m));
  }
  return out;
}

std::vector<SeriesName> Store::series_names() const {
  Statement q(*this, "SELECT DISTINCT task, name, unit FROM series ORDER BY task, name");
  std::vector<SeriesName> out;
  while (q.step()) {
    std::string task = q.text(), name = q.text(), unit = q.text();
    out.push_back({std::move(task), std::move(name), std::move(unit)});
  }
  return out;
}

std::vector<SeriesPoint> Store::series(const std::string& task, const std::string& name) const {
  Statement q(*this, "SELECT step, value FROM series WHERE task = ? AND name = ? ORDER BY step");
  q.bind(task).bind(name);
  std::vector<SeriesPoint> out;
  while (q.step()) {
    const std::int64_t step = q.integer();
    out.push_back({step, q.real()});
  }
  return out;
}

std::vector<Claim> Store::claims() const {
  Statement q(
      *this,
      "SELECT id, statement, source, measured_as, falsifier, value, lower, upper, expected, verdict, note "
      "FROM claims ORDER BY id");
  std::vector<Claim> out;
  while (q.step()) {
    Claim c;
    c.id = q.text();
    c.statement = q.text();
    c.source = q.text();
    c.measured_as = q.text();
    c.falsifier = q.text();
    c.value = q.maybe_real();
    c.lower = q.maybe_real();
    c.upper = q.maybe_real();
    c.expected = q.text();
    const std::string verdict = q.text();
    c.verdict = verdict == "holds"   ? Verdict::holds
                : verdict == "fails" ? Verdict::fails
                                     : Verdict::inconclusive;
    c.note = q.text();
    out.push_back(std::move(c));
  }
  return out;
}

std::vector<Figure> Store::figures() const {
  Statement q(*this, "SELECT id, title, caption, drawing FROM figures ORDER BY id");
  std::vector<Figure> out;
  while (q.step()) {
    Figure f;
    f.id = q.text();
    f.title = q.text();
    f.caption = q.text();
    f.drawing = nlohmann::json::parse(q.text());
    out.push_back(std::move(f));
  }
  return out;
}

std::vector<Warning> Store::warnings() const {
  Statement q(*this, "SELECT task, step, text FROM warnings ORDER BY task, step, text");
  std::vector<Warning> out;
  while (q.step()) {
    std::string task = q.text();
    const std::int64_t step = q.integer();
    out.push_back({std::move(task), step, q.text()});
  }
  return out;
}

std::string Store::image(const std::string& id) const {
  Statement q(*this, "SELECT png FROM images WHERE id = ?");
  return q.bind(id).step() ? q.text() : std::string();
}

Store::Transaction::Transaction(Store& store) : store_(store) {
  store_.execute("BEGIN IMMEDIATE");
}

Store::Transaction::~Transaction() {
  if (open_) sqlite3_exec(store_.db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Store::Transaction::commit() {
  store_.execute("COMMIT");
  open_ = false;
}

}  // namespace starling::study
