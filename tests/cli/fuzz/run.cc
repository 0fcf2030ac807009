// Run directories that somebody else made: one file of a small, whole run of a system is replaced or edited,
// and every verb that reads runs is let loose on it. Each ends well or in one base::Error; whatever else
// happens stops the fuzzer.
//
// The input: the run, the file, how it is changed (a byte each), then what the change takes. Edits of
// checkpoints and of the database go through their own formats, so that checksums hold and what they hold is
// looked at.
#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "data/fuzz/scratch_file.h"
#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/cli/verbs.h"
#include "starling/data/safetensors.h"
#include "starling/report/report.h"
#include "starling/systems/all/all.h"

namespace {

using namespace starling;
using data::testing::scratch_file;
using data::testing::scratch_folder;
using Files = std::map<std::string, std::string>;

struct Run {
  std::string name, spec, points;  ///< points: what `predict` is given
  Files files{};
};

std::vector<Run>& runs() {
  static std::vector<Run> all = {
      {"drift",
       "system = \"drift\"\n[data]\nsource = \"moons\"\n[generator]\nwidth = 8\n[train]\nsteps = 4\nbatch = "
       "16\n"
       "data_batch = 16\nevaluation = 20\nrepeats = 2\ncheckpoint_every = 2\n",
       "1,2\n"},
      {"particles",
       "system = \"drift\"\njob = \"particles\"\n[data]\nsource = \"moons\"\n[target]\npoints = "
       "20\n[cloud]\ncount = 10\n"
       "[motion]\nintegrator = \"steps\"\nsteps = 4\n",
       "1,2\n"},
      {"text",
       "system = \"depth\"\n[data]\npath = \"text.txt\"\ntokens = \"characters\"\n[network]\ncontext = "
       "8\nlayers = 1\nheads = 2\n"
       "width = 8\n[train]\nsteps = 4\nbatch = 2\nmeasurements = 2\ncheckpoint_every = 2\n",
       "to be or not"},
      {"sequence",
       "system = \"depth\"\njob = \"sequence\"\n[data]\npath = \"table.csv\"\nlabel_column = "
       "\"label\"\nsequences = \"numbers\"\n[network]\n"
       "layers = 1\nheads = 2\nwidth = 8\n[train]\nsteps = 4\nbatch = 2\nmeasurements = 2\ncheckpoint_every "
       "= 2\n",
       "1,2,3,4\n"},
      {"muon",
       "system = \"muon\"\n[data]\npath = \"table.csv\"\nlabel_column = \"label\"\n[network]\nwidth = "
       "8\n[train]\nsteps = 4\nbatch = 4\n"
       "measurements = 2\ncheckpoint_every = 2\n",
       "1,2,3,4\n"},
      {"students",
       "system = \"students\"\n[teacher]\nwidth = 4\nsteps = 5\n[input]\npath = \"table.csv\"\nlabel_column "
       "= \"label\"\n[student]\n"
       "neurons = [2]\n[search]\nstarts = 1\nsteps = 3\n[rivals]\nadamw_restarts = 1\nsteps = 3\n",
       "1,2,3,4\n"},
      {"pinn",
       "system = \"pinn\"\njob = \"solve\"\n[problem]\nequation = \"\"\"\nu_xx = 0\ndomain x = 0..1\nu(0) = "
       "0\nu(1) = 1\n\"\"\"\n"
       "[network]\nwidth = 4\nlayers = 1\n[points]\ninterior = 20\n[train]\nadam_steps = 2\nsteps = "
       "4\ncheckpoint_every = 2\n"
       "measurements = 2\n",
       "0.5\n"},
  };
  return all;
}

cli::Toolbox& toolbox() {
  static cli::Toolbox box = [] {
    cli::Toolbox made;
    made.systems = all_systems();
    made.report = [](const study::RunDirectory& directory) { report::write_report(directory); };
    return made;
  }();
  return box;
}

cli::RunRequest request(const Run& one, bool resume) {
  cli::RunRequest out;
  out.spec = scratch_file("spec.toml", one.spec);
  out.options.out = scratch_folder() / "run";
  out.options.resume = resume;
  out.options.threads = 1;
  out.output.quiet = true;
  return out;
}

Files files_of(const std::filesystem::path& folder) {
  Files out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file()) out[entry.path().filename()] = base::read_file(entry.path());
  return out;
}

