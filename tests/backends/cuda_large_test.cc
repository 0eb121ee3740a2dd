// The own kernels of the cuda backend on sizes where the work is split over blocks and parts, against
// plain sums in f64. Skipped where no GPU answers.
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "backends/cuda/axes.h"
#include "backends/cuda/device.h"

namespace flame::cuda {
namespace {

using flame::Attribute;
using flame::Shape;
using Numbers = std::vector<double>;

struct Tensor {
  Shape shape;
  std::vector<float> numbers;
  int64_t row = 0;  // if not 0, the numbers are rows of so many, of which the tensor is the first
};

int64_t count_of(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// About normal numbers around a mean, the same in every run.
Tensor noise(const Shape &shape, double mean = 0.5, double spread = 1) {
  static uint64_t state = 1;
  Tensor made{shape, std::vector<float>(static_cast<size_t>(count_of(shape)))};
  for (float &number : made.numbers) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<double>(state >> 40) * 0x1p-24;
    }
    number = static_cast<float>(mean + spread * sum);
  }
  return made;
}

double error_of(const Tensor &seen, const Numbers &expected) {
  double error = 0;
  double squares = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += (seen.numbers[i] - expected[i]) * (seen.numbers[i] - expected[i]);
    squares += expected[i] * expected[i];
  }
  return std::sqrt(error / squares);
}

class Large : public testing::Test {
 protected:
  void SetUp() override {
    if (Gpu::devices().empty()) GTEST_SKIP() << "no GPU answers";
    device_ = std::make_unique<Gpu>(0, Gpu::Options{});
    stream_ = device_->create_stream();
    call_.struct_size = sizeof call_;
    call_.stream = reinterpret_cast<flame_stream *>(stream_.get());
  }

  void run(const char *name, const std::vector<Tensor *> &inputs,
           const std::vector<Tensor *> &outputs, std::vector<Attribute> attributes) {
    const flame::AttributeArray list(std::move(attributes));
    std::vector<Tensor *> all = inputs;
    all.insert(all.end(), outputs.begin(), outputs.end());
    std::deque<Shape> strides;
    std::deque<flame_tensor> tensors;
    std::vector<const flame_tensor *> pointers;
    const flame::Call call(&call_);
    for (Tensor *tensor : all) {
      Shape held = tensor->shape;
      if (tensor->row > 0) held.back() = tensor->row;
      tensor->numbers.resize(static_cast<size_t>(count_of(held)), NAN);
      const uint64_t bytes = tensor->numbers.size() * sizeof(float);
      strides.push_back(dense_strides(held));
      void *memory = device_->allocate(bytes);
      device_->upload(call, tensor->numbers.data(), memory, bytes);
      tensors.push_back({sizeof(flame_tensor), FLAME_DTYPE_F32,
                         static_cast<uint32_t>(tensor->shape.size()), 1, tensor->shape.data(),
                         strides.back().data(), memory, 0, bytes});
    }
    for (const flame_tensor &tensor : tensors) pointers.push_back(&tensor);
    const flame_op op = {sizeof op,
                         static_cast<uint32_t>(inputs.size()),
                         static_cast<uint32_t>(outputs.size()),
                         list.size(),
                         flame::borrow(name),
                         pointers.data(),
                         pointers.data() + inputs.size(),
                         list.data()};
    const std::unique_ptr<flame::Plan> plan = device_->plan(call, flame::Op(&op));
    call_.workspace = device_->allocate(plan->info.workspace_size + 1);
    call_.workspace_size = plan->info.workspace_size;
    plan->run(call, pointers.data(), pointers.data() + inputs.size());
    for (size_t i = inputs.size(); i < all.size(); ++i)
      device_->download(call, tensors[i].data, all[i]->numbers.data(), tensors[i].buffer_size);
    stream_->synchronize();
    device_->release(call_.workspace);
    for (const flame_tensor &tensor : tensors) device_->release(tensor.data);
  }

 private:
  std::unique_ptr<Gpu> device_;
  std::unique_ptr<flame::Stream> stream_;
  flame_call call_ = {};
};

constexpr double kNear = 2e-6;

// The same tensor as a slice of wider rows, which hold no numbers beside it.
Tensor slice_of_rows(const Tensor &tensor, int64_t row) {
  const auto width = static_cast<size_t>(tensor.shape.back());
  const size_t count = tensor.numbers.size() / width;
  Tensor made{tensor.shape, std::vector<float>(count * static_cast<size_t>(row), NAN), row};
  for (size_t i = 0; i < tensor.numbers.size(); ++i)
    made.numbers[i / width * static_cast<size_t>(row) + i % width] = tensor.numbers[i];
  return made;
}

