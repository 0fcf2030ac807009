#include "starling/systems/students/train_app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/study/run_config.h"
#include "starling/systems/students/compression_starts.h"
#include "starling/systems/students/train_checkpoint.h"
#include "starling/systems/students/train_report.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

constexpr const char* task = "train";
constexpr std::int64_t starts_at_once = 4;  // a kill loses no more
constexpr std::int64_t restarts_at_once = 8;

// The folder of a run holds teacher.*, of a fitted one, and student_N.*.
std::string file_of(Index neurons, Container container) {
  return fmt::format("student_{}{}", neurons, extension_of(container));
}

// The same function of the data's own units as `network` is of (data - offset) / factor.
Network in_data_units(Network network, const TrainData& data) {
  network.bias -= network.w.rowwise().sum() * (data.offset / data.factor);
  network.w /= data.factor;
  return network;
}

// A network of the teacher's kind with n neurons: what gives a loss its shape.
Network blank(const Network& teacher, Index n) {
  return {teacher.activation, Points<double>::Zero(n, teacher.inputs()), base::Vector<double>::Zero(n),
          Points<double>::Zero(n, teacher.outputs()), teacher.c};
}

// Uniform in ±1/sqrt(fan-in), as networks are usually started.
Network usual_start(const Network& shape, base::Stream& stream) {
  Network out = shape;
  const auto fill = [&stream](auto& numbers, Index fan_in) {
    for (double& value : numbers.reshaped())
      value = (2 * stream.uniform() - 1) / std::sqrt(static_cast<double>(fan_in));
  };
  fill(out.w, shape.inputs());
  fill(out.bias, shape.inputs());
  fill(out.a, shape.neurons());
  fill(out.c, shape.neurons());
  return out;
}

class TrainApplication : public study::Application {
 public:
  void describe(study::Description& description) override { students::describe(description, spec_); }

  std::string plan() override {
    require_consistent(spec_);
    if (spec_.teacher.source == TeacherSource::file) read_teacher();
    const TrainData data = load_train_data(spec_, teacher_.inputs());
    const Index width = fits_teacher() ? spec_.teacher.width : teacher_.neurons();
    require_sizes(width);
    if (!fits_teacher()) require_fit(data);
    return fmt::format(
        "train: a {} teacher of {} {} neurons on {} training and {} held-out points in {} dimensions; "
        "students of {} neurons, {} starts each against {} AdamW restarts",
        fits_teacher() ? "fitted" : "given", width, name_of(spec_.teacher.activation), data.training.x.rows(),
        data.held_out.x.rows(), data.training.x.cols(), fmt::join(spec_.student.neurons, ", "),
        spec_.search.starts, spec_.rivals.restarts);
  }

  void run(study::RunContext& context) override {
    if (context.store.is_done(task)) return;
    plan();
    const TrainData data = load_train_data(spec_, teacher_.inputs());
    TrainCheckpoint checkpoint(context.directory.checkpoint());
    if (context.resume) checkpoint.load();
    const auto sizes = static_cast<std::int64_t>(spec_.student.neurons.size());
    context.progress.begin(task, sizes * (spec_.search.starts + spec_.rivals.restarts));
    done_ = 0;
    if (fits_teacher()) fit_teacher(context, data, checkpoint);
    const bool teacher_answers = spec_.student.answers == Answers::teacher;
    TrainResult result{spec_,
                       data,
                       teacher_,
                       teacher_answers ? outputs(teacher_, data.training.x) : data.training.targets,
                       teacher_answers ? outputs(teacher_, data.held_out.x) : data.held_out.targets,
                       {}};
    if (variance_of(result.y) == 0)
      throw Error(ErrorKind::input, "the teacher answers the same for all training points: nothing to fit");
    for (const std::int64_t n : spec_.student.neurons)
      result.sizes.push_back(compress(context, n, result, checkpoint));
    context.progress.end();
    write_files(context, result);  // first: a run that is marked as done has them
    study::Store::Transaction transaction(context.store);
    record_train_report(result, context.store);
    context.store.mark_done(task);
    transaction.commit();
  }