// What the fuzzer decides, byte by byte; zeros after its end.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}
  std::size_t below(std::size_t n) {
    if (bytes_.empty()) return 0;
    std::size_t value = static_cast<std::uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    if (n > 256 && !bytes_.empty()) {
      value = value << 8U | static_cast<std::uint8_t>(bytes_[0]);
      bytes_.remove_prefix(1);
    }
    return n == 0 ? 0 : value % n;
  }
  bool more() const { return !bytes_.empty(); }
  std::string rest() {
    std::string out(bytes_);
    bytes_ = {};
    return out;
  }

 private:
  std::string_view bytes_;
};

void change_bytes(std::string& bytes, Choices& choices) {
  if (choices.below(2) == 1) bytes.resize(choices.below(bytes.size() + 1));
  while (choices.more() && !bytes.empty()) {
    const std::size_t at = choices.below(bytes.size());
    bytes[at] = static_cast<char>(choices.below(256));
  }
}

// One value of a JSON text is another JSON value, or what stands there as a string.
void change_json(std::string& text, Choices& choices) {
  const auto json = nlohmann::json::parse(text);
  auto flat = json.flatten();
  auto leaf = flat.begin();
  std::advance(leaf, choices.below(flat.size()));
  const std::string value = choices.rest();
  auto parsed = nlohmann::json::parse(value, nullptr, false);
  nlohmann::json changed = json;
  changed[nlohmann::json::json_pointer(leaf.key())] = parsed.is_discarded() ? nlohmann::json(value) : parsed;
  text = changed.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

// A tensor's shape, kind, name or numbers; or text that travels with them. The checksum is made anew.
void change_tensors(std::string& bytes, Choices& choices) {
  auto file = data::decode_safetensors(bytes, "the run's own");
  while (choices.more() && !file.tensors.empty()) {
    auto& tensor = file.tensors[choices.below(file.tensors.size())];
    switch (choices.below(6)) {
      case 0:
        tensor.bytes.resize(tensor.bytes.size() / 8 * choices.below(3));
        tensor.shape = {static_cast<std::int64_t>(tensor.bytes.size() / (tensor.dtype == "F32" ? 4 : 8))};
        break;
      case 1:
        tensor.dtype = tensor.dtype == "F32" ? "I32" : tensor.dtype == "F64" ? "I64" : "F64";
        break;
      case 2:
        tensor.name += "x";
        break;
      case 3:
        if (!tensor.bytes.empty()) {
          const std::size_t at = choices.below(tensor.bytes.size());
          tensor.bytes[at] = static_cast<char>(choices.below(256));
        }
        break;
      case 4:
        file.tensors.erase(file.tensors.begin() + (&tensor - file.tensors.data()));
        break;
      default:
        if (!file.metadata.empty()) {
          auto entry = file.metadata.begin();
          std::advance(entry, choices.below(file.metadata.size()));
          entry->second = choices.rest();
        }
    }
  }
  try {
    bytes = data::encode_safetensors(file);
  } catch (const base::Error&) {  // no such file can be written
  }
}

// A field of a row of the database becomes a text, a blob, a number or nothing.
void change_rows(const std::filesystem::path& database, Choices& choices) {
  static const std::vector<std::string> columns = {
      "metrics.name", "metrics.value", "metrics.lower",  "metrics.note",  "series.task",   "series.step",
      "series.value", "claims.value",  "claims.verdict", "figures.id",    "figures.title", "figures.drawing",
      "images.id",    "images.png",    "warnings.step",  "warnings.text", "tasks.name"};
  const std::string& column = columns[choices.below(columns.size())];
  const std::size_t dot = column.find('.'), kind = choices.below(4), row = choices.below(256);
  const std::string table = column.substr(0, dot), field = column.substr(dot + 1), value = choices.rest();
  sqlite3* db = nullptr;
  sqlite3_open(database.c_str(), &db);
  // The store orders by this; any order does here.
  sqlite3_create_collation_v2(
      db, "natural", SQLITE_UTF8, nullptr,
      [](void*, int size_a, const void* a, int size_b, const void* b) {
        return std::string_view(static_cast<const char*>(a), static_cast<std::size_t>(size_a))
            .compare({static_cast<const char*>(b), static_cast<std::size_t>(size_b)});
      },
      nullptr);
  const std::string key = table == "series"                        ? "task || name || step"
                          : table == "tasks" || table == "metrics" ? "name"
                          : table == "warnings"                    ? "text"
                                                                   : "id";
  const std::string sql = "UPDATE " + table + " SET " + field + " = ? WHERE " + key + " = (SELECT " + key +
                          " FROM " + table + " LIMIT 1 OFFSET " + std::to_string(row) +
                          " % (SELECT max(count(*), 1) FROM " + table + "))";
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
    const int size = static_cast<int>(value.size());
    if (kind == 0) sqlite3_bind_text(statement, 1, value.data(), size, SQLITE_TRANSIENT);
    if (kind == 1) sqlite3_bind_blob(statement, 1, value.data(), size, SQLITE_TRANSIENT);
    if (kind == 2) sqlite3_bind_double(statement, 1, std::strtod(value.c_str(), nullptr));
    sqlite3_step(statement);  // what a key forbids is left as it is
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

void change(const Run& one, const std::filesystem::path& folder, Choices& choices) {
  auto file = one.files.begin();
  std::advance(file, choices.below(one.files.size()));
  std::string bytes = file->second;
  const auto path = folder / file->first;
  const std::size_t how = choices.below(4);
  if (how == 0) {
    bytes = choices.rest();
  } else if (how == 1) {
    change_bytes(bytes, choices);
  } else if (path.extension() == ".json") {
    change_json(bytes, choices);
  } else if (path.extension() == ".safetensors") {
    change_tensors(bytes, choices);
  } else if (path.extension() == ".db") {
    change_rows(path, choices);
    return;
  } else {
    std::filesystem::remove(path);
    return;
  }
  scratch_file(path, bytes);
}

template <class Verb>
void let_loose(const Verb& verb) {
  try {
    verb();
  } catch (const base::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)std::freopen("/dev/null", "w", stdout);
  std::filesystem::current_path(scratch_folder());
  scratch_file("text.txt",
               "to be or not to be, that is the question: to be is to do, to do is to be, do be do be do\n");
  scratch_file("table.csv",
               "a,b,c,d,label\n1,2,3,4,0\n2,1,0,1,1\n0,1,2,3,0\n3,2,1,0,1\n1,1,2,2,0\n2,2,1,1,1\n0,3,0,3,"
               "0\n3,0,3,0,1\n");
  for (Run& one : runs()) {
    std::filesystem::remove_all("run");
    cli::run(toolbox(), request(one, false));
    one.files = files_of("run");
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const Run& one = runs()[choices.below(runs().size())];
  const std::filesystem::path folder = scratch_folder() / "run";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : one.files) scratch_file(folder / name, bytes);
  change(one, folder, choices);
  const auto points = scratch_file(one.name == "text" ? "points.txt" : "points.csv", one.points);
  let_loose([&] { cli::rebuild_report(toolbox(), folder); });
  let_loose([&] { cli::export_model(toolbox(), {folder, scratch_folder() / "export"}); });
  study::SampleRequest samples;
  samples.count = 3;
  samples.out = scratch_folder() / (one.name == "text" ? "samples.txt" : "samples.csv");
  let_loose([&] { cli::sample(toolbox(), {folder, samples}); });
  let_loose([&] { cli::predict(toolbox(), {folder, {points, scratch_folder() / "outputs.csv"}}); });
  let_loose([&] { cli::run(toolbox(), request(one, true)); });
  return 0;
}
