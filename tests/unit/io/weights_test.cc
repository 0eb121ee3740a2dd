// Sets of weights: opened, matched with a model, and read as its programs want them.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/io/safetensors_writer.h"
#include "core/io/weight_kinds.h"
#include "core/io/weight_loader.h"
#include "core/tensor/convert.h"
#include "core/tensor/numbers.h"
#include "tests/support/fake_model.h"
#include "tests/support/safetensors_files.h"

namespace flame {
namespace {

using test::fake_model;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

// Numbers that say where they stand.
HostTensor counted(DType dtype, const Shape &shape, double first = 0) {
  std::vector<double> numbers(static_cast<size_t>(shape.element_count()));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = first + static_cast<double>(i);
  return tensor_of({dtype, shape}, numbers);
}

TensorMap published(int64_t w = 4) {
  TensorMap tensors;
  tensors["conv.weight"] = counted(DType::kF16, {w, 4, 3, 3});
  tensors["attn.q.weight"] = counted(DType::kF32, {w, w});
  tensors["attn.k.weight"] = counted(DType::kBF16, {w, w}, 16);
  tensors["attn.k.bias"] = counted(DType::kF32, {w});
  tensors["norm.weight"] = counted(DType::kF64, {w});
  tensors["proj.weight"] = counted(DType::kF32, {2, w});
  return tensors;
}

TensorMap old_layout(const std::string &prefix, int64_t w = 4) {
  TensorMap tensors;
  tensors[prefix + "0.weight"] = counted(DType::kF32, {w, 4, 3, 3});
  tensors[prefix + "qk.weight"] = counted(DType::kF32, {2 * w, w});
  tensors[prefix + "qk_bias"] = counted(DType::kF32, {w});
  tensors[prefix + "scale.weight"] = counted(DType::kF32, {w});
  tensors[prefix + "proj"] = counted(DType::kF32, {w, 2});
  return tensors;
}

WeightSet set_of(const std::filesystem::path &path, const TensorMap &tensors) {
  EXPECT_TRUE(write_safetensors(path, tensors, {}).ok());
  const auto sets = open_weights(path);
  EXPECT_TRUE(sets.ok()) << sets.error().text();
  return sets->front();
}

struct Matched {
  Result<PluginModel> model;
  WeightSet set;
  Result<WeightMatch> match;
};

// The match points into the model.
std::unique_ptr<Matched> matched(const WeightSet &set, int64_t width = 4) {
  auto made = std::unique_ptr<Matched>(
      new Matched{fake_model(width), set, Error{ErrorKind::kFailed, "", ""}});
  const auto wanted = parameters_of(*made->model);
  EXPECT_TRUE(wanted.ok()) << wanted.error().text();
  made->match = match_weights(*made->model, *wanted, made->set);
  EXPECT_TRUE(made->match.ok()) << made->match.error().text();
  return made;
}

std::vector<double> numbers_read(const WeightMatch &match, std::string_view name) {
  for (const PlacedWeight &weight : match.placed) {
    if (weight.parameter == name) return numbers_of(*read_weight(weight, DType::kF64));
  }
  return {};
}

TEST(Weights, FindsTheLayoutAndThePrefix) {
  const TemporaryFolder folder;
  const auto plain = matched(set_of(folder / "a.safetensors", published()));
  EXPECT_EQ(plain->match->layout->name, "published");
  EXPECT_EQ(plain->match->prefix, "");
  EXPECT_FALSE(mismatch_error(*plain->match, plain->set, true));
  TensorMap all = old_layout("model.");
  all["model.ids.0"] = counted(DType::kI64, {2});
  all["other.weight"] = counted(DType::kF32, {2});
  const auto old = matched(set_of(folder / "b.safetensors", all));
  EXPECT_EQ(old->match->layout->name, "old");
  EXPECT_EQ(old->match->prefix, "model.");
  EXPECT_FALSE(mismatch_error(*old->match, old->set, true));
  EXPECT_THAT(old->match->ignored, ElementsAre("model.ids.0"));
}

TEST(Weights, ReadsRowsInAnotherOrderOfAxesAndInAnotherType) {
  const TemporaryFolder folder;
  const auto old = matched(set_of(folder / "a.safetensors", old_layout("")));
  const std::vector<double> k = numbers_read(*old->match, "attn.k.weight");
  ASSERT_EQ(k.size(), 16u);
  EXPECT_EQ(k.front(), 16);
  EXPECT_EQ(k.back(), 31);
  // proj is transposed: row 0 of the parameter is column 0 of the file.
  EXPECT_THAT(numbers_read(*old->match, "proj.weight"), ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
  // conv.weight [o, y, x, i] comes from [o, i, y, x].
  const auto conv =
      numbers_read(*matched(set_of(folder / "b.safetensors", published()))->match, "conv.weight");
  ASSERT_EQ(conv.size(), 144u);
  for (size_t o = 0; o < 4; ++o) {
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ(conv[o * 36 + 5 * 4 + i], static_cast<double>(o * 36 + i * 9 + 5));
  }
}

TEST(Weights, ReadsAllThatAProgramWantsInItsTypes) {
  const TemporaryFolder folder;
  const auto old = matched(set_of(folder / "a.safetensors", old_layout("model.")));
  const auto program = old->model->build("net", {{"batch", 1}, {"height", 4}, {"width", 4}});
  ASSERT_TRUE(program.ok()) << program.error().text();
  const auto tensors = read_weights(*old->match, *program);
  ASSERT_TRUE(tensors.ok()) << tensors.error().text();
  ASSERT_EQ(tensors->size(), program->parameters().size());
  for (const Parameter &parameter : program->parameters()) {
    EXPECT_EQ(tensors->at(parameter.name).type, program->type(parameter.value));
    EXPECT_EQ(numbers_of(tensors->at(parameter.name)), numbers_read(*old->match, parameter.name));
  }
}

TEST(Weights, ListsAllThatDoesNotFitAtOnceAndInGroups) {
  const TemporaryFolder folder;
  TensorMap tensors = published();
  tensors.erase("norm.weight");
  tensors["attn.q.weight"] = counted(DType::kF32, {4, 5});
  for (int i = 0; i < 1000; ++i)
    tensors[fmt::format("blocks.{}.weight", i)] = counted(DType::kF32, {1});
  const auto wrong = matched(set_of(folder / "a.safetensors", tensors));
  const auto error = mismatch_error(*wrong->match, wrong->set, true);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::kBadConfig);
  EXPECT_THAT(error->what, HasSubstr("1 missing"));
  EXPECT_THAT(error->what, HasSubstr("norm.weight"));
  EXPECT_THAT(error->what, HasSubstr("attn.q.weight is [4, 5], expected [4, 4]"));
  EXPECT_THAT(error->what, HasSubstr("blocks.*.weight (1000 tensors, such as blocks.0.weight)"));
  EXPECT_LT(std::ranges::count(error->what, '\n'), 12);
}

TEST(Weights, AWidthThatIsNotTheFilesIsMisshapedAndNotMissing) {
  const TemporaryFolder folder;
  const auto wrong = matched(set_of(folder / "a.safetensors", old_layout("model.", 8)), 4);
  EXPECT_TRUE(wrong->match->missing.empty());
  EXPECT_EQ(wrong->match->misshaped.size(), 5u);
  EXPECT_FALSE(wrong->match->fits());
}

TEST(Weights, ATypeThatIsNotComputedWithIsTold) {
  const TemporaryFolder folder;
  TensorMap tensors = published();
  tensors.erase("norm.weight");
  std::string header;
  ASSERT_TRUE(write_safetensors(folder / "a.safetensors", tensors, {}).ok());
  test::write_bytes(folder / "b.safetensors",
                    test::safetensors_bytes(
                        R"({"norm.weight":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}})", 4));
  const std::filesystem::path files[] = {folder / "a.safetensors", folder / "b.safetensors"};
  const auto set = WeightSet::open(files);
  ASSERT_TRUE(set.ok());
  const auto wrong = matched(*set);
  const auto error = mismatch_error(*wrong->match, wrong->set, false);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what, HasSubstr("I8"));
}

TEST(Weights, SaysWhatAFileIs) {
  const TemporaryFolder folder;
  const std::pair<std::string, Shape> samples[] = {
      {"model.x.attn2.to_k.weight", {320, 768}},
      {"model.x.attn2.to_k.weight", {640, 2048}},
      {"decoder.conv_in.weight", {512, 16, 3, 3}},
      {"lora_unet_x.lora_down.weight", {4, 8}},
  };
  const std::string_view words[] = {"1.x", "SDXL", "Flux", "LoRA"};
  for (size_t i = 0; i < std::size(samples); ++i) {
    TensorMap tensors;
    tensors[samples[i].first] = {{DType::kF16, samples[i].second}, {}};
    tensors.begin()->second.bytes.resize(
        static_cast<size_t>(tensors.begin()->second.type.size_bytes()));
    const auto kinds = kinds_of(set_of(folder / "a.safetensors", tensors));
    ASSERT_EQ(kinds.size(), 1u) << words[i];
    EXPECT_THAT(kinds.front(), HasSubstr(std::string(words[i])));
  }
}

TEST(Weights, ANameInTwoFilesIsAnErrorThatNamesBoth) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_safetensors(folder / "a", published(), {}).ok());
  ASSERT_TRUE(write_safetensors(folder / "b", published(), {}).ok());
  const std::filesystem::path files[] = {folder / "a", folder / "b"};
  const auto set = WeightSet::open(files);
  ASSERT_FALSE(set.ok());
  EXPECT_THAT(set.error().what, HasSubstr((folder / "b").string()));
}

