#include "core/sample/image_program.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "core/passes/fuse.h"
#include "core/passes/place.h"
#include "core/program/print.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

constexpr size_t kRows = 1;

Result<PlacedProgram> placed(const Program &program, Target &target) {
  FLAME_ASSIGN(const Fused fused, fuse(program, target));
  PlaceRequest request;
  request.shares_all = true;
  return place(fused.program, target, request);
}

uint64_t row_bytes(const TensorType &type) {
  const auto rows = static_cast<uint64_t>(type.shape[0] * type.shape[kRows]);
  return rows == 0 ? 0 : static_cast<uint64_t>(type.size_bytes()) / rows;
}

// Rows of every picture of a batch, from the whole to the band or back.
template <typename Whole, typename Part>
void for_each_picture(const TensorType &type, RowRange rows, Whole whole, Part part,
                      const auto &copy) {
  const uint64_t row = row_bytes(type);
  const auto size = static_cast<size_t>(row * static_cast<uint64_t>(rows.count()));
  for (int64_t n = 0; n < type.shape[0]; ++n) {
    const auto first = static_cast<uint64_t>(n * type.shape[kRows] + rows.first) * row;
    copy(whole + first, part + static_cast<size_t>(n) * size, size);
  }
}

// Mean and sum of squared distances of each group, joined band by band.
struct Statistics {
  std::vector<double> mean, squares;
  double count = 0;  // of elements in each group

  void join(const std::vector<double> &other_mean, const std::vector<double> &other_variance,
            double other_count) {
    mean.resize(other_mean.size(), 0.0);
    squares.resize(other_mean.size(), 0.0);
    const double total = count + other_count;
    for (size_t i = 0; i < mean.size(); ++i) {
      const double distance = other_mean[i] - mean[i];
      mean[i] += distance * other_count / total;
      squares[i] +=
          other_variance[i] * other_count + distance * distance * count * other_count / total;
    }
    count = total;
  }
};

TensorType type_of(const Executable &program, const std::string &name) {
  return std::ranges::find(program.placed().inputs, name, &PlacedName::name)->tensor.typed.type();
}

}  // namespace

Result<ImageProgram> ImageProgram::plan(const Program &stored, Target &target) {
  ImageProgram made;
  FLAME_ASSIGN(PlacedProgram whole, placed(stored, target));
  made.placed_.push_back(std::move(whole));
  return made;
}

Result<ImageProgram> ImageProgram::plan_bands(const Program &stored, Target &target, int64_t rows) {
  std::optional<Stages> stages = find_stages(stored);
  if (!stages) {
    return config_error("the model's program cannot be run in bands: no part of it is made of rows",
                        "leave out sample.tile");
  }
  ImageProgram made;
  made.stages_ = std::move(*stages);
  for (size_t i = 0; i < made.stages_.stages.size(); ++i)
    FLAME_TRY(made.add_stage(i, target, rows));
  made.count_host_bytes();
  return made;
}

int64_t ImageProgram::tallest_rows() const {
  int64_t tallest = 1;
  const Program &program = stages_.program;
  for (const auto *list : {&program.inputs(), &program.outputs()}) {
    for (const NamedValue &each : *list) {
      const Shape &shape = program.type(each.value).shape;
      if (shape.rank() == 4) tallest = std::max(tallest, shape[kRows]);
    }
  }
  return tallest;
}

// Bands of one kind share their program.
Status ImageProgram::add_stage(size_t number, Target &target, int64_t rows) {
  const Stage &stage = stages_.stages[number];
  const int64_t tallest = tallest_rows();
  const int64_t step = stage.whole
                           ? stage.height
                           : std::clamp<int64_t>(rows * stage.height / tallest, 1, stage.height);
  std::map<std::string, size_t> known;
  for (int64_t first = 0; first < stage.height; first += step) {
    const RowRange own{first, std::min(first + step, stage.height)};
    FLAME_ASSIGN(Band band, make_band(stages_, stage, own));
    const auto [entry, is_new] = known.emplace(to_text(band.program), placed_.size());
    if (is_new) {
      FLAME_ASSIGN(PlacedProgram program, placed(band.program, target));
      placed_.push_back(std::move(program));
    }
    bands_.push_back({number, entry->second, std::move(band.reads), std::move(band.writes)});
  }
  return {};
}

