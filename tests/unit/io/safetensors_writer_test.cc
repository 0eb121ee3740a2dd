// Writes safetensors files: whole, equal for equal content, or not at all.
#include "core/io/safetensors_writer.h"

#include <gtest/gtest.h>

#include "core/io/safetensors.h"
#include "tests/support/safetensors_files.h"

namespace flame {
namespace {

using test::TemporaryFolder;

TEST(SafetensorsWriter, WhatIsWrittenIsReadBack) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors["b.half"] = {{DType::kF16, Shape{2, 2}}, std::vector<std::byte>(8, std::byte{3})};
  tensors["a.half"] = {{DType::kBF16, Shape{1}}, std::vector<std::byte>(2, std::byte{4})};
  tensors["z.wide"] = {{DType::kF64, Shape{}}, std::vector<std::byte>(8, std::byte{5})};
  tensors["none"] = {{DType::kI64, Shape{0, 3}}, {}};
  tensors["имя \"q\""] = {{DType::kBool, Shape{3}}, std::vector<std::byte>(3, std::byte{1})};
  ASSERT_TRUE(write_safetensors(folder / "a.safetensors", tensors, {{"k", "v"}, {"a", "ü"}}).ok());
  const auto file = SafetensorsFile::open(folder / "a.safetensors");
  ASSERT_TRUE(file.ok()) << file.error().what;
  EXPECT_EQ(file->tensors().size(), tensors.size());
  for (const auto &[name, tensor] : tensors) {
    const StoredTensor *stored = file->find(name);
    ASSERT_TRUE(stored) << name;
    EXPECT_EQ(stored->offset % static_cast<uint64_t>(size_bytes(tensor.type.dtype)), 0u) << name;
    const auto read = file->read(*stored);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->type, tensor.type);
    EXPECT_EQ(read->bytes, tensor.bytes);
  }
  ASSERT_TRUE(file->find_metadata("a"));
  EXPECT_EQ(*file->find_metadata("a"), "ü");
  EXPECT_EQ(file->find("absent"), nullptr);
}

TEST(SafetensorsWriter, EqualContentGivesEqualBytes) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors["b"] = {{DType::kF16, Shape{1}}, std::vector<std::byte>(2)};
  tensors["a"] = {{DType::kF32, Shape{1}}, std::vector<std::byte>(4)};
  ASSERT_TRUE(write_safetensors(folder / "1", tensors, {{"x", "1"}, {"a", "2"}}).ok());
  ASSERT_TRUE(write_safetensors(folder / "2", tensors, {{"a", "2"}, {"x", "1"}}).ok());
  EXPECT_EQ(*read_file(folder / "1"), *read_file(folder / "2"));
}

TEST(SafetensorsWriter, OneThatEndsEarlyLeavesNothingBehind) {
  const TemporaryFolder folder;
  {
    auto writer =
        SafetensorsWriter::create(folder / "a.safetensors", {{"a", {DType::kF32, Shape{4}}}}, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->write(std::vector<std::byte>(8)).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, NamesThatCannotBeWrittenAreRefused) {
  const TemporaryFolder folder;
  const TensorType type{DType::kF32, Shape{}};
  const std::vector<std::vector<TensorToWrite>> lists = {
      {{"", type}}, {{"a", type}, {"a", type}}, {{"\xff", type}}, {{"__metadata__", type}}};
  for (const auto &list : lists)
    EXPECT_FALSE(SafetensorsWriter::create(folder / "a", list, {}).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace flame