// group_norm with silu and its gradient over [images, places, channels].
class LargeGroupNorm : public Large {
 protected:
  void check(int64_t images, int64_t places, int64_t channels, int64_t groups) {
    const int64_t width = channels / groups;
    Tensor x = noise({images, places, channels}, 3, 2), weight = noise({channels}),
           bias = noise({channels}), dy = noise({images, places, channels});
    Tensor y{x.shape, {}}, mean{{images, groups}, {}}, rstd{mean.shape, {}}, dx{x.shape, {}},
        dweight{{channels}, {}}, dbias{{channels}, {}};
    run("group_norm", {&x, &weight, &bias}, {&y, &mean, &rstd},
        {{"groups", groups}, {"activation", "silu"}, {"eps", 1e-5}});
    run("group_norm_grad", {&dy, &x, &mean, &rstd, &weight, &bias}, {&dx, &dweight, &dbias},
        {{"groups", groups}, {"activation", "silu"}, {"weight_gradient", true}});
    Numbers ey(x.numbers.size()), edx(ey.size()), ew(weight.numbers.size()), eb(ew.size());
    for (int64_t group = 0; group < images * groups; ++group) {
      const int64_t image = group / groups;
      const int64_t first = group % groups * width;
      const auto each = [&](const auto &body) {
        for (int64_t i = 0; i < places * width; ++i) {
          const int64_t channel = first + i % width;
          body(static_cast<size_t>((image * places + i / width) * channels + channel),
               static_cast<size_t>(channel));
        }
      };
      const auto count = static_cast<double>(places * width);
      double sum = 0, squares = 0, plain = 0, product = 0;
      each([&](size_t at, size_t) { sum += x.numbers[at]; });
      const double middle = sum / count;
      each([&](size_t at, size_t) { squares += std::pow(x.numbers[at] - middle, 2); });
      const double scale = 1 / std::sqrt(squares / count + 1e-5);
      const auto unit = [&](size_t at) { return (x.numbers[at] - middle) * scale; };
      const auto inner = [&](size_t at, size_t c) {
        return unit(at) * weight.numbers[c] + bias.numbers[c];
      };
      const auto given = [&](size_t at, size_t c) {
        const double z = inner(at, c), s = 1 / (1 + std::exp(-z));
        return dy.numbers[at] * s * (1 + z * (1 - s));
      };
      each([&](size_t at, size_t c) {
        ey[at] = inner(at, c) / (1 + std::exp(-inner(at, c)));
        ew[c] += given(at, c) * unit(at);
        eb[c] += given(at, c);
        plain += given(at, c) * weight.numbers[c] / count;
        product += given(at, c) * weight.numbers[c] * unit(at) / count;
      });
      each([&](size_t at, size_t c) {
        edx[at] = scale * (given(at, c) * weight.numbers[c] - plain - unit(at) * product);
      });
    }
    EXPECT_LT(error_of(y, ey), kNear);
    EXPECT_LT(error_of(dx, edx), kNear);
    Tensor addend = noise(x.shape), total{x.shape, {}};
    run("group_norm_grad", {&dy, &x, &mean, &rstd, &weight, &bias, &addend}, {&total},
        {{"groups", groups}, {"activation", "silu"}, {"weight_gradient", false}});
    for (size_t at = 0; at < edx.size(); ++at) edx[at] += addend.numbers[at];
    EXPECT_LT(error_of(total, edx), kNear);
    EXPECT_LT(error_of(dweight, ew), kNear);
    EXPECT_LT(error_of(dbias, eb), kNear);
  }
};

TEST_F(LargeGroupNorm, JoinsPartsOfManyPlaces) {
  check(1, 128 * 128, 320, 32);
}

TEST_F(LargeGroupNorm, KeepsImagesApart) {
  check(3, 1000, 640, 32);
}

TEST_F(LargeGroupNorm, TakesGroupsThatAreNoWholePacks) {
  check(2, 5000, 96, 32);
}

TEST_F(LargeGroupNorm, TakesGroupsOfManyPacks) {
  check(1, 32 * 32, 1280, 32);
}

TEST_F(LargeGroupNorm, TakesGroupsOfOneChannel) {
  check(2, 700, 64, 64);
}

// Rows that are no whole number of slabs, and packs that meet parts of groups.
TEST_F(LargeGroupNorm, TakesRowsThatDivideIntoNothing) {
  check(2, 301, 148, 4);
}

TEST_F(LargeGroupNorm, TakesMoreThanTheCacheHolds) {
  check(1, 256 * 256, 272, 16);
}

