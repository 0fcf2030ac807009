#include "starling/data/safetensors.h"

#include "data/support.h"

namespace starling::data {
namespace {

using test::little;
using test::message_of;

TensorFile example() {
  const std::vector<float> weights = {1, -2, 3.5F, 4, 5, 6};
  const std::vector<double> bias = {1e-310, -0.0};
  const std::vector<std::int64_t> step = {std::int64_t{1} << 60};
  TensorFile file;
  file.tensors.push_back(make_tensor<float>("w", {2, 3}, weights));
  file.tensors.push_back(make_tensor<double>("a.bias", {2}, bias));
  file.tensors.push_back(make_tensor<std::int64_t>("step", {}, step));
  file.metadata["spec"] = "seed = 1\n\"quoted\" \xc3\xa9";
  return file;
}

std::string raw(const std::string& header, const std::string& data = "") {
  return little(header.size(), 8) + header + data;
}

std::string safetensors_error(const std::string& bytes) {
  return message_of([&] { (void)decode_safetensors(bytes, "f.safetensors"); });
}

std::string one(const std::string& fields, const std::string& data = "12345678") {
  return raw("{\"t\":{" + fields + "}}", data);
}

TEST(Safetensors, ReadsBackWhatItWroteInOrder) {
  const TensorFile file = example();
  const TensorFile back = decode_safetensors(encode_safetensors(file), "f");
  ASSERT_EQ(back.tensors.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back.tensors[i].name, file.tensors[i].name);
    EXPECT_EQ(back.tensors[i].dtype, file.tensors[i].dtype);
    EXPECT_EQ(back.tensors[i].shape, file.tensors[i].shape);
    EXPECT_EQ(back.tensors[i].bytes, file.tensors[i].bytes);
  }
  EXPECT_EQ(back.metadata.at("spec"), file.metadata.at("spec"));
  EXPECT_EQ(values<float>(back.tensors[0]), (std::vector<float>{1, -2, 3.5F, 4, 5, 6}));
  EXPECT_EQ(values<double>(back.tensors[1])[0], 1e-310);
  EXPECT_EQ(values<std::int64_t>(back.tensors[2]), std::vector<std::int64_t>{std::int64_t{1} << 60});
  EXPECT_EQ(encode_safetensors(back), encode_safetensors(file));
}

TEST(Safetensors, BeginsTheDataAtAMultipleOf8Bytes) {
  const std::string bytes = encode_safetensors(example());
  EXPECT_EQ(bytes[8], '{');
  EXPECT_EQ((bytes.size() - 24 - 16 - 8) % 8, 0U);
}

TEST(Safetensors, HoldsNoTensorsAndEmptyTensors) {
  EXPECT_TRUE(decode_safetensors(encode_safetensors({}), "f").tensors.empty());
  TensorFile file;
  file.tensors.push_back(make_tensor<float>("none", {0, 3}, {}));
  EXPECT_EQ(decode_safetensors(encode_safetensors(file), "f").tensors[0].shape,
            (std::vector<std::int64_t>{0, 3}));
}

TEST(Safetensors, ReadsFilesOfOthersWithoutAChecksum) {
  const TensorFile file = decode_safetensors(
      raw(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]},"a":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}   )",
          std::string("xx\x00\x00\x80\x3f", 6)),
      "f");
  EXPECT_EQ(file.tensors[0].name, "a");
  EXPECT_EQ(values<float>(file.tensors[1]), std::vector<float>{1});
}

TEST(Safetensors, NoticesOneChangedBit) {
  std::string bytes = encode_safetensors(example());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_CONTAINS(safetensors_error(bytes), "f.safetensors: checksum ");
  EXPECT_CONTAINS(safetensors_error(bytes), "the file is damaged");
}

TEST(Safetensors, NamesWhatIsWrongInTheHeader) {
  EXPECT_CONTAINS(safetensors_error("123"),
                  "truncated at byte 0: the header length takes 8 bytes, 3 are left");
  EXPECT_CONTAINS(safetensors_error(little(~0ULL, 8)),
                  "a header of 18446744073709551615 bytes; expected at most 100000000");
  EXPECT_CONTAINS(safetensors_error(little(99, 8) + "{}"),
                  "truncated at byte 8: the header takes 99 bytes, 2 are left");
  EXPECT_CONTAINS(safetensors_error(raw("[]")), "expected '{' at byte 8");
  EXPECT_CONTAINS(safetensors_error(raw("{\"a\":}")), "the header is no JSON: ");
  EXPECT_CONTAINS(safetensors_error(raw("{\"a\":[[[[[[[]]]]]]]}")), "nests too deeply");
  EXPECT_CONTAINS(safetensors_error(raw("{\"a\":1,\"a\":2}")), "the header holds 'a' twice");
  EXPECT_CONTAINS(safetensors_error(raw("{\"__metadata__\":1}")), "__metadata__ is no object");
  EXPECT_CONTAINS(safetensors_error(raw("{\"__metadata__\":{\"k\":1}}")), "metadata 'k' is no text");
  EXPECT_CONTAINS(safetensors_error(raw("{}", "x")), "1 bytes of data, of which tensors fill 0");
}

