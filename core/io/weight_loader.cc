#include "core/io/weight_loader.h"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "core/base/terminal.h"
#include "core/tensor/convert.h"
#include "core/tensor/gather.h"

namespace flame {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{16} << 20;  // of a file, at one time in one thread
constexpr size_t kMaxThreads = 8;
// Pieces that wait for the device. With one in work in each thread, each as it was read, in order and
// at most four times as large (f16 to f64), all stay below a GiB.
constexpr size_t kMaxWaiting = 4;

// Some rows of a job: a block of the file that becomes a block of the parameter.
struct Piece {
  const WeightJob *job = nullptr;
  int64_t first_row = 0;  // of the tensor in the file
  int64_t row_count = 0;
};

uint64_t row_bytes(const PlacedWeight &weight) {
  const int64_t rows = weight.source.shape.rank() ? weight.source.shape[0] : 1;
  return rows ? weight.entry.tensor->size_bytes / static_cast<uint64_t>(rows) : 0;
}

// Rows stay rows as long as axis 0 stays the first; else the tensor is one piece.
std::deque<Piece> pieces_of(std::span<const WeightJob> jobs) {
  std::deque<Piece> pieces;
  for (const WeightJob &job : jobs) {
    const WeightSource &source = job.weight->source;
    const bool divisible = source.axes.empty() || source.axes.front() == 0;
    const uint64_t bytes = std::max<uint64_t>(row_bytes(*job.weight), 1);
    const int64_t most = divisible
                             ? static_cast<int64_t>(std::max<uint64_t>(kPieceBytes / bytes, 1))
                             : source.row_count;
    for (int64_t row = 0; row < source.row_count; row += most) {
      pieces.push_back({&job, source.first_row + row, std::min(most, source.row_count - row)});
    }
  }
  return pieces;
}

// A thread's memory, used again for each piece.
struct Scratch {
  std::vector<std::byte> read;
  std::vector<std::byte> ordered;
  std::vector<float> sums;
};

uint64_t target_bytes(const Piece &piece) {
  const PlacedWeight &weight = *piece.job->weight;
  const auto stored = static_cast<uint64_t>(size_bytes(*weight.entry.tensor->type->dtype));
  return row_bytes(weight) / stored * static_cast<uint64_t>(piece.row_count) *
         static_cast<uint64_t>(size_bytes(piece.job->dtype));
}

std::byte *target_of(const Piece &piece) {
  const Piece before{piece.job, 0, piece.first_row - piece.job->weight->source.first_row};
  return piece.job->to + target_bytes(before);
}

// Adds the changes to the elements of a piece. False as convert_elements() says.
bool convert_changed(const Piece &piece, std::span<const std::byte> elements, Scratch &scratch,
                     std::span<std::byte> to) {
  const WeightJob &job = *piece.job;
  const DType stored = *job.weight->entry.tensor->type->dtype;
  const Shape &shape = job.weight->type.shape;
  const int64_t row_size = shape.element_count() / shape[0];
  const auto first = (target_of(piece) - job.to) / size_bytes(job.dtype) / row_size;
  scratch.sums.resize(elements.size() / static_cast<size_t>(size_bytes(stored)));
  const bool held = convert_elements(stored, elements, DType::kF32,
                                     std::as_writable_bytes(std::span(scratch.sums)));
  const auto rows = static_cast<int64_t>(scratch.sums.size()) / row_size;
  for (const WeightChange &change : job.changes) {
    for (int64_t row = 0; row < rows; ++row) {
      float *sums = scratch.sums.data() + row * row_size;
      for (int64_t r = 0; r < change.rank; ++r) {
        const float factor = change.up[static_cast<size_t>((first + row) * change.rank + r)];
        const float *down = change.down.data() + r * row_size;
        for (int64_t i = 0; i < row_size; ++i) sums[i] += factor * down[i];
      }
    }
  }
  return held &&
         convert_elements(DType::kF32, std::as_bytes(std::span(scratch.sums)), job.dtype, to);
}

// Reads, orders and converts a piece into `to`.
Status make_piece(const Piece &piece, Scratch &scratch, std::span<std::byte> to) {
  const PlacedWeight &weight = *piece.job->weight;
  const StoredTensor &tensor = *weight.entry.tensor;
  const DType stored = *tensor.type->dtype;
  const uint64_t first = row_bytes(weight) * static_cast<uint64_t>(piece.first_row);
  const uint64_t size = row_bytes(weight) * static_cast<uint64_t>(piece.row_count);
  const bool ordered = weight.source.keeps_order();
  const bool changed = !piece.job->changes.empty();
  if (ordered && !changed && stored == piece.job->dtype)
    return weight.entry.file->read(tensor, first, to);
  scratch.read.resize(size);
  FLAME_TRY(weight.entry.file->read(tensor, first, scratch.read));
  std::span<const std::byte> elements = scratch.read;
  if (!ordered && size) {
    std::vector<int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    sizes.front() = piece.row_count;
    const std::vector<int64_t> axes(weight.source.axes.begin(), weight.source.axes.end());
    const View view = permute(View::contiguous(Shape(std::span<const int64_t>(sizes))), axes);
    scratch.ordered.resize(size);
    gather_elements(view, size_bytes(stored), elements, scratch.ordered);
    elements = scratch.ordered;
  }
  if (changed ? convert_changed(piece, elements, scratch, to)
              : convert_elements(stored, elements, piece.job->dtype, to))
    return {};
  return Error{ErrorKind::kNumeric,
               fmt::format("{}: tensor '{}' holds numbers that {} cannot hold",
                           printable(weight.entry.file->path().string()), printable(tensor.name),
                           name_of(piece.job->dtype)),
               "use bf16 or f32"};
}

// Threads that make pieces, and the caller that takes them.
class Loader {
 public:
  // With `staged`, pieces are made in memory of their own and handed to the caller; else where they
  // belong.
  Loader(std::span<const WeightJob> jobs, bool staged) : pieces_(pieces_of(jobs)), staged_(staged) {
    for (const Piece &piece : pieces_) total_ += file_bytes(piece);
  }

