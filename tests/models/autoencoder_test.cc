// The autoencoder in bands and whole, and pictures of several sizes to latents and back.
#include "core/sample/autoencoder.h"

#include <fmt/core.h>

#include "core/sample/planned_program.h"
#include "core/tensor/numbers.h"
#include "tests/models/painter_fixture.h"

namespace flame {
namespace {

using namespace painter_test;
using testing::HasSubstr;

class AutoencoderTest : public PainterTest {
 protected:
  // A program of the autoencoder, in bands unless `rows` is 0.
  TensorMap image_answers(const std::string &name, int64_t height, int64_t width, int64_t rows,
                          const std::string &backend, DType compute = DType::kF32) {
    Device &on = device(backend);
    const auto run = [&]() -> Result<TensorMap> {
      FLAME_ASSIGN(
          const Program program,
          small_.models[3]->build(name, {{"batch", 1}, {"height", height}, {"width", width}}));
      FLAME_ASSIGN(const Program stored, stored_program(program, "vae/", {compute}));
      FLAME_ASSIGN(ImageProgram image, rows == 0 ? ImageProgram::plan(stored, on)
                                                 : ImageProgram::plan_bands(stored, on, rows));
      EXPECT_EQ(image.in_bands(), rows != 0);
      TensorStore store(on);
      FLAME_TRY(image.make(store));
      std::vector<WeightJob> jobs;
      FLAME_TRY(add_jobs(small_.paint.parts[2], image.parameters(), "vae/", jobs));
      FLAME_TRY(load_weights(jobs));
      FLAME_ASSIGN(const DeviceStream stream, on.create_stream());
      TensorMap given;
      for (const NamedValue &input : stored.inputs()) {
        std::vector<double> numbers;
        const auto count = stored.type(input.value).shape.element_count();
        for (int64_t i = 0; i < count; ++i)
          numbers.push_back(std::sin(static_cast<double>(i) * 0.37 + i * i % 11));
        given[input.name] = tensor_of(stored.type(input.value), numbers);
      }
      return image.run(stream, given);
    };
    const Result<TensorMap> made = run();
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? *made : TensorMap();
  }
};

// The largest difference, as a share of the largest number.
double largest_share(const std::vector<double> &a, const std::vector<double> &b) {
  if (a.size() != b.size() || a.empty()) return NAN;
  double difference = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(a[i]));
  }
  return difference / largest;
}

TEST_F(AutoencoderTest, BandsOfThePictureGiveWhatTheWholeGives) {
  struct Case {
    const char *program;
    int64_t height, width;
    int64_t rows;  // of pixels at one time
    const char *backend = "onednn";
  };
  for (const Case &each :
       {Case{"decode", 12, 9, 8}, Case{"decode", 12, 9, 37}, Case{"decode", 3, 2, 1, "reference"},
        Case{"encode", 96, 72, 8}, Case{"encode", 99, 61, 40}, Case{"encode", 8, 8, 1},
        Case{"encode", 17, 16, 8, "reference"}}) {
    const std::string name = fmt::format("{} {}x{} in bands of {} on {}", each.program, each.height,
                                         each.width, each.rows, each.backend);
    const TensorMap whole = image_answers(each.program, each.height, each.width, 0, each.backend),
                    bands = image_answers(each.program, each.height, each.width, each.rows,
                                          each.backend);
    ASSERT_EQ(whole.size(), 1u) << name;
    ASSERT_EQ(bands.size(), 1u) << name;
    EXPECT_EQ(whole.begin()->second.type, bands.begin()->second.type) << name;
    EXPECT_LE(largest_share(numbers_of(whole.begin()->second), numbers_of(bands.begin()->second)),
              2e-5)
        << name;
  }
}

TEST_F(AutoencoderTest, BandsInNarrowTypesAreAsFarFromTheExactAnswerAsTheWhole) {
  const auto picture = [&](int64_t rows, DType compute) {
    return numbers_of(image_answers("decode", 16, 16, rows, "onednn", compute).begin()->second);
  };
  const std::vector<double> exact = picture(0, DType::kF32);
  const double whole = largest_share(exact, picture(0, DType::kBF16)),
               bands = largest_share(exact, picture(16, DType::kBF16));
  EXPECT_GT(whole, 0);
  EXPECT_LE(bands, 1.5 * whole);
}