TEST(Weights, NumbersThatATypeCannotHoldAreAnError) {
  const TemporaryFolder folder;
  TensorMap tensors = published();
  tensors["norm.weight"] = counted(DType::kF32, {4}, 1e6);
  const auto made = matched(set_of(folder / "a.safetensors", tensors));
  for (const PlacedWeight &weight : made->match->placed) {
    const auto read = read_weight(weight, DType::kF16);
    EXPECT_EQ(read.ok(), weight.parameter != "norm.weight");
    if (!read.ok()) {
      EXPECT_EQ(read.error().kind, ErrorKind::kNumeric);
      EXPECT_THAT(read.error().what, HasSubstr("norm.weight"));
    }
  }
}

// A large tensor, so that it is read in many pieces by several threads.
class Large : public testing::Test {
 protected:
  static constexpr int64_t kRows = 5000, kColumns = 4096;

  void SetUp() override {
    std::vector<std::byte> bytes(static_cast<size_t>(kRows * kColumns) * 2);
    for (size_t i = 0; i < bytes.size() / 2; ++i) {
      const auto bits = static_cast<uint16_t>(i * 31 % 0x7c00);
      std::memcpy(bytes.data() + 2 * i, &bits, 2);
    }
    TensorMap tensors;
    tensors["w"] = {{DType::kF16, {kRows, kColumns}}, std::move(bytes)};
    stored_ = tensors["w"];
    ASSERT_TRUE(write_safetensors(folder_ / "a.safetensors", tensors, {}).ok());
    sets_ = *open_weights(folder_ / "a.safetensors");
    weight_ = {"w",
               {DType::kF32, {kRows, kColumns}},
               {"w", {kRows, kColumns}, {0, 1}, 0, kRows},
               *sets_.front().find("w")};
  }

