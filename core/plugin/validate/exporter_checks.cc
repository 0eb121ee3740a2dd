// Exporters: one file through the host, whole or not at all.
#include <fmt/core.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/validate/checked_files.h"
#include "core/plugin/validate/for_each.h"
#include "flame/exporter.h"

namespace flame {
namespace {

struct TrialTensor {
  std::string_view name;
  flame_dtype dtype;
  std::vector<int64_t> shape, strides;

  uint64_t count() const {
    return shape.empty() ? 1 : static_cast<uint64_t>(shape[0] * strides[0]);
  }
};

// What the host hands over: the tensors of a small adapter or model, or one picture.
using TrialTensors = std::vector<TrialTensor>;

const TrialTensors &small_adapter() {
  static const TrialTensors tensors = {
      {"unet/down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_down.weight",
       FLAME_DTYPE_F32,
       {4, 640},
       {640, 1}},
      {"unet/down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_up.weight",
       FLAME_DTYPE_F32,
       {640, 4},
       {4, 1}},
      {"unet/down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.alpha",
       FLAME_DTYPE_F32,
       {},
       {}},
  };
  return tensors;
}

const TrialTensors &small_picture() {
  static const TrialTensors tensors = {{"picture", FLAME_DTYPE_U8, {24, 40, 3}, {120, 3, 1}}};
  return tensors;
}

const TrialTensors &small_model() {
  static const TrialTensors tensors = {
      {"model:model.diffusion_model.out.2.weight",
       FLAME_DTYPE_F16,
       {4, 320, 3, 3},
       {2880, 9, 3, 1}},
      {"model:cond_stage_model.position_ids", FLAME_DTYPE_I64, {1, 77}, {77, 1}},
  };
  return tensors;
}

// Borrows the tensors.
class TrialParameters {
 public:
  explicit TrialParameters(const TrialTensors &tensors)
      : tensors_(tensors), table_{sizeof table_, 0, this, count_of, describe, read} {}
  const flame_parameters *get() const { return &table_; }

 private:
  static const TrialTensors &of(void *self) {
    return static_cast<TrialParameters *>(self)->tensors_;
  }
  static flame_status refuse(flame_call *call) {
    call->fail(call->sink, FLAME_ERROR_INVALID_ARGUMENT, FLAME_STR("there is no such parameter"));
    return FLAME_ERROR_INVALID_ARGUMENT;
  }
  static uint64_t count_of(void *self) noexcept { return of(self).size(); }
  static flame_status describe(void *self, flame_call *call, uint64_t index, flame_str *name,
                               flame_tensor *view) noexcept {
    if (index >= of(self).size()) return refuse(call);
    const TrialTensor &tensor = of(self)[index];
    *name = {tensor.name.data(), tensor.name.size()};
    const flame_tensor full{view->struct_size,
                            tensor.dtype,
                            static_cast<uint32_t>(tensor.shape.size()),
                            FLAME_DEVICE_CPU,
                            tensor.shape.data(),
                            tensor.strides.data(),
                            nullptr,
                            0,
                            tensor.count() * FLAME_DTYPE_BYTES(tensor.dtype)};
    memcpy(view, &full, std::min<size_t>(view->struct_size, sizeof full));
    return FLAME_OK;
  }
  static flame_status read(void *self, flame_call *call, uint64_t index,
                           const flame_tensor *into) noexcept {
    if (index >= of(self).size()) return refuse(call);
    const size_t bytes = of(self)[index].count() * FLAME_DTYPE_BYTES(into->dtype);
    memset(static_cast<char *>(into->data) + into->byte_offset, 0x3c, bytes);
    return FLAME_OK;
  }

  const TrialTensors &tensors_;
  flame_parameters table_;
};

struct Exporter {
  Subject &subject;
  const flame_exporter_interface *table;
  flame_exporter *handle;
  const TrialTensors *trial = nullptr;  // which it takes

