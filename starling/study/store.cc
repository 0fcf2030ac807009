#include "starling/study/store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <limits>

#include "starling/base/error.h"
#include "starling/study/natural_order.h"

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

int compare_naturally(void*, int size_a, const void* a, int size_b, const void* b) {
  return natural_order({static_cast<const char*>(a), static_cast<std::size_t>(size_a)},
                       {static_cast<const char*>(b), static_cast<std::size_t>(size_b)});
}

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

namespace {

struct Blob {
  const std::string& bytes;
};

void put(sqlite3_stmt* s, int at, const std::string& text) {
  sqlite3_bind_text64(s, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}
void put(sqlite3_stmt* s, int at, const Blob& blob) {
  sqlite3_bind_blob64(s, at, blob.bytes.data(), blob.bytes.size(), SQLITE_TRANSIENT);
}
void put(sqlite3_stmt* s, int at, double value) {
  sqlite3_bind_double(s, at, value);
}
void put(sqlite3_stmt* s, int at, std::int64_t value) {
  sqlite3_bind_int64(s, at, value);
}
void put(sqlite3_stmt* s, int at, const std::optional<double>& value) {
  if (value) put(s, at, *value);  // unbound is NULL
}

void get(sqlite3_stmt* s, int at, std::string& text) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(s, at));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(s, at));
  text = bytes == nullptr ? std::string() : std::string(bytes, size);
}
void get(sqlite3_stmt* s, int at, std::int64_t& value) {
  value = sqlite3_column_int64(s, at);
}
void get(sqlite3_stmt* s, int at, std::optional<double>& value) {
  value.reset();
  if (sqlite3_column_type(s, at) != SQLITE_NULL) value = sqlite3_column_double(s, at);
}
// SQLite stores NaN as NULL: a lost number must not come back as zero.
void get(sqlite3_stmt* s, int at, double& value) {
  std::optional<double> stored;
  get(s, at, stored);
  value = stored.value_or(std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

// A prepared statement with the values of its question marks.
class Store::Statement {
 public:
  template <class... Values>
  explicit Statement(const Store& store, const char* sql, const Values&... values) : store_(store) {
    if (sqlite3_prepare_v2(store.db_, sql, -1, &statement_, nullptr) != SQLITE_OK) fail();
    bind(values...);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Values>
  Statement& bind(const Values&... values) {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    int at = 0;
    (put(statement_, ++at, values), ...);
    return *this;
  }
  void run() {
    if (next()) fail();
  }
  // False after the last row; else its columns, in order.
  template <class... Values>
  bool next(Values&... values) {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) fail();
    int at = 0;
    (get(statement_, at++, values), ...);
    return true;
  }

 private:
  [[noreturn]] void fail() const {
    throw base::Error(base::ErrorKind::input,
                      fmt::format("{}: database: {}", store_.path_, sqlite3_errmsg(store_.db_)));
  }

  const Store& store_;
  sqlite3_stmt* statement_ = nullptr;
};

Store::Store(const std::filesystem::path& path, Open open) : path_(path.string()) {
  std::error_code code;
  if (open == Open::existing && (std::filesystem::file_size(path, code) == 0 || code)) {
    throw base::Error(base::ErrorKind::input,
                      fmt::format("{}: database: {}", path_, code ? code.message() : "the file is empty"));
  }
  if (sqlite3_open(path_.c_str(), &db_) != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw base::Error(base::ErrorKind::input, fmt::format("{}: database: {}", path_, reason));
  }
  prepare();
}

void Store::prepare() {
  try {
    sqlite3_busy_timeout(db_, 5000);
    sqlite3_create_collation(db_, "by_value", SQLITE_UTF8, nullptr, compare_naturally);
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
  Statement(*this, "INSERT OR REPLACE INTO metrics VALUES (?,?,?,?,?,?,?,?)", m.task, m.name, m.unit, m.value,
            m.lower, m.upper, m.floor, m.note)
      .run();
}

void Store::record(const std::string& task, const std::string& name, const std::string& unit,
                   std::span<const SeriesPoint> points) {
  // Outside a transaction every point would be synchronised to the disk by itself.
  std::optional<Transaction> transaction;
  if (sqlite3_get_autocommit(db_) != 0) transaction.emplace(*this);
  Statement insert(*this, "INSERT OR REPLACE INTO series VALUES (?,?,?,?,?)");
  for (const SeriesPoint& point : points) insert.bind(task, name, unit, point.step, point.value).run();
  if (transaction) transaction->commit();
}

void Store::record(const Claim& c) {
  Statement(*this, "INSERT OR REPLACE INTO claims VALUES (?,?,?,?,?,?,?,?,?,?,?)", c.id, c.statement,
            c.source, c.measured_as, c.falsifier, c.value, c.lower, c.upper, c.expected, to_string(c.verdict),
            c.note)
      .run();
}

void Store::record(const Figure& f) {
  Statement(*this, "INSERT OR REPLACE INTO figures VALUES (?,?,?,?)", f.id, f.title, f.caption,
            f.drawing.dump())
      .run();
}

void Store::record(const Warning& w) {
  Statement(*this, "INSERT OR REPLACE INTO warnings VALUES (?,?,?)", w.task, w.step, w.text).run();
}

void Store::record_image(const std::string& id, const std::string& png) {
  Statement(*this, "INSERT OR REPLACE INTO images VALUES (?,?)", id, Blob{png}).run();
}

void Store::remove_after(const std::string& task, std::int64_t step) {
  Statement(*this, "DELETE FROM series WHERE task = ? AND step > ?", task, step).run();
  Statement(*this, "DELETE FROM warnings WHERE task = ? AND step > ?", task, step).run();
}

void Store::mark_done(const std::string& task) {
  Statement(*this, "INSERT OR REPLACE INTO tasks VALUES (?)", task).run();
}

bool Store::is_done(const std::string& task) const {
  return Statement(*this, "SELECT 1 FROM tasks WHERE name = ?", task).next();
}

std::vector<Metric> Store::metrics() const {
  Statement query(*this,
                  "SELECT task, name, unit, value, lower, upper, floor, note FROM metrics "
                  "ORDER BY task COLLATE by_value, name COLLATE by_value");
  std::vector<Metric> out;
  for (Metric m; query.next(m.task, m.name, m.unit, m.value, m.lower, m.upper, m.floor, m.note);)
    out.push_back(m);
  return out;
}

std::vector<SeriesName> Store::series_names() const {
  Statement query(
      *this,
      "SELECT DISTINCT task, name, unit FROM series ORDER BY task COLLATE by_value, name COLLATE by_value");
  std::vector<SeriesName> out;
  for (SeriesName s; query.next(s.task, s.name, s.unit);) out.push_back(s);
  return out;
}

std::vector<SeriesPoint> Store::series(const std::string& task, const std::string& name) const {
  Statement query(*this, "SELECT step, value FROM series WHERE task = ? AND name = ? ORDER BY step", task,
                  name);
  std::vector<SeriesPoint> out;
  for (SeriesPoint p{}; query.next(p.step, p.value);) out.push_back(p);
  return out;
}

std::vector<Claim> Store::claims() const {
  Statement query(
      *this,
      "SELECT id, statement, source, measured_as, falsifier, value, lower, upper, expected, verdict, note "
      "FROM claims ORDER BY id COLLATE by_value");
  std::vector<Claim> out;
  std::string verdict;
  for (Claim c; query.next(c.id, c.statement, c.source, c.measured_as, c.falsifier, c.value, c.lower, c.upper,
                           c.expected, verdict, c.note);) {
    c.verdict = verdict == "holds"   ? Verdict::holds
                : verdict == "fails" ? Verdict::fails
                                     : Verdict::inconclusive;
    out.push_back(c);
  }
  return out;
}

std::vector<Figure> Store::figures() const {
  Statement query(*this, "SELECT id, title, caption, drawing FROM figures ORDER BY id COLLATE by_value");
  std::vector<Figure> out;
  std::string drawing;
  for (Figure f; query.next(f.id, f.title, f.caption, drawing);) {
    f.drawing = nlohmann::json::parse(drawing, nullptr, false);
    if (f.drawing.is_discarded())
      throw base::Error(base::ErrorKind::input, fmt::format("{}: figure {}: damaged", path_, f.id));
    out.push_back(f);
  }
  return out;
}

std::vector<Warning> Store::warnings() const {
  Statement query(*this, "SELECT task, step, text FROM warnings ORDER BY task COLLATE by_value, step, text");
  std::vector<Warning> out;
  for (Warning w{}; query.next(w.task, w.step, w.text);) out.push_back(w);
  return out;
}

std::string Store::image(const std::string& id) const {
  std::string png;
  Statement(*this, "SELECT png FROM images WHERE id = ?", id).next(png);
  return png;
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
