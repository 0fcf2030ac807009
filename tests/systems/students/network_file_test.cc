#include "starling/systems/students/network_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "data/support.h"
#include "starling/data/npz.h"
#include "starling/data/safetensors.h"
#include "systems/students/problem.h"

namespace starling::students {
namespace {

using data::test::message_of;
using testing::random_network;

// A tensor whose numbers are 1, 2, 3, ...
struct Shape {
  std::string name;
  std::vector<std::int64_t> extents;
};
std::vector<double> counted(const std::vector<std::int64_t>& extents) {
  std::int64_t count = 1;
  for (const std::int64_t e : extents) count *= e;
  std::vector<double> out;
  for (std::int64_t i = 1; i <= count; ++i) out.push_back(static_cast<double>(i));
  return out;
}
std::string npz(const std::vector<Shape>& shapes) {
  std::vector<data::NpzEntry> entries;
  for (const Shape& s : shapes) entries.push_back({s.name, data::encode_npy(s.extents, counted(s.extents))});
  return data::encode_npz(entries);
}
NetworkInFile read(const std::vector<Shape>& shapes, const WeightNames& names = {}) {
  return parse_network(npz(shapes), "f.npz", nets::Activation::tanh, names);
}
std::string refusal(const std::vector<Shape>& shapes, const WeightNames& names = {}) {
  return message_of([&] { (void)read(shapes, names); });
}

TEST(NetworkFile, ReadsBackWhatItWritesInEveryLayout) {
  const Network network = random_network(nets::Activation::gelu, 5, 3, 2, 1);
  for (const Container container : {Container::npz, Container::safetensors}) {
    for (const bool by_output : {false, true}) {
      const NetworkLayout layout{.container = container, .outgoing_by_output = by_output};
      const std::string bytes = encode_network(network, layout);
      const NetworkInFile back = parse_network(bytes, "f" + extension_of(container), nets::Activation::gelu);
      EXPECT_EQ(back.network.w, network.w);
      EXPECT_EQ(back.network.bias, network.bias);
      EXPECT_EQ(back.network.a, network.a);
      EXPECT_EQ(back.network.c, network.c);
      EXPECT_EQ(back.layout.outgoing_by_output, by_output);
      EXPECT_EQ(encode_network(back.network, back.layout), bytes);
    }
  }
}

TEST(NetworkFile, FindsTheLayersOfAStateDict) {
  for (const auto& [hidden, outer] : std::vector<std::pair<std::string, std::string>>{
           {"0.", "2."}, {"fc1.", "fc2."}, {"net.out.", "net.in."}}) {
    const NetworkInFile found = read({{hidden + "weight", {5, 3}},
                                      {hidden + "bias", {5}},
                                      {outer + "weight", {2, 5}},
                                      {outer + "bias", {2}}});
    EXPECT_EQ(found.network.neurons(), 5);
    EXPECT_EQ(found.network.inputs(), 3);
    EXPECT_EQ(found.network.outputs(), 2);
    EXPECT_EQ(found.network.a(0, 1), 6);  // row 1, column 0 of (2, 5)
    EXPECT_EQ(found.network.c[1], 2);
  }
}

TEST(NetworkFile, TellsLayersThatFitBothWaysApartByTheirNumbersOrAsks) {
  const auto hidden = [](const std::string& one, const std::string& two) {
    return read({{one, {5, 3}}, {two, {3, 5}}}).layout.names.w;
  };
  EXPECT_EQ(hidden("10.weight", "2.weight"), "2.weight");
  EXPECT_EQ(hidden("fc1.weight", "fc2.weight"), "fc1.weight");
  EXPECT_CONTAINS(refusal({{"a.weight", {3, 3}}, {"b.weight", {3, 3}}}), "do not tell which");
  EXPECT_CONTAINS(refusal({{"in1.weight", {3, 3}}, {"out2.weight", {3, 3}}}), "do not tell which");
  EXPECT_EQ(
      read({{"a.weight", {3, 3}}, {"b.weight", {3, 3}}}, {.w = "b.weight", .a = "a.weight"}).layout.names.w,
      "b.weight");
}

TEST(NetworkFile, ReadsOneOutputAsARowAndMissingBiasesAsZero) {
  const NetworkInFile found = read({{"w", {4, 3}}, {"a", {4}}});
  EXPECT_EQ(found.network.outputs(), 1);
  EXPECT_TRUE(found.network.bias.isZero(0));
  EXPECT_EQ(encode_network(found.network, found.layout), npz({{"w", {4, 3}}, {"a", {4}}}));
  Network moved = found.network;
  moved.bias[2] = 1;
  const NetworkInFile back =
      parse_network(encode_network(moved, found.layout), "f.npz", nets::Activation::tanh);
  EXPECT_EQ(back.network.bias, moved.bias);
}

TEST(NetworkFile, KeepsSinglePrecision) {
  const Network network = random_network(nets::Activation::tanh, 2, 3, 1, 1);
  const std::string bytes = encode_network(network, {.container = Container::safetensors, .single = true});
  const NetworkInFile back = parse_network(bytes, "f.safetensors", nets::Activation::tanh);
  EXPECT_TRUE(back.layout.single);
  EXPECT_EQ(back.network.w(0, 0), static_cast<double>(static_cast<float>(network.w(0, 0))));
}

TEST(NetworkFile, SaysWhatIsWrongWhatItFoundAndWhatToName) {
  EXPECT_CONTAINS(message_of([] { (void)parse_network("", "f.pt", nets::Activation::tanh); }),
                  "f.pt: weights are read from .npz or .safetensors");
  const std::string none = refusal({{"x", {4, 3}}});
  EXPECT_CONTAINS(none, "f.npz: found 0 matrices named ...weight");
  EXPECT_CONTAINS(none, "it holds 'x' (4, 3)");
  EXPECT_CONTAINS(none, "name the tensors with teacher.w");
  EXPECT_CONTAINS(refusal({}), "it holds nothing");
  EXPECT_CONTAINS(refusal({{"0.weight", {4, 3}}, {"1.weight", {4, 4}}, {"2.weight", {1, 4}}}), "found 3");
  EXPECT_CONTAINS(refusal({{"0.weight", {4, 3}}, {"2.weight", {1, 5}}}), "do not make one hidden layer");
  EXPECT_CONTAINS(refusal({{"w", {4}}, {"a", {4}}}), "incoming weights 'w' have shape (4,)");
  EXPECT_CONTAINS(refusal({{"w", {0, 3}}, {"a", {0}}}), "incoming weights 'w' have shape (0, 3)");
  EXPECT_CONTAINS(refusal({{"w", {4, 3}}, {"a", {5}}}), "outgoing weights 'a' have shape (5,)");
  EXPECT_CONTAINS(refusal({{"w", {4, 3}}, {"a", {4, 0}}}), "outgoing weights 'a' have shape (4, 0)");
  EXPECT_CONTAINS(refusal({{"w", {4, 3}}, {"a", {4}}, {"bias", {3}}}), "bias 'bias' has shape (3,)");
  EXPECT_CONTAINS(refusal({{"w", {4, 3}}, {"a", {4}}, {"c", {2}}}), "output bias 'c' has shape (2,)");
  EXPECT_CONTAINS(refusal({{"w", {4, 3}}, {"a", {4}}}, {.w = "v", .a = "a"}), "no tensor 'v'");
  EXPECT_CONTAINS(refusal({{"w", {4, 3}}, {"a", {4}}}, {.w = "w"}), "expected both or neither");
}

TEST(NetworkFile, RefusesNumbersThatAreNotFiniteAndOtherTypes) {
  Network network = random_network(nets::Activation::tanh, 2, 3, 1, 1);
  network.w(1, 0) = std::numeric_limits<double>::quiet_NaN();
  const auto read_back = [](const std::string& bytes, const std::string& name) {
    return message_of([&] { (void)parse_network(bytes, name, nets::Activation::tanh); });
  };
  EXPECT_CONTAINS(read_back(encode_network(network, {}), "f.npz"), "tensor 'w': number 4 is nan");
  data::TensorFile half;
  half.tensors.push_back({"w", "F16", {1, 1}, "ab"});
  EXPECT_CONTAINS(read_back(data::encode_safetensors(half), "f.safetensors"), "F16 is not read");
}

TEST(NetworkFile, SurvivesMutations) {
  const Network network = random_network(nets::Activation::tanh, 2, 3, 1, 1);
  for (const Container container : {Container::npz, Container::safetensors}) {
    const std::string name = "f" + extension_of(container);
    data::test::expect_mutations_are_survived(
        {encode_network(network, {.container = container})},
        [&](std::string_view bytes) { (void)parse_network(bytes, name, nets::Activation::tanh); });
  }
}

}  // namespace
}  // namespace starling::students