// Rows of whole packs and others.
TEST_F(Large, GradientsOfNormsAddASliceOfWiderRows) {
  Tensor dy = noise({2, 500, 96}), x = noise(dy.shape), addend = noise(dy.shape),
         weight = noise({96}), bias = noise({96});
  struct Norm {
    const char *name;
    Shape statistics;
    std::vector<Tensor *> weights;
    std::vector<Attribute> attributes;
  };
  const std::vector<Norm> norms = {
      {"group_norm_grad",
       {2, 32},
       {&weight, &bias},
       {{"groups", int64_t{32}}, {"activation", "silu"}, {"weight_gradient", false}}},
      {"layer_norm_grad", {2, 500}, {&weight}, {{"weight_gradient", false}}}};
  for (const Norm &norm : norms) {
    Tensor mean = noise(norm.statistics, 0), rstd = noise(norm.statistics, 2, 0.1);
    std::vector<Tensor *> inputs = {&dy, &x, &mean, &rstd};
    inputs.insert(inputs.end(), norm.weights.begin(), norm.weights.end());
    Tensor alone{x.shape, {}};
    run(norm.name, inputs, {&alone}, norm.attributes);
    Numbers expected(alone.numbers.begin(), alone.numbers.end());
    for (size_t at = 0; at < expected.size(); ++at) expected[at] += addend.numbers[at];
    for (const int64_t row : {128, 99}) {
      Tensor slice = slice_of_rows(addend, row), dx{x.shape, {}};
      inputs.push_back(&slice);
      run(norm.name, inputs, {&dx}, norm.attributes);
      inputs.pop_back();
      EXPECT_LT(error_of(dx, expected), kNear) << norm.name << ", rows of " << row;
    }
  }
}

TEST_F(Large, SumsAreRightHoweverTheyAreSplit) {
  for (const auto &[rows, columns] : {std::pair<int64_t, int64_t>{1, 3'000'000},
                                      {3'000'000, 1},
                                      {20000, 96},
                                      {7, 100'001},
                                      {1000, 1000}}) {
    Tensor x = noise({rows, columns});
    Numbers by_row(static_cast<size_t>(rows)), by_column(static_cast<size_t>(columns));
    for (size_t i = 0; i < x.numbers.size(); ++i) {
      by_row[i / by_column.size()] += x.numbers[i];
      by_column[i % by_column.size()] += x.numbers[i];
    }
    for (const int64_t axis : {0, 1}) {
      Tensor y{{axis == 0 ? columns : rows}, {}};
      run("reduce", {&x}, {&y},
          {{"kind", "sum"},
           {"axes", std::vector<int64_t>{axis}},
           {"keep_dims", false},
           {"dtype", ""}});
      EXPECT_LT(error_of(y, axis == 0 ? by_column : by_row), kNear) << rows << " x " << columns;
    }
  }
}

// Rounding of any partial sum would be more than the whole sum's last digits.
TEST_F(Large, SumsNearZeroKeepWhatRoundingDrops) {
  for (const auto &[rows, columns] :
       {std::pair<int64_t, int64_t>{3, 1999}, {1, 1'000'000}, {4, 30'000}}) {
    for (const int64_t axis : {0, 1}) {
      Tensor x = noise(axis == 1 ? Shape{rows, columns} : Shape{columns, rows}, 0);
      const auto lines = static_cast<size_t>(rows);
      Numbers expected(lines);
      const auto line_of = [&](size_t i) {
        return axis == 1 ? i / static_cast<size_t>(columns) : i % lines;
      };
      for (size_t i = 0; i < x.numbers.size(); ++i) expected[line_of(i)] += x.numbers[i];
      // The first number of each line takes most of the others' sum off.
      for (size_t line = 0; line < lines; ++line) {
        float &first = x.numbers[axis == 1 ? line * static_cast<size_t>(columns) : line];
        const auto less = static_cast<float>(first - expected[line] + 1e-3);
        expected[line] += static_cast<double>(less) - first;
        first = less;
      }
      for (double &sum : expected) sum /= static_cast<double>(columns);
      Tensor y{{rows}, {}};
      run("reduce", {&x}, {&y},
          {{"kind", "mean"},
           {"axes", std::vector<int64_t>{axis}},
           {"keep_dims", false},
           {"dtype", ""}});
      EXPECT_LT(error_of(y, expected), kNear) << columns << " along " << axis;
    }
  }
}

TEST_F(Large, SoftmaxIsRightOnRowsOfAnyLength) {
  for (const int64_t columns : {77, 1024, 4096, 50'000, 100'001}) {
    Tensor x = noise({200, columns}, 0, 3), y{x.shape, {}};
    run("softmax", {&x}, {&y}, {{"axis", int64_t{1}}});
    Numbers expected(x.numbers.size());
    const auto width = static_cast<size_t>(columns);
    for (size_t row = 0; row < expected.size(); row += width) {
      double sum = 0;
      for (size_t i = row; i < row + width; ++i)
        sum += expected[i] = std::exp(static_cast<double>(x.numbers[i]));
      for (size_t i = row; i < row + width; ++i) expected[i] /= sum;
    }
    EXPECT_LT(error_of(y, expected), kNear) << columns;
  }
}

}  // namespace
}  // namespace flame::cuda