TEST_F(AutoencoderTest, APictureInBandsTakesLessMemoryAndLooksTheSame) {
  PaintSettings settings = kSmall;
  settings.width = settings.height = 256;
  settings.steps = 1;
  const PaintRequest request{"a red circle", "", 11};
  const Result<Painter> whole = painter(settings);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  settings.tile_rows = 32;
  const Result<Painter> bands = painter(settings);
  ASSERT_TRUE(bands.ok()) << bands.error().text();
  EXPECT_FALSE(whole->programs().decoder->in_bands());
  EXPECT_TRUE(bands->programs().decoder->in_bands());
  EXPECT_LT(bands->programs().decoder->arena_bytes(), whole->programs().decoder->arena_bytes() / 4);
  EXPECT_LE(largest_difference(whole->paint(request)->pixels, bands->paint(request)->pixels), 1e-4);
}

TEST_F(AutoencoderTest, BandsAreTakenWhereTheWholeDoesNotFit) {
  PaintSettings settings = kSmall;
  settings.width = settings.height = 256;
  settings.steps = 1;
  const Result<Painter> whole = painter(settings);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  settings.memory_bytes = whole->programs().allocated_bytes() - 1;
  const Result<Painter> bands = painter(settings);
  ASSERT_TRUE(bands.ok()) << bands.error().text();
  EXPECT_TRUE(bands->programs().decoder->in_bands());
  EXPECT_LE(bands->programs().allocated_bytes(), *settings.memory_bytes);
}

TEST_F(AutoencoderTest, EncodesAndDecodesPicturesOfSeveralSizesWithTheSameWeights) {
  Device &on = device("onednn");
  TensorStore store(on);
  const Result<DeviceStream> stream = on.create_stream();
  ASSERT_TRUE(stream.ok());
  AutoencoderSettings settings;
  for (const auto &[height, width] : {std::pair<int64_t, int64_t>{64, 32}, {16, 48}}) {
    settings.height = height;
    settings.width = width;
    const Result<VaeEncoder> encoder =
        VaeEncoder::make(small_.paint.parts[2], settings, store, *stream);
    ASSERT_TRUE(encoder.ok()) << encoder.error().text();
    const Result<VaeDecoder> decoder =
        VaeDecoder::make(small_.paint.parts[2], settings, store, *stream);
    ASSERT_TRUE(decoder.ok()) << decoder.error().text();
    HostTensor picture{{DType::kF32, Shape{1, height, width, 3}}, {}};
    std::vector<double> numbers;
    for (int64_t i = 0; i < picture.type.shape.element_count(); ++i)
      numbers.push_back(std::sin(static_cast<double>(i) * 0.01));
    picture = tensor_of(picture.type, numbers);
    const Result<HostTensor> latent = encoder->encode(*stream, picture, 3);
    ASSERT_TRUE(latent.ok()) << latent.error().text();
    EXPECT_EQ(latent->type.shape, (Shape{1, height / 8, width / 8, 4}));
    EXPECT_EQ(latent->bytes, encoder->encode(*stream, picture, 3)->bytes);
    EXPECT_NE(latent->bytes, encoder->encode(*stream, picture, 4)->bytes);
    const Result<HostTensor> back = decoder->decode(*stream, *latent);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(back->type, picture.type);
    EXPECT_THAT(encoder->encode(*stream, *latent, 1).error().what, HasSubstr("vae/sample"));
    settings.weights_are_there = true;
  }
  settings.width = 60;
  EXPECT_THAT(VaeEncoder::make(small_.paint.parts[2], settings, store, *stream).error().what,
              HasSubstr("the width of a picture is 60"));
}

TEST_F(AutoencoderTest, AnEncoderKeepsToItsMemoryOrSaysWhatItNeeds) {
  Device &on = device("onednn");
  const Result<DeviceStream> stream = on.create_stream();
  ASSERT_TRUE(stream.ok());
  AutoencoderSettings settings;
  settings.height = settings.width = 256;
  TensorStore store(on);
  const Result<VaeEncoder> whole =
      VaeEncoder::make(small_.paint.parts[2], settings, store, *stream);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  settings.most_bytes = whole->program().bytes_on(on) - 1;
  const Result<VaeEncoder> bands =
      VaeEncoder::make(small_.paint.parts[2], settings, store, *stream);
  ASSERT_TRUE(bands.ok()) << bands.error().text();
  EXPECT_TRUE(bands->program().in_bands());
  EXPECT_LE(bands->program().bytes_on(on), *settings.most_bytes);
  settings.most_bytes = 1 << 10;
  const Result<VaeEncoder> none = VaeEncoder::make(small_.paint.parts[2], settings, store, *stream);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kOutOfMemory);
  EXPECT_THAT(none.error().what, HasSubstr("but 1.0 KiB may be taken"));
}

}  // namespace
}  // namespace flame