  flame_status check(CheckedCall &call, const TrialTensors &tensors) const {
    subject.at("check()");
    return table->check(handle, call.get(), TrialParameters(tensors).get());
  }
  flame_status check(CheckedCall &call) const { return check(call, *trial); }
  flame_status write(CheckedCall &call) const { return write(call, *trial); }
  flame_status write(CheckedCall &call, const TrialTensors &tensors) const {
    AttributeList facts;
    facts.add_string("base_model", "sdxl");
    facts.add_string("steps", "100");
    subject.at("write()");
    return table->write(handle, call.get(), TrialParameters(tensors).get(), facts.data(),
                        facts.size());
  }
};

// `attempt(exporter, files)` with a small adapter, a model or a picture, whichever it takes first;
// those that the exporter refuses leave nothing to try.
template <typename Attempt>
Result<Done> for_each_exporter(Subject &subject, Attempt &&attempt) {
  // The plugin keeps the host's services until the process ends.
  auto *files = new CheckedFiles;
  CheckedHost::Shape shape;
  shape.files = files->get();
  subject.use_host(subject.make_host(shape));
  std::string refusal;
  FLAME_ASSIGN(
      const Done done,
      for_each_object<flame_exporter>(
          subject, FLAME_KIND_EXPORTER,
          [&](const CheckedComponent &component, flame_exporter *handle) -> Status {
            Exporter exporter{subject, component.interface<flame_exporter_interface>(), handle};
            std::string refusals;
            for (const TrialTensors *trial : {&small_adapter(), &small_model(), &small_picture()}) {
              exporter.trial = trial;
              CheckedCall call;
              const flame_status status = exporter.check(call);
              FLAME_TRY(call.judge("check()", status));
              if (status == FLAME_OK) return attempt(exporter, *files);
              refusals += fmt::format("{}{}", refusals.empty() ? "" : "; and: ", call.message());
            }
            refusal = refusals;
            return {};
          }));
  if (!done.skipped.empty() || refusal.empty()) return done;
  return skipped("the exporter does not take the trial's parameters: " + refusal);
}

Result<Done> check_is_pure(Subject &subject) {
  return for_each_exporter(subject, [](const Exporter &exporter, CheckedFiles &files) -> Status {
    CheckedCall call;
    FLAME_TRY(call.expect_success("check()", exporter.check(call)));
    if (files.opened() == 0) return {};
    return broken("check() writes nothing", fmt::format("it opened {} files", files.opened()));
  });
}

Result<Done> writes_whole(Subject &subject) {
  return for_each_exporter(subject, [](const Exporter &exporter, CheckedFiles &files) -> Status {
    CheckedCall call;
    FLAME_TRY(call.expect_success("write()", exporter.write(call)));
    if (files.open() != 0) {
      return broken("every writer is committed or discarded, every reader closed",
                    fmt::format("{} are still open", files.open()));
    }
    if (files.committed().empty()) return broken("a file is committed", "there is none");
    for (const auto &[name, content] : files.committed()) {
      if (content.empty()) return broken("a file with content", "'" + name + "' is empty");
    }
    return {};
  });
}

Result<Done> writes_the_same_twice(Subject &subject) {
  return for_each_exporter(subject, [](const Exporter &exporter, CheckedFiles &files) -> Status {
    CheckedCall first, second;
    FLAME_TRY(first.expect_success("write()", exporter.write(first)));
    const auto before = files.committed();
    FLAME_TRY(second.expect_success("write()", exporter.write(second)));
    if (before == files.committed()) return {};
    return broken("the same parameters give the same file", "two writes differ");
  });
}

Result<Done> survives_a_full_disk(Subject &subject) {
  return for_each_exporter(subject, [](const Exporter &exporter, CheckedFiles &files) -> Status {
    for (uint64_t write = 0; write < 64; ++write) {
      const uint64_t before = files.writes();
      files.fail_from(before + write);
      CheckedCall call;
      const flame_status status = exporter.write(call);
      if (files.writes() <= before + write) return {};  // it needs no more writes than that
      FLAME_TRY(call.expect_failure("write()", status,
                                    fmt::format("write {} to the file failed", write + 1),
                                    {FLAME_ERROR_STORAGE}));
      if (files.open() == 0 && files.committed().empty()) continue;
      return broken("nothing is committed and every writer is discarded",
                    fmt::format("{} writers are open, {} files are there", files.open(),
                                files.committed().size()));
    }
    return {};
  });
}

Result<Done> only_through_the_host(Subject &subject) {
  return for_each_exporter(subject, [&](const Exporter &exporter, CheckedFiles &) -> Status {
    CheckedCall call;
    FLAME_TRY(call.expect_success("write()", exporter.write(call)));
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(subject.facts().scratch, error)) {
      return broken("files are written through flame.files/1 alone",
                    "there is '" + entry.path().filename().string() + "' in the folder");
    }
    return {};
  });
}

Result<Done> takes_an_empty_set(Subject &subject) {
  return for_each_exporter(subject, [](const Exporter &exporter, CheckedFiles &files) -> Status {
    CheckedCall call, second;
    FLAME_TRY(call.judge("check()", exporter.check(call, {})));
    FLAME_TRY(second.judge("write()", exporter.write(second, {})));
    if (files.open() == 0) return {};
    return broken("every writer is committed or discarded",
                  fmt::format("{} are still open", files.open()));
  });
}

constexpr Check kChecks[] = {
    {"exporter.check-is-pure", "flame/exporter.h: check is pure", Stage::kStarted, check_is_pure},
    {"exporter.writes-whole",
     "flame/exporter.h: write goes through flame.files/1, whole or not at all", Stage::kStarted,
     writes_whole},
    {"exporter.writes-the-same-twice", "flame/exporter.h: the file is made of parameters and facts",
     Stage::kStarted, writes_the_same_twice},
    {"exporter.survives-a-full-disk",
     "flame/host.h: a writer ends by commit or discard; after an error it can only be discarded",
     Stage::kStarted, survives_a_full_disk},
    {"exporter.only-through-the-host", "flame/exporter.h: write goes through flame.files/1",
     Stage::kStarted, only_through_the_host},
    {"exporter.takes-an-empty-set", "flame/exporter.h: check says what cannot be written",
     Stage::kStarted, takes_an_empty_set},
};

}  // namespace

std::span<const Check> exporter_checks() {
  return kChecks;
}

}  // namespace flame
