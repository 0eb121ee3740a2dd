// A program over pictures of one size, run whole or, where memory is short, in bands of rows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>

#include "core/passes/bands.h"
#include "core/runtime/executable.h"
#include "core/tensor/host_tensor.h"

namespace flame {

// Planned first, then made. In bands, what lies between two stages is kept in the processor's memory, row
// by row until no band needs it any more, and the device holds what one band takes. The answers differ
// by rounding alone: norms have the statistics of all rows. One thread at a time; the device outlives it.
class ImageProgram {
 public:
  // `stored` as stored_program() gives it. Errors: what the passes say.
  static Result<ImageProgram> plan(const Program &stored, Target &target);
  // About so many rows of the tallest input or output at one time. Errors: also (kBadConfig) a program
  // that cannot be taken apart.
  static Result<ImageProgram> plan_bands(const Program &stored, Target &target, int64_t rows);

  // Whole if that fits; else the bands that fit first, each try with half the rows; if none does, those
  // that take least.
  using Fits = std::function<bool(const ImageProgram &planned)>;
  static Result<ImageProgram> plan_fitting(const Program &stored, Device &device, const Fits &fits);

  // By name.
  const std::map<std::string, TensorType> &inputs() const { return inputs_; }

  bool in_bands() const { return !bands_.empty(); }
  uint64_t arena_bytes() const;                        // of the device, while it runs
  uint64_t parameter_bytes() const;                    // of the device, always
  uint64_t host_bytes() const { return host_bytes_; }  // at most, while it runs; 0 if whole
  // Of the device's memory while it runs: what is kept between bands counts where the processor computes.
  uint64_t bytes_on(const Device &device) const {
    return arena_bytes() + (device.readable_by_processor() ? host_bytes_ : 0);
  }

  // Takes the store's parameters and its arena. Once, after planning.
  Status make(TensorStore &store);

  // Behind make(): where each parameter is, each once.
  struct ParameterPlace {
    std::string name;
    DType dtype = DType::kF32;
    std::byte *to = nullptr;
  };
  std::vector<ParameterPlace> parameters() const;

  // The outputs for all inputs, by name. Synced when it returns. Errors: of the device.
  Result<TensorMap> run(const DeviceStream &stream, const TensorMap &given) const;

 private:
  struct PlannedBand {
    size_t stage = 0;    // in stages_
    size_t program = 0;  // in placed_, programs_
    std::vector<std::pair<ValueId, RowRange>> reads, writes;
    std::vector<std::pair<ValueId, int64_t>> spends =
        {};  // rows before this one are not needed again
  };
  class BandRun;
  Status add_stage(size_t number, Target &target, int64_t rows);
  void note_inputs(const Program &stored);
  void find_spent();
  void count_host_bytes();

  Stages stages_;                      // empty if whole
  std::vector<PlannedBand> bands_;     // in their order
  std::vector<size_t> last_use_;       // by value: the stage that reads it last
  std::vector<PlacedProgram> placed_;  // until they are made
  std::vector<std::unique_ptr<Executable>> programs_;
  std::map<std::string, TensorType> inputs_;
  uint64_t host_bytes_ = 0;
};

}  // namespace flame
