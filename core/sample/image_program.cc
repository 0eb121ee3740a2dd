#include "core/sample/image_program.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <set>

#include "core/passes/fuse.h"
#include "core/passes/place.h"
#include "core/program/print.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

constexpr size_t kRows = 1;
constexpr int64_t kLeastRows = 8;  // of a band that is tried: below, what is around it takes more

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

// Of the inputs and outputs.
int64_t tallest_rows(const Program &program) {
  int64_t tallest = 1;
  for (const auto *list : {&program.inputs(), &program.outputs()}) {
    for (const NamedValue &each : *list) {
      const Shape &shape = program.type(each.value).shape;
      if (shape.rank() == 4) tallest = std::max(tallest, shape[kRows]);
    }
  }
  return tallest;
}

// A value between stages: blocks of rows in their order, each as a band wrote it, [n, rows, …].
class KeptRows {
 public:
  explicit KeptRows(const TensorType &type) : type_(type) {}

  void add(RowRange rows, std::vector<std::byte> bytes) {
    blocks_.push_back({rows, std::move(bytes)});
  }
  // Blocks of which nothing is needed from `row` on.
  void drop_before(int64_t row) {
    while (!blocks_.empty() && blocks_.front().rows.end <= row) blocks_.pop_front();
  }

  std::vector<std::byte> taken(RowRange rows) const {
    std::vector<std::byte> bytes(banded_bytes(type_, rows));
    for (const Block &block : blocks_) copy(block.rows, block.bytes.data(), rows, bytes.data());
    return bytes;
  }
  // The same of a tensor that is there whole.
  static std::vector<std::byte> taken(const HostTensor &whole, RowRange rows) {
    const KeptRows kept(whole.type);
    std::vector<std::byte> bytes(banded_bytes(whole.type, rows));
    kept.copy({0, whole.type.shape[kRows]}, whole.bytes.data(), rows, bytes.data());
    return bytes;
  }

  static uint64_t banded_bytes(const TensorType &type, RowRange rows) {
    return row_bytes(type) * static_cast<uint64_t>(type.shape[0] * rows.count());
  }

 private:
  struct Block {
    RowRange rows;
    std::vector<std::byte> bytes;
  };

  // The rows that both have.
  void copy(RowRange from_rows, const std::byte *from, RowRange to_rows, std::byte *to) const {
    const int64_t first = std::max(from_rows.first, to_rows.first);
    const int64_t count = std::min(from_rows.end, to_rows.end) - first;
    if (count <= 0) return;
    const auto row = static_cast<int64_t>(row_bytes(type_));
    for (int64_t n = 0; n < type_.shape[0]; ++n) {
      std::memcpy(to + (n * to_rows.count() + first - to_rows.first) * row,
                  from + (n * from_rows.count() + first - from_rows.first) * row,
                  static_cast<size_t>(count * row));
    }
  }

  TensorType type_;
  std::deque<Block> blocks_;
};

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
  return program.placed().find_input(name)->tensor.typed.type();
}

}  // namespace

Result<ImageProgram> ImageProgram::plan(const Program &stored, Target &target) {
  ImageProgram made;
  made.note_inputs(stored);
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
  made.note_inputs(stored);
  made.stages_ = std::move(*stages);
  for (size_t i = 0; i < made.stages_.stages.size(); ++i)
    FLAME_TRY(made.add_stage(i, target, rows));
  made.find_spent();
  made.count_host_bytes();
  return made;
}

Result<ImageProgram> ImageProgram::plan_fitting(const Program &stored, Device &device,
                                                const Fits &fits) {
  FLAME_ASSIGN(ImageProgram best, plan(stored, device));
  if (fits(best) || !find_stages(stored)) return best;
  for (int64_t rows = tallest_rows(stored) / 2; rows >= kLeastRows; rows /= 2) {
    FLAME_ASSIGN(ImageProgram bands, plan_bands(stored, device, rows));
    if (bands.bytes_on(device) < best.bytes_on(device)) best = std::move(bands);
    if (fits(best)) break;
  }
  return best;
}

