// Moves weights from files to where programs want them: in pieces, with several threads, so that the
// host never holds more than some hundred MiB of them.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/io/weight_match.h"
#include "core/runtime/device.h"

namespace flame {

// up · down, which is added to a parameter: in f32, to the number of the file, before the sum is
// rounded to the type that is wanted.
struct WeightChange {
  int64_t rank = 0;
  std::vector<float> up;    // [rows of the parameter, rank]
  std::vector<float> down;  // [rank, elements of a row]
};

// One parameter and where it goes. `to` has elements of `dtype` in row-major order.
struct WeightJob {
  const PlacedWeight *weight = nullptr;
  DType dtype = DType::kF32;
  std::byte *to = nullptr;
  std::span<const WeightChange> changes = {};  // added one after the other
};

// Called on the loading thread with bytes of files that were read, and all of them.
using LoadProgress = std::function<void(uint64_t done, uint64_t total)>;

// To the processor's memory. Errors: kStorage, or kNumeric that names the tensor whose numbers the
// type cannot hold.
Status load_weights(std::span<const WeightJob> jobs, const LoadProgress &progress = {});

// Through `deliver`, which is called on this thread with each piece and the place in its job's memory
// that it belongs to, in any order. The bytes are gone when it returns.
using DeliverPiece = std::function<Status(std::byte *to, std::span<const std::byte> bytes)>;
Status load_weights(std::span<const WeightJob> jobs, const DeliverPiece &deliver,
                    const LoadProgress &progress);

// To memory of the device. Synced when it returns.
Status load_weights(std::span<const WeightJob> jobs, const Device &device,
                    const DeviceStream &stream, const LoadProgress &progress = {});

// The whole parameter, for small ones and checks.
Result<HostTensor> read_weight(const PlacedWeight &weight, DType dtype);

// A parameter's tensor as the rows of the file's that it stands for: the way back.
HostTensor rows_of(const WeightSource &source, const HostTensor &parameter);

// Everything a program wants of a match, by parameter name, in the types that the program has.
Result<TensorMap> read_weights(const WeightMatch &match, const Program &program);

}  // namespace flame
