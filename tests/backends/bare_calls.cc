#include "tests/backends/bare_calls.h"

#include <deque>
#include <set>
#include <stdexcept>
#include <string>

#include "core/ops/catalogue/abi_attributes.h"
#include "core/ops/catalogue/catalogue.h"
#include "core/runtime/conformance/typed_case.h"

namespace flame::backend_test {

struct BareCall::Parts {
  explicit Parts(const OpCall &of) : call(of), attributes(call.attributes) {
    for (const TensorType &type : call.inputs) add(type);
    for (const TensorType &type : call.outputs) add(type);
    for (const flame_tensor &tensor : tensors) pointers.push_back(&tensor);
    const std::string_view name = call.op->name;
    op = {sizeof op,
          static_cast<uint32_t>(call.inputs.size()),
          static_cast<uint32_t>(call.outputs.size()),
          attributes.count(),
          {name.data(), name.size()},
          pointers.data(),
          pointers.data() + call.inputs.size(),
          attributes.data()};
  }

  void add(const TensorType &type) {
    const Strides &row_major = strides.emplace_back(contiguous_strides(type.shape));
    tensors.push_back({sizeof(flame_tensor), to_abi(type.dtype),
                       static_cast<uint32_t>(type.shape.rank()), FLAME_DEVICE_CPU + 1,
                       type.shape.begin(), row_major.data(), nullptr, 0, 0});
  }

  OpCall call;
  AbiAttributes attributes;
  std::deque<Strides> strides;
  std::deque<flame_tensor> tensors;
  std::vector<const flame_tensor *> pointers;
  flame_op op;
};

BareCall::BareCall(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
BareCall::BareCall(BareCall &&) noexcept = default;
BareCall::~BareCall() = default;

const flame_op &BareCall::op() const {
  return parts_->op;
}

std::vector<BareCall> chosen_calls(bool (*is_known)(std::string_view op)) {
  std::vector<BareCall> calls;
  std::set<std::string> seen;
  for (const OpDefinition &op : catalogue()) {
    if (!is_known(op.name)) continue;
    const auto cases = conformance::typed_cases(op);
    if (!cases.ok()) throw std::runtime_error(cases.error().text());
    for (const conformance::TypedCase &each : *cases) {
      std::string key = std::string(op.name) + " " + std::string(name_of(each.dtype));
      const AttributeValue *code = each.call.attributes.find("code");
      if (code && each.dtype == DType::kF32) key += text_of(*code);
      if (seen.insert(key).second) calls.emplace_back(std::make_unique<BareCall::Parts>(each.call));
    }
  }
  return calls;
}

}  // namespace flame::backend_test
