// What lets tasks be measured away from the run's database: copies of it, and what a task changed in one.
#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/study/store.h"

namespace starling::study {
namespace {

[[noreturn]] void fail(const std::string& path, int code) {
  throw base::Error(base::ErrorKind::input, fmt::format("{}: database: {}", path, sqlite3_errstr(code)));
}

void require(const std::string& path, int code) {
  if (code != SQLITE_OK) fail(path, code);
}

}  // namespace

Store::Store(InMemory, const std::string& snapshot) : path_(":memory:") {
  require(path_, sqlite3_open(path_.c_str(), &db_));
  if (!snapshot.empty()) {
    auto* bytes = static_cast<unsigned char*>(sqlite3_malloc64(snapshot.size()));
    std::copy(snapshot.begin(), snapshot.end(), bytes);
    const auto size = static_cast<sqlite3_int64>(snapshot.size());
    require(path_, sqlite3_deserialize(db_, "main", bytes, size, size,
                                       SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
  }
  prepare();
}

std::string Store::snapshot() const {
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(db_, "main", &size, 0);
  if (bytes == nullptr) fail(path_, SQLITE_NOMEM);
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  return out;
}

void Store::apply(const std::string& changes) {
  if (changes.empty()) return;
  std::string copy = changes;  // SQLite wants it mutable
  require(path_, sqlite3changeset_apply(
                     db_, static_cast<int>(copy.size()), copy.data(), nullptr,
                     [](void*, int conflict, sqlite3_changeset_iter*) {
                       // What is there already gives way, as in record(); what is gone already is gone.
                       return conflict == SQLITE_CHANGESET_DATA || conflict == SQLITE_CHANGESET_CONFLICT
                                  ? SQLITE_CHANGESET_REPLACE
                                  : SQLITE_CHANGESET_OMIT;
                     },
                     nullptr));
}

Store::Recording::Recording(Store& store) : store_(store) {
  require(store_.path_, sqlite3session_create(store_.db_, "main", &session_));
  require(store_.path_, sqlite3session_attach(session_, nullptr));
}

Store::Recording::~Recording() {
  sqlite3session_delete(session_);
}

std::string Store::Recording::changes() const {
  int size = 0;
  void* bytes = nullptr;
  require(store_.path_, sqlite3session_changeset(session_, &size, &bytes));
  std::string out(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  return out;
}

}  // namespace starling::study