void ImageProgram::count_host_bytes() {
  const Program &program = stages_.program;
  last_use_.assign(program.values().size(), 0);
  std::set<ValueId> outputs;
  for (const NamedValue &output : program.outputs()) outputs.insert(output.value);
  for (size_t i = 0; i < stages_.stages.size(); ++i) {
    for (const ValueId value : stages_.stages[i].reads) last_use_[value] = i;
  }
  for (const ValueId value : outputs) last_use_[value] = stages_.stages.size();
  uint64_t held = 0;
  const auto size = [&](ValueId value) {
    return static_cast<uint64_t>(program.type(value).size_bytes());
  };
  for (size_t i = 0; i < stages_.stages.size(); ++i) {
    for (const ValueId value : stages_.stages[i].writes) held += size(value);
    host_bytes_ = std::max(host_bytes_, held);
    for (ValueId value = 0; value < last_use_.size(); ++value) {
      const bool is_made = program.value(value).producer != kNoNode;
      if (value != 0 && is_made && last_use_[value] == i &&
          std::ranges::find(stages_.stages[i].reads, value) != stages_.stages[i].reads.end())
        held -= size(value);
    }
  }
}

uint64_t ImageProgram::arena_bytes() const {
  uint64_t most = 0;
  for (const PlacedProgram &each : placed_) most = std::max(most, each.arena_bytes);
  for (const auto &each : programs_) most = std::max(most, each->placed().arena_bytes);
  return most;
}

uint64_t ImageProgram::parameter_bytes() const {
  std::map<std::string, uint64_t> sizes;
  const auto add = [&](const PlacedProgram &program) {
    for (const Storage &storage : program.storages)
      if (storage.external) sizes[storage.name] = allocated_bytes(storage.size_bytes);
  };
  for (const PlacedProgram &each : placed_) add(each);
  for (const auto &each : programs_) add(each->placed());
  uint64_t bytes = 0;
  for (const auto &[name, size] : sizes) bytes += size;
  return bytes;
}

Status ImageProgram::make(TensorStore &store) {
  FLAME_TRY(store.arena(arena_bytes()));
  for (PlacedProgram &each : placed_) {
    FLAME_ASSIGN(auto program, Executable::make(std::move(each), store, Executable::Runs::kOnce));
    programs_.push_back(std::move(program));
  }
  placed_.clear();
  return {};
}

std::vector<ImageProgram::ParameterPlace> ImageProgram::parameters() const {
  std::vector<ParameterPlace> places;
  std::set<std::string> known;
  for (const auto &program : programs_) {
    for (const PlacedName &each : program->placed().parameters) {
      if (!known.insert(each.name).second) continue;
      places.push_back({each.name, each.tensor.typed.dtype, program->address(each.tensor.storage)});
    }
  }
  return places;
}

// The state of one run in bands.
class ImageProgram::BandRun {
 public:
  BandRun(const ImageProgram &program, const DeviceStream &stream, const TensorMap &given)
      : owner_(program),
        program_(program.stages_.program),
        stream_(stream),
        given_(given),
        kept_(program_.values().size()) {}

  Result<TensorMap> run() {
    for (size_t i = 0; i < owner_.bands_.size(); ++i) {
      const PlannedBand &band = owner_.bands_[i];
      const bool begins = i == 0 || owner_.bands_[i - 1].stage != band.stage;
      if (begins) begin(owner_.stages_.stages[band.stage]);
      FLAME_TRY(run_band(band));
      const bool ends = i + 1 == owner_.bands_.size() || owner_.bands_[i + 1].stage != band.stage;
      if (ends) end(band.stage);
    }
    TensorMap outputs;
    for (const NamedValue &output : program_.outputs())
      outputs[output.name] = {program_.type(output.value), std::move(kept_[output.value])};
    return outputs;
  }