 private:
  bool fits_teacher() const { return spec_.teacher.source == TeacherSource::fit; }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(spec_.common.seed); }

  void read_teacher() {
    NetworkInFile file = read_network(spec_.teacher.path, spec_.teacher.activation, spec_.teacher.names);
    teacher_ = std::move(file.network);
    layout_ = file.layout;
  }

  void require_sizes(Index width) const {
    for (const std::int64_t n : spec_.student.neurons) {
      if (n <= width) continue;
      throw Error(ErrorKind::usage,
                  fmt::format("student.neurons: {} is more than the {} neurons of the teacher", n, width));
    }
  }

  void require_fit(const TrainData& data) const {
    if (data.training.x.cols() != teacher_.inputs()) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: points in {} dimensions; the teacher {} has {} inputs", data.source,
                              data.training.x.cols(), spec_.teacher.path, teacher_.inputs()));
    }
    if (spec_.student.answers == Answers::data && data.training.targets.cols() != teacher_.outputs()) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: {} targets or classes; the teacher {} has {} outputs", data.source,
                              data.training.targets.cols(), spec_.teacher.path, teacher_.outputs()));
    }
  }

  Watch watch(study::RunContext& context) const {
    return [&context](double) {
      if (context.interrupted()) throw Error(ErrorKind::interrupted, "interrupted; continue with --resume");
    };
  }

  void fit_teacher(study::RunContext& context, const TrainData& data, TrainCheckpoint& checkpoint) {
    const TeacherSpec& t = spec_.teacher;
    const Index o = data.training.targets.cols();
    const Network shape{t.activation, Points<double>::Zero(t.width, data.training.x.cols()),
                        base::Vector<double>::Zero(t.width), Points<double>::Zero(t.width, o),
                        base::Vector<double>::Zero(o)};
    const SampleLoss loss(shape, Biases::free, data.training.x, data.training.targets);
    if (!checkpoint.has("teacher")) {
      base::Stream stream(seed(), 0, "teacher start");
      const optim::Schedule schedule{.rate = t.rate, .steps = t.steps, .decay = optim::Decay::cosine};
      Fit fit = adamw(loss, parameters_of(usual_start(shape, stream), Biases::free), schedule,
                      {.decay = t.decay}, watch(context));
      record_descent(context, "teacher", "loss", fit);
      checkpoint.put("teacher", std::move(fit));
      checkpoint.save();
    }
    teacher_ = loss.network(checkpoint.get("teacher", loss.parameter_count()).parameters);
  }

  // The store first: a kill between the two repeats the fit, and repeating it repeats the bytes.
  static void record_descent(study::RunContext& context, const std::string& name, const std::string& series,
                             const Fit& fit) {
    const std::size_t every = std::max<std::size_t>(1, fit.losses.size() / 1000);
    std::vector<study::SeriesPoint> points;
    for (std::size_t i = 0; i < fit.losses.size(); ++i) {
      if (i % every == 0 || i + 1 == fit.losses.size())
        points.push_back({static_cast<std::int64_t>(i), fit.losses[i]});
    }
    study::Store::Transaction transaction(context.store);
    context.store.record(name, series, "", points);
    transaction.commit();
  }

  struct Batches {
    std::string name;
    std::int64_t fits, at_once;
  };

  // Fits made in parallel, some at once, each batch kept in the checkpoint before the next begins. `made`
  // sees the new ones, one by one; `progressed` every batch.
  template <class Make, class Made, class Progressed>
  static std::vector<Fit> in_batches(TrainCheckpoint& checkpoint, const SampleLoss& loss,
                                     const Batches& batches, Make make, Made made, Progressed progressed) {
    const auto key = [&](std::int64_t i) { return fmt::format("{}/{}", batches.name, i); };
    std::vector<Fit> out;
    for (std::int64_t first = 0; first < batches.fits; first += batches.at_once) {
      const std::int64_t count = std::min(batches.at_once, batches.fits - first);
      if (!checkpoint.has(key(first))) {
        std::vector<Fit> fits(static_cast<std::size_t>(count));
        base::parallel_chunks(count, 1, [&](std::ptrdiff_t i, std::ptrdiff_t) {
          fits[static_cast<std::size_t>(i)] = make(first + i);
        });
        for (std::int64_t i = 0; i < count; ++i) {
          made(first + i, fits[static_cast<std::size_t>(i)]);
          checkpoint.put(key(first + i), std::move(fits[static_cast<std::size_t>(i)]));
        }
        checkpoint.save();
      }
      for (std::int64_t i = 0; i < count; ++i)
        out.push_back(checkpoint.get(key(first + i), loss.parameter_count()));
      progressed(count, out.back());
    }
    return out;
  }

  SizeResult compress(study::RunContext& context, Index n, const TrainResult& result,
                      TrainCheckpoint& checkpoint) {
    const SampleLoss loss(blank(teacher_, n), Biases::free, result.data.training.x, result.y);
    const Target target{teacher_, result.data.training.x, result.y};
    SizeResult size{.neurons = n};
    const auto descend = [&](std::int64_t i) {
      base::Stream stream(seed(), static_cast<std::uint32_t>(n), "student start",
                          static_cast<std::uint64_t>(i));
      const Network start = make_start(kind_of_start(i), n, target, stream);
      return polish(loss, parameters_of(start, Biases::free), spec_.search.polish, watch(context));
    };
    size.starts = in_batches(
        checkpoint, loss, {fmt::format("{}/start", n), spec_.search.starts, starts_at_once}, descend,
        [&](std::int64_t i, const Fit& fit) { record_descent(context, task_of(n), series_of(i), fit); },
        [&](std::int64_t count, const Fit& last) {
          context.progress.update(done_ += count, {{"relative error", last.loss / variance_of(result.y)}});
        });
    run_rivals(context, loss, target, size, checkpoint);
    size.optima = distinct_optima(loss, size.starts);
    size.student = loss.network(size.starts[size.optima.front().best].parameters);
    size.overlap = neuron_correlations(size.student, teacher_, result.data.training.x);
    return size;
  }

  // The budget of a restart: passes over the samples, of which a step of AdamW takes one.
  std::int64_t rival_steps(const SizeResult& size) const {
    if (spec_.rivals.steps > 0) return spec_.rivals.steps;
    std::int64_t passes = 0;
    for (const Fit& fit : size.starts) passes += fit.passes;
    return std::max<std::int64_t>(1, passes / static_cast<std::int64_t>(size.starts.size()));
  }

  Fit rival(const SampleLoss& loss, const Target& target, std::int64_t i, std::int64_t steps,
            const Watch& interrupted) const {
    const Index n = loss.shape().neurons();
    base::Stream stream(seed(), static_cast<std::uint32_t>(n), "rival start", static_cast<std::uint64_t>(i));
    const base::Vector<double> start =
        parameters_of(make_start(StartKind::random, n, target, stream), Biases::free);
    try {
      Fit fit = adamw(loss, start, {.rate = spec_.rivals.rate, .steps = steps, .decay = optim::Decay::cosine},
                      {}, interrupted);
      fit.losses.clear();
      return fit;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::numerical) throw;
      return {.parameters = start,
              .loss = std::numeric_limits<double>::infinity(),
              .steps = steps,
              .passes = steps + 1};
    }
  }

  void run_rivals(study::RunContext& context, const SampleLoss& loss, const Target& target, SizeResult& size,
                  TrainCheckpoint& checkpoint) {
    const std::int64_t steps = rival_steps(size);
    size.rivals = in_batches(
        checkpoint, loss, {fmt::format("{}/rival", size.neurons), spec_.rivals.restarts, restarts_at_once},
        [&](std::int64_t i) { return rival(loss, target, i, steps, watch(context)); },
        [](std::int64_t, const Fit&) {},
        [&](std::int64_t count, const Fit& last) {
          context.progress.update(done_ += count, {{"AdamW", last.loss}});
        });
  }

  void write_files(const study::RunContext& context, const TrainResult& result) const {
    const auto write = [&](const std::string& name, const std::string& bytes) {
      base::write_file_atomically(context.directory.path() / name, bytes);
    };
    const auto as_written = [&](const Network& network) {
      return fits_teacher() ? in_data_units(network, result.data) : network;
    };
    if (fits_teacher())
      write("teacher" + extension_of(layout_.container), encode_network(as_written(teacher_), layout_));
    for (const SizeResult& size : result.sizes)
      write(file_of(size.neurons, layout_.container), encode_network(as_written(size.student), layout_));
    write("optima.csv", optima_table(result));
    write("roles.csv", roles_table(result));
  }

  TrainSpec spec_;
  Network teacher_;
  NetworkLayout layout_;
  std::int64_t done_ = 0;
};

}  // namespace

std::unique_ptr<study::Application> make_train_application() {
  return std::make_unique<TrainApplication>();
}

std::vector<std::filesystem::path> export_networks(const study::RunDirectory& directory,
                                                   const std::filesystem::path& out) {
  if (study::job_of(directory) != "train") return {};
  std::vector<std::filesystem::path> sources;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    const std::string name = entry.path().filename();
    if (name.starts_with("student_") || name.starts_with("teacher.")) sources.push_back(entry.path());
  }
  std::ranges::sort(sources);
  if (sources.empty())
    throw Error(ErrorKind::input, fmt::format("{}: holds no small network yet; finish it with --resume",
                                              directory.path().string()));
  std::vector<std::filesystem::path> written;
  for (const auto& source : sources) {
    NetworkInFile file = read_network(source, nets::Activation::linear);  // the weights alone are copied
    file.layout.container = Container::safetensors;
    const auto path = out / source.filename().replace_extension(".safetensors");
    base::write_file_atomically(path, encode_network(file.network, file.layout));
    written.push_back(path);
  }
  for (const char* name : {"optima.csv", "roles.csv"}) {
    base::write_file_atomically(out / name, base::read_file(directory.path() / name));
    written.push_back(out / name);
  }
  return written;
}

}  // namespace starling::students