  TemporaryFolder folder_;
  HostTensor stored_;
  std::vector<WeightSet> sets_;
  PlacedWeight weight_;
};

TEST_F(Large, IsDeliveredInPiecesThatMakeTheWhole) {
  for (const DType dtype : {DType::kF16, DType::kF32}) {
    std::vector<std::byte> memory(static_cast<size_t>(kRows * kColumns * size_bytes(dtype)));
    const WeightJob job{&weight_, dtype, memory.data()};
    uint64_t pieces = 0, last = 0, all = 0;
    const auto deliver = [&](std::byte *to, std::span<const std::byte> bytes) -> Status {
      ++pieces;
      std::memcpy(to, bytes.data(), bytes.size());
      return {};
    };
    const auto progress = [&](uint64_t done, uint64_t total) {
      EXPECT_GT(done, last);
      last = done;
      all = total;
    };
    ASSERT_TRUE(load_weights({&job, 1}, deliver, progress).ok());
    EXPECT_GT(pieces, 1u);
    EXPECT_EQ(last, all);
    EXPECT_EQ(all, stored_.bytes.size());
    EXPECT_EQ(memory, read_weight(weight_, dtype)->bytes);
    if (dtype == DType::kF16) {
      EXPECT_EQ(memory, stored_.bytes);
    }
  }
}

TEST_F(Large, ChangesAreAddedToEveryPieceInFullPrecision) {
  std::vector<WeightChange> changes(2);
  for (size_t n = 0; n < changes.size(); ++n) {
    changes[n].rank = static_cast<int64_t>(n) + 1;
    for (int64_t i = 0; i < kRows * changes[n].rank; ++i)
      changes[n].up.push_back(static_cast<float>(i % 7 - 3));
    for (int64_t i = 0; i < kColumns * changes[n].rank; ++i)
      changes[n].down.push_back(static_cast<float>(i % 5) * 0x1p-9f);
  }
  std::vector<float> loaded(static_cast<size_t>(kRows * kColumns)), expected(loaded.size());
  const HostTensor plain = *read_weight(weight_, DType::kF32);
  std::memcpy(expected.data(), plain.bytes.data(), plain.bytes.size());
  for (const WeightChange &change : changes) {
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t r = 0; r < change.rank; ++r) {
        for (int64_t i = 0; i < kColumns; ++i)
          expected[row * kColumns + i] +=
              change.up[row * change.rank + r] * change.down[r * kColumns + i];
      }
    }
  }
  const WeightJob job{&weight_, DType::kF32, reinterpret_cast<std::byte *>(loaded.data()), changes};
  ASSERT_TRUE(load_weights({&job, 1}).ok());
  EXPECT_EQ(loaded, expected);
  // Rounded once, behind the sums.
  std::vector<std::byte> narrow(loaded.size() * 2), rounded(narrow.size());
  const WeightJob to_narrow{&weight_, DType::kBF16, narrow.data(), changes};
  ASSERT_TRUE(load_weights({&to_narrow, 1}).ok());
  ASSERT_TRUE(
      convert_elements(DType::kF32, std::as_bytes(std::span(expected)), DType::kBF16, rounded));
  EXPECT_EQ(narrow, rounded);
}