void ImageProgram::note_inputs(const Program &stored) {
  for (const NamedValue &input : stored.inputs()) inputs_[input.name] = stored.type(input.value);
}

// Bands of one kind share their program.
Status ImageProgram::add_stage(size_t number, Target &target, int64_t rows) {
  const Stage &stage = stages_.stages[number];
  const int64_t tallest = tallest_rows(stages_.program);
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

// In its last stage, a value loses the rows above those that the next band reads.
void ImageProgram::find_spent() {
  const Program &program = stages_.program;
  std::vector<size_t> last_use(program.values().size(), 0);
  for (const PlannedBand &band : bands_) {
    for (const auto &[value, rows] : band.reads) last_use[value] = band.stage;
  }
  for (const NamedValue &output : program.outputs()) last_use[output.value] = stages_.stages.size();
  for (size_t i = 0; i < bands_.size(); ++i) {
    PlannedBand &band = bands_[i];
    const bool is_last = i + 1 == bands_.size() || bands_[i + 1].stage != band.stage;
    for (size_t k = 0; k < band.reads.size(); ++k) {
      const ValueId value = band.reads[k].first;
      if (last_use[value] != band.stage || program.value(value).producer == kNoNode) continue;
      const int64_t all = program.type(value).shape[kRows];
      band.spends.emplace_back(value, is_last ? all : bands_[i + 1].reads[k].second.first);
    }
  }
}

void ImageProgram::count_host_bytes() {
  std::map<ValueId, std::deque<RowRange>> kept;
  uint64_t held = 0;
  const auto size = [&](ValueId value, RowRange rows) {
    return KeptRows::banded_bytes(stages_.program.type(value), rows);
  };
  for (const PlannedBand &band : bands_) {
    for (const auto &[value, rows] : band.writes) {
      kept[value].push_back(rows);
      held += size(value, rows);
    }
    host_bytes_ = std::max(host_bytes_, held);
    for (const auto &[value, row] : band.spends) {
      std::deque<RowRange> &blocks = kept[value];
      for (; !blocks.empty() && blocks.front().end <= row; blocks.pop_front())
        held -= size(value, blocks.front());
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
      : owner_(program), program_(program.stages_.program), stream_(stream), given_(given) {}

  Result<TensorMap> run() {
    for (const PlannedBand &band : owner_.bands_) FLAME_TRY(run_band(band));
    TensorMap outputs;
    for (const NamedValue &output : program_.outputs()) {
      const TensorType &type = program_.type(output.value);
      outputs[output.name] = {type, kept_.at(output.value).taken({0, type.shape[kRows]})};
    }
    return outputs;
  }

 private:
  std::vector<std::byte> taken(ValueId value, RowRange rows) const {
    const auto input = std::ranges::find(program_.inputs(), value, &NamedValue::value);
    if (input == program_.inputs().end()) return kept_.at(value).taken(rows);
    return KeptRows::taken(given_.at(input->name), rows);
  }

  Status run_band(const PlannedBand &band) {
    const Executable &executable = *owner_.programs_[band.program];
    const Stage &stage = owner_.stages_.stages[band.stage];
    std::vector<std::vector<std::byte>> sent;  // stays until the stream is synced
    const auto write = [&](const std::string &name, std::vector<std::byte> bytes) {
      sent.push_back(std::move(bytes));
      return executable.write(stream_, name, sent.back());
    };
    for (const auto &[value, rows] : band.reads)
      FLAME_TRY(write(band_name(value), taken(value, rows)));
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
    FLAME_ASSIGN(TensorMap made, read_outputs(executable, stream_));
    for (const auto &[value, rows] : band.writes) {
      kept_.try_emplace(value, program_.type(value))
          .first->second.add(rows, std::move(made.at(band_name(value)).bytes));
    }
    for (const BandNorm &norm : stage.gives) join(norm, band, made);
    for (const auto &[value, row] : band.spends) kept_.at(value).drop_before(row);
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
  std::map<ValueId, KeptRows> kept_;
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