TEST(Safetensors, NamesTheTensorThatIsWrong) {
  EXPECT_CONTAINS(safetensors_error(raw("{\"t\":1}")), "f.safetensors: tensor 't': expected an object");
  EXPECT_CONTAINS(safetensors_error(one(R"("shape":[1])")), "'dtype' is missing or no text");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"C64","shape":[1],"data_offsets":[0,8])")),
                  "dtype 'C64' is not known");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","data_offsets":[0,8])")),
                  "'shape' is missing or no list");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","shape":[-1],"data_offsets":[0,8])")),
                  "'shape' holds '-1'");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","shape":[1.5],"data_offsets":[0,8])")),
                  "'shape' holds '1.5'");
  EXPECT_CONTAINS(
      safetensors_error(one(R"("dtype":"F64","shape":[18446744073709551615],"data_offsets":[0,8])")),
      "expected integers in 0..2^63-1");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","shape":[1],"data_offsets":[0])")),
                  "1 data_offsets; expected 2");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","shape":[1],"data_offsets":[0,9])")),
                  "do not lie in the 8 bytes");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","shape":[1],"data_offsets":[8,0])")),
                  "do not lie in the 8 bytes");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])")),
                  "shape (2,) of F64 does not fill");
  EXPECT_CONTAINS(
      safetensors_error(one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])")),
      "does not fill");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])")),
                  "tensor 't' begins at byte 4 of the data; expected 0");
  EXPECT_CONTAINS(safetensors_error(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])")),
                  "of which tensors fill 4");
  EXPECT_CONTAINS(safetensors_error(raw(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                        R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                                        "xyz")),
                  "tensor 'b' begins at byte 1 of the data; expected 2");
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const auto refusal = [](const Tensor& tensor, int copies = 1) {
    TensorFile file;
    file.tensors.assign(static_cast<std::size_t>(copies), tensor);
    return message_of([&] { (void)encode_safetensors(file); }, base::ErrorKind::usage);
  };
  EXPECT_CONTAINS(refusal({"", "F32", {0}, ""}), "is no name for a tensor");
  EXPECT_CONTAINS(refusal({"__metadata__", "F32", {0}, ""}), "is no name for a tensor");
  EXPECT_CONTAINS(refusal({"w", "F32", {0}, ""}, 2), "tensor 'w': the name is used twice");
  EXPECT_CONTAINS(refusal({"w", "F8", {0}, ""}), "dtype 'F8' is not known");
  EXPECT_CONTAINS(refusal({"w", "F32", {2}, "1234"}), "tensor 'w': 4 bytes for shape");
  EXPECT_CONTAINS(refusal({"\xff", "F32", {0}, ""}), "safetensors header: ");
}

TEST(Safetensors, ChecksShapesAndTypesOfTensors) {
  const std::vector<float> numbers(3);
  EXPECT_CONTAINS(message_of([&] { (void)make_tensor<float>("w", {2}, numbers); }, base::ErrorKind::usage),
                  "tensor 'w': 3 values for shape");
  const Tensor tensor = make_tensor<float>("w", {3}, numbers);
  EXPECT_EQ(message_of([&] { (void)values<double>(tensor); }), "tensor 'w': 12 bytes of 'F32'; expected F64");
}

TEST(Safetensors, SaysWhetherAPartHasTheCountThatIsWanted) {
  const auto error = [](const std::string& name, std::ptrdiff_t count) {
    return message_of([&] { require_flat<float>(example(), name, count, "f.safetensors"); });
  };
  EXPECT_NO_THROW(require_flat<float>(example(), "w", 6, "f.safetensors"));
  const std::string missing = "f.safetensors: tensor 'w' is missing or of another size";
  for (const std::ptrdiff_t count : {std::ptrdiff_t{0}, std::ptrdiff_t{5}, std::ptrdiff_t{1} << 60})
    EXPECT_EQ(error("w", count), missing);
  EXPECT_NE(error("v", 6).find("'v' is missing"), std::string::npos);
  EXPECT_NE(error("a.bias", 2).find("F32"), std::string::npos);
}

TEST(Safetensors, RefusesEveryTruncation) {
  test::expect_every_truncation_is_refused(
      encode_safetensors(example()), [](std::string_view bytes) { (void)decode_safetensors(bytes, "f"); });
}

TEST(Safetensors, SurvivesMutations) {
  test::expect_mutations_are_survived(
      {encode_safetensors(example()), one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])")},
      [](std::string_view bytes) { (void)decode_safetensors(bytes, "f"); });
}

}  // namespace
}  // namespace starling::data