TEST_F(Large, AnErrorOfTheReceiverEndsTheLoading) {
  std::vector<std::byte> memory(stored_.bytes.size());
  const WeightJob job{&weight_, DType::kF16, memory.data()};
  int calls = 0;
  const auto deliver = [&](std::byte *, std::span<const std::byte>) -> Status {
    ++calls;
    return Error{ErrorKind::kDevice, "the device is gone", ""};
  };
  const Status status = load_weights({&job, 1}, deliver, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kDevice);
  EXPECT_EQ(calls, 1);
}

TEST_F(Large, AFileThatShrinksEndsTheLoading) {
  std::filesystem::resize_file(folder_ / "a.safetensors", 1 << 20);
  const auto read = read_weight(weight_, DType::kF32);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kStorage);
}

// Files of a folder, with one tensor each of the name given.
struct Made {
  std::string file;
  std::string tensor;
};

Result<std::vector<WeightSet>> opened(const std::vector<Made> &files, std::string_view variant = {},
                                      const std::string &index = {}) {
  const TemporaryFolder folder;
  for (const Made &made : files) {
    TensorMap tensors;
    if (!made.tensor.empty()) tensors[made.tensor] = counted(DType::kF32, {1});
    EXPECT_TRUE(write_safetensors(folder / made.file, tensors, {}).ok());
  }
  if (!index.empty()) test::write_bytes(folder / "model.safetensors.index.json", index);
  return open_weights(folder.path(), variant);
}

std::vector<std::string> names_of(const Result<std::vector<WeightSet>> &sets) {
  std::vector<std::string> names;
  if (!sets.ok()) return {"error: " + sets.error().text()};
  for (const WeightSet &set : *sets) {
    for (const auto &[name, entry] : set.tensors()) names.emplace_back(name);
    names.emplace_back("|");
  }
  return names;
}

TEST(WeightFolders, TakeTheOneFileTheVariantOrTheShards) {
  EXPECT_THAT(names_of(opened({{"model.safetensors", "a"}})), ElementsAre("a", "|"));
  EXPECT_THAT(names_of(opened({{"model.fp16.safetensors", "h"}})), ElementsAre("h", "|"));
  const std::vector<Made> both = {{"model.safetensors", "a"}, {"model.fp16.safetensors", "h"}};
  EXPECT_THAT(names_of(opened(both)), ElementsAre("a", "|"));
  EXPECT_THAT(names_of(opened(both, "fp16")), ElementsAre("h", "|"));
  const std::vector<Made> shards = {{"model-00001-of-00002.safetensors", "a"},
                                    {"model-00002-of-00002.safetensors", "b"}};
  const std::string index =
      R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})";
  EXPECT_THAT(names_of(opened(shards, "", index)), ElementsAre("a", "b", "|"));
}

TEST(WeightFolders, OfAWholePipelineGiveASetForEachModel) {
  EXPECT_THAT(names_of(opened({{"unet/diffusion_pytorch_model.safetensors", "u"},
                               {"vae/diffusion_pytorch_model.fp16.safetensors", "v"},
                               {"text_encoder/model.safetensors", "t"}})),
              ElementsAre("t", "|", "u", "|", "v", "|"));
}

TEST(WeightFolders, ThatAreWrongAreRefusedWithTheReason) {
  const std::vector<Made> shards = {{"model-00001-of-00002.safetensors", "a"}};
  const std::pair<Result<std::vector<WeightSet>>, std::string_view> cases[] = {
      {opened({}), "holds no *.safetensors"},
      {opened({{"a.bin", ""}}), "pickle"},
      {opened({{"a.safetensors", "a"}, {"b.safetensors", "b"}}), "several models"},
      {opened({{"model.safetensors", "a"}}, "fp16"), "no weights of the variant 'fp16'"},
      {opened(shards, "", R"({"weight_map":{"a":"../a.safetensors"}})"), "in its folder"},
      {opened(shards, "", R"({"weight_map":{"b":"model-00001-of-00002.safetensors"}})"),
       "does not"},
      {opened(shards, "", R"({"weight_map":{"a":"absent.safetensors"}})"), "cannot open"},
      {opened(shards, "", R"({"weight_map":[]})"), "weight_map"},
      {opened(shards, "", "{"), "index.json"},
  };
  for (const auto &[sets, words] : cases) {
    ASSERT_FALSE(sets.ok()) << words;
    EXPECT_THAT(sets.error().text(), HasSubstr(std::string(words)));
  }
}

}  // namespace
}  // namespace flame
