// A gradient case: a small program in f64 whose gradient is compared with central differences.
#pragma once

#include <functional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/program/program_builder.h"
#include "tests/support/evaluate.h"

namespace flame::gradient_test {

// Draws the values of one input.
using Draw = std::function<double(std::mt19937_64 &)>;
Draw normal();
Draw between(double low, double high);
// Of both signs, at least `gap` away from 0: for functions with a kink there.
Draw away_from_zero(double gap = 0.2);

// What a case is written with.
class Sketch {
 public:
  // In f64, or in a narrower type to see that rules and decompositions keep types apart.
  explicit Sketch(uint64_t seed, DType dtype = DType::kF64) : random_(seed), dtype_(dtype) {}

  DType dtype() const { return dtype_; }

  OpBuilder &builder() { return builder_; }
  // An input whose gradient is checked.
  Term input(const Shape &shape, const Draw &draw = normal());
  // An input of the type in which statistics are saved.
  Term statistics(const Shape &shape);
  // Numbers which differ from each other by at least 0.1: for max, sort, pooling.
  Term distinct(const Shape &shape);
  // Given numbers that get no gradient.
  Term constant(const TensorType &type, const std::vector<double> &numbers);
  Term indices(const Shape &shape, int64_t limit);
  void output(const Term &term);

  std::mt19937_64 &random() { return random_; }
  ProgramBuilder &program_builder() { return builder_; }
  const TensorMap &data() const { return data_; }
  const std::vector<std::string> &wanted() const { return wanted_; }
  const std::vector<std::string> &outputs() const { return outputs_; }

 private:
  Term add(const TensorType &type, const std::vector<double> &numbers);
  Term wanted(DType dtype, const Shape &shape, const Draw &draw);

  std::mt19937_64 random_;
  DType dtype_;
  ProgramBuilder builder_;
  TensorMap data_;
  std::vector<std::string> wanted_;
  std::vector<std::string> outputs_;
};

struct GradientCase {
  std::string op;
  std::string name;
  std::function<void(Sketch &)> write;
  int order = 1;  // 2: the gradient's gradient is checked too
};

// For the messages of GoogleTest.
inline void PrintTo(const GradientCase &c, std::ostream *out) {
  *out << c.op << ": " << c.name;
}

// Every case of every file of this folder.
std::vector<GradientCase> all_cases();

// A case's number for its random draws.
uint64_t seed_of(const GradientCase &c);

// A bug that is planted between the rules and the check, to see that the check sees it.
struct PlantedBug {
  // The program that is differentiated in place of the case's own.
  std::function<Result<Program>(const Program &forward)> before;
  // The gradient's program, changed.
  std::function<Result<Program>(const Program &forward, const Gradients &gradients)> after;
};

// The worst norm-relative error of the case, first and second order, over 16 directions each; the
// error says what could not be built or run.
Result<double> check_case(const GradientCase &c, const PlantedBug &bug = {});

}  // namespace flame::gradient_test
