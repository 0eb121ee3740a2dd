#include "core/train/validation.h"

#include <algorithm>
#include <map>

#include "core/tensor/numbers.h"

namespace flame {

std::vector<ValidationPass> validation_passes(std::span<const TrainingSet::Example> held_out,
                                              int64_t batch, int64_t time_count) {
  std::map<size_t, std::vector<std::pair<uint64_t, int64_t>>> rows_of_bucket;
  for (uint64_t i = 0; i < held_out.size(); ++i) {
    for (const double part : kValidationTimes) {
      const auto time = static_cast<int64_t>(part * static_cast<double>(time_count));
      rows_of_bucket[held_out[i].bucket].emplace_back(i, std::min(time, time_count - 1));
    }
  }
  std::vector<ValidationPass> passes;
  const auto size = static_cast<size_t>(batch);
  for (const auto &[bucket, rows] : rows_of_bucket) {
    for (size_t first = 0; first < rows.size(); first += size) {
      ValidationPass pass;
      pass.rows = std::min(size, rows.size() - first);
      pass.input.bucket = bucket;
      pass.input.counter = static_cast<int64_t>(passes.size());
      for (size_t i = 0; i < size; ++i) {
        const auto &[example, time] = rows[first + std::min(i, pass.rows - 1)];
        pass.input.items.push_back({example, {}});
        pass.input.times.push_back(time);
      }
      passes.push_back(std::move(pass));
    }
  }
  return passes;
}

Result<double> validation_loss(Trainer &trainer, const Feeder &feeder,
                               std::span<const ValidationPass> passes) {
  double sum = 0;
  size_t count = 0;
  for (const ValidationPass &pass : passes) {
    FLAME_ASSIGN(const PassInput input, feeder.input(pass.input));
    FLAME_ASSIGN(const TensorMap answers, trainer.evaluate(input));
    const std::vector<double> losses = numbers_of(answers.at(std::string(kLossesOutput)));
    for (size_t row = 0; row < pass.rows; ++row) sum += losses[row];
    count += pass.rows;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace flame