  Status run(const DeliverPiece &deliver, const LoadProgress &progress) {
    std::vector<std::thread> threads;
    const size_t most = std::clamp<size_t>(std::thread::hardware_concurrency(), 2, kMaxThreads);
    working_ = std::clamp<size_t>(pieces_.size(), 1, most);
    const size_t count = working_;
    for (size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    uint64_t done = 0;
    while (std::optional<Made> made = take()) {
      if (staged_) {
        const Status status = deliver(target_of(made->piece), made->bytes);
        if (!status.ok()) fail(status.error());
      }
      done += file_bytes(made->piece);
      if (progress) progress(done, total_);
    }
    for (std::thread &thread : threads) thread.join();
    if (error_) return *error_;
    return {};
  }

 private:
  struct Made {
    Piece piece;
    std::vector<std::byte> bytes;
  };

  static uint64_t file_bytes(const Piece &piece) {
    return row_bytes(*piece.job->weight) * static_cast<uint64_t>(piece.row_count);
  }

  void work() {
    Scratch scratch;
    while (const std::optional<Piece> piece = next()) {
      Made made{*piece, {}};
      std::span<std::byte> to;
      if (staged_) {
        made.bytes.resize(target_bytes(*piece));
        to = made.bytes;
      } else {
        to = {target_of(*piece), target_bytes(*piece)};
      }
      const Status status = make_piece(*piece, scratch, to);
      if (!status.ok()) {
        fail(status.error());
        break;
      }
      give(std::move(made));
    }
    const std::lock_guard lock(mutex_);
    --working_;
    changed_.notify_all();
  }

  std::optional<Piece> next() {
    const std::lock_guard lock(mutex_);
    if (error_ || pieces_.empty()) return std::nullopt;
    const Piece piece = pieces_.front();
    pieces_.pop_front();
    return piece;
  }

  void give(Made made) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || !staged_ || made_.size() < kMaxWaiting; });
    made_.push_back(std::move(made));
    changed_.notify_all();
  }

  // Nothing once every thread has ended and all is taken, or after an error.
  std::optional<Made> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || !made_.empty() || working_ == 0; });
    if (error_ || made_.empty()) return std::nullopt;
    Made made = std::move(made_.front());
    made_.pop_front();
    changed_.notify_all();
    return made;
  }

  void fail(const Error &error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    changed_.notify_all();
  }

  std::deque<Piece> pieces_;
  bool staged_;
  uint64_t total_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Made> made_;
  size_t working_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Status load_weights(std::span<const WeightJob> jobs, const LoadProgress &progress) {
  return Loader(jobs, false).run({}, progress);
}

Status load_weights(std::span<const WeightJob> jobs, const DeliverPiece &deliver,
                    const LoadProgress &progress) {
  return Loader(jobs, true).run(deliver, progress);
}

Status load_weights(std::span<const WeightJob> jobs, const Device &device,
                    const DeviceStream &stream, const LoadProgress &progress) {
  if (device.readable_by_processor()) return load_weights(jobs, progress);
  const auto deliver = [&](std::byte *to, std::span<const std::byte> bytes) -> Status {
    FLAME_TRY(device.upload(stream, bytes, to));
    return stream.synchronize();
  };
  return load_weights(jobs, deliver, progress);
}

Result<HostTensor> read_weight(const PlacedWeight &weight, DType dtype) {
  HostTensor tensor{{dtype, weight.type.shape}, {}};
  tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
  const WeightJob job{&weight, dtype, tensor.bytes.data()};
  FLAME_TRY(load_weights({&job, 1}));
  return tensor;
}

HostTensor rows_of(const WeightSource &source, const HostTensor &parameter) {
  const size_t rank = source.shape.rank();
  std::vector<int64_t> rows(source.shape.begin(), source.shape.end()), ordered(rank), back(rank);
  if (rank) rows.front() = source.row_count;
  for (size_t axis = 0; axis < rank; ++axis) {
    ordered[axis] = rows[source.axes[axis]];
    back[source.axes[axis]] = static_cast<int64_t>(axis);
  }
  HostTensor shaped = parameter;
  shaped.type.shape = Shape(std::span<const int64_t>(ordered));
  return permuted(shaped, back);
}

Result<TensorMap> read_weights(const WeightMatch &match, const Program &program) {
  TensorMap tensors;
  std::vector<WeightJob> jobs;
  for (const PlacedWeight &weight : match.placed) {
    const Parameter *parameter = program.find_parameter(weight.parameter);
    if (!parameter) continue;
    HostTensor &tensor = tensors[weight.parameter];
    tensor.type = program.type(parameter->value);
    tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
    jobs.push_back({&weight, tensor.type.dtype, tensor.bytes.data()});
  }
  FLAME_TRY(load_weights(jobs));
  return tensors;
}

}  // namespace flame