 private:
  void begin(const Stage &stage) {
    for (const ValueId value : stage.writes)
      kept_[value].resize(static_cast<size_t>(program_.type(value).size_bytes()));
  }

  void end(size_t stage) {
    for (const ValueId value : owner_.stages_.stages[stage].reads) {
      if (owner_.last_use_[value] == stage) kept_[value] = {};
    }
  }

  const std::byte *whole(ValueId value) const {
    const auto input = std::ranges::find(program_.inputs(), value, &NamedValue::value);
    if (input == program_.inputs().end()) return kept_[value].data();
    return given_.at(input->name).bytes.data();
  }

  Status run_band(const PlannedBand &band) {
    const Executable &executable = *owner_.programs_[band.program];
    const Stage &stage = owner_.stages_.stages[band.stage];
    std::vector<std::vector<std::byte>> sent;  // stays until the stream is synced
    const auto write = [&](const std::string &name, std::vector<std::byte> bytes) {
      sent.push_back(std::move(bytes));
      return executable.write(stream_, name, sent.back());
    };
    for (const auto &[value, rows] : band.reads) {
      const TensorType &type = program_.type(value);
      std::vector<std::byte> bytes(row_bytes(type) *
                                   static_cast<size_t>(type.shape[0] * rows.count()));
      for_each_picture(
          type, rows, whole(value), bytes.data(),
          [](const std::byte *from, std::byte *to, size_t size) { std::memcpy(to, from, size); });
      FLAME_TRY(write(band_name(value), std::move(bytes)));
    }
    for (const BandNorm &norm : stage.norms) {
      const Statistics &all = statistics_.at(norm.node);
      std::vector<double> deviation;
      for (const double squares : all.squares)
        deviation.push_back(1 / std::sqrt(squares / all.count + norm.eps));
      const std::string mean_name = band_mean_name(norm.node);
      const TensorType type = type_of(executable, mean_name);
      FLAME_TRY(write(mean_name, tensor_of(type, all.mean).bytes));
      FLAME_TRY(write(band_deviation_name(norm.node), tensor_of(type, deviation).bytes));
    }
    FLAME_TRY(executable.run(stream_));
    FLAME_ASSIGN(const TensorMap made, read_outputs(executable, stream_));
    for (const auto &[value, rows] : band.writes) {
      for_each_picture(
          program_.type(value), rows, kept_[value].data(), made.at(band_name(value)).bytes.data(),
          [](std::byte *to, const std::byte *from, size_t size) { std::memcpy(to, from, size); });
    }
    for (const BandNorm &norm : stage.gives) join(norm, band, made);
    return {};
  }

  void join(const BandNorm &norm, const PlannedBand &band, const TensorMap &made) {
    const auto own =
        std::ranges::find(band.writes, norm.input, &std::pair<ValueId, RowRange>::first);
    const Shape &shape = program_.type(norm.input).shape;
    const auto count = static_cast<double>(own->second.count() * shape[2] * shape[3] / norm.groups);
    statistics_[norm.node].join(numbers_of(made.at(band_mean_name(norm.node))),
                                numbers_of(made.at(band_variance_name(norm.node))), count);
  }

  const ImageProgram &owner_;
  const Program &program_;
  const DeviceStream &stream_;
  const TensorMap &given_;
  std::vector<std::vector<std::byte>> kept_;  // by value, while it is needed
  std::map<NodeId, Statistics> statistics_;
};

Result<TensorMap> ImageProgram::run(const DeviceStream &stream, const TensorMap &given) const {
  if (in_bands()) return BandRun(*this, stream, given).run();
  const Executable &program = *programs_.front();
  for (const PlacedName &input : program.placed().inputs)
    FLAME_TRY(program.write(stream, input.name, given.at(input.name).bytes));
  FLAME_TRY(program.run(stream));
  return read_outputs(program, stream);
}

}  // namespace flame
