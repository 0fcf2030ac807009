#include "starling/optim/newton_schulz.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"

namespace starling::optim {
namespace {

using math::OddQuintic;

struct Entry {
  const char* name;
  std::vector<OddQuintic> triples;
  int usual_steps;
  bool endless;  // the last triple repeats
};

const Entry& entry(NewtonSchulzTable table) {
  static const Entry jordan = {"jordan", {{3.4445, -4.7750, 2.0315}}, 5, true};
  static const Entry polar_express = {"polar_express",
                                      {{8.28721201814563, -23.595886519098837, 17.300387312530933},
                                       {4.107059111542203, -2.9478499167379106, 0.5448431082926601},
                                       {3.9486908534822946, -2.908902115962949, 0.5518191394370137},
                                       {3.3184196573706015, -2.488488024314874, 0.51004894012372},
                                       {2.300652019954817, -1.6689039845747493, 0.4188073119525673},
                                       {1.891301407787398, -1.2679958271945868, 0.37680408948524835},
                                       {1.8750014808534479, -1.2500016453999487, 0.3750001645474248},
                                       {1.875, -1.25, 0.375}},
                                      5,
                                      true};
  static const Entry nanochat = {"nanochat",
                                 {{8.156554524902461, -22.48329292557795, 15.878769915207462},
                                  {4.042929935166739, -2.808917465908714, 0.5000178451051316},
                                  {3.8916678022926607, -2.772484153217685, 0.5060648178503393},
                                  {3.285753657755655, -2.3681294933425376, 0.46449024233003106},
                                  {2.3465413258596377, -1.7097828382687081, 0.42323551169305323}},
                                 5,
                                 false};
  static const Entry you = {"you",
                            {{4.0848, -6.8946, 2.9270},
                             {3.9505, -6.3029, 2.6377},
                             {3.7418, -5.5913, 2.3037},
                             {2.8769, -3.1427, 1.2046},
                             {2.8366, -3.0525, 1.2012}},
                            5,
                            false};
  static const Entry cans = {"cans",
                             {{5.181702879894027, -5.177039351076183, 0},
                              {2.585422564566848, -0.647862782007566, 0},
                              {2.565592012027513, -0.645264570196127, 0},
                              {2.516223347431526, -0.638782620243433, 0},
                              {2.401068707564606, -0.623585125272674, 0},
                              {2.170844761790119, -0.592849780534662, 0},
                              {1.839437716819516, -0.547668362229117, 0}},
                             7,
                             false};
  switch (table) {
    case NewtonSchulzTable::jordan:
      return jordan;
    case NewtonSchulzTable::polar_express:
      return polar_express;
    case NewtonSchulzTable::nanochat:
      return nanochat;
    case NewtonSchulzTable::you:
      return you;
    case NewtonSchulzTable::cans:
      break;
  }
  return cans;
}

}  // namespace

std::vector<OddQuintic> newton_schulz_steps(NewtonSchulzTable table, int steps, double safety) {
  const Entry& from = entry(table);
  constexpr int most = 1000;
  const int count = steps == 0 ? from.usual_steps : steps;
  const auto length = static_cast<int>(from.triples.size());
  if (count < 0 || count > most || (count > length && !from.endless)) {
    throw base::Error(base::ErrorKind::usage, fmt::format("{}: {} steps; expected 1 to {}", from.name, steps,
                                                          from.endless ? most : length));
  }
  std::vector<OddQuintic> out;
  for (int i = 0; i < count; ++i) {
    OddQuintic p = from.triples[static_cast<std::size_t>(std::min(i, length - 1))];
    if (table == NewtonSchulzTable::polar_express && i < length - 1)
      p = {p.a / safety, p.b / std::pow(safety, 3), p.c / std::pow(safety, 5)};
    out.push_back(p);
  }
  return out;
}

StartScale start_scale(NewtonSchulzTable table) {
  const bool loose = table == NewtonSchulzTable::polar_express || table == NewtonSchulzTable::nanochat;
  return {.safety = loose ? 1.01 : 1.0, .cushion = 1e-7};
}

}  // namespace starling::optim
