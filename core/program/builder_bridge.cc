#include "core/program/builder_bridge.h"

#include <fmt/core.h>

#include <new>

#include "core/base/terminal.h"

namespace flame {
namespace {

constexpr uint32_t kMaxOperands = 1u << 16;
constexpr uint32_t kMaxAttributes = 64;
constexpr uint32_t kMaxListLength = 1u << 16;
constexpr size_t kMaxTextBytes = 1u << 20;

Error contract_error(std::string what) {
  return plugin_error(std::move(what), "this is a fault of the plugin, not of the pipeline file");
}

Result<std::string_view> read_text(flame_str text, std::string_view what) {
  if (text.size > kMaxTextBytes) {
    return contract_error(fmt::format("{} has {} bytes, more than {} are not possible", what,
                                      text.size, kMaxTextBytes));
  }
  if (!text.data && text.size != 0)
    return contract_error(fmt::format("{} is a null pointer", what));
  return std::string_view(text.data ? text.data : "", text.size);
}

template <typename T>
Result<std::span<const T>> read_list(const T *list, uint32_t count, uint32_t most,
                                     std::string_view what) {
  if (count > most)
    return contract_error(
        fmt::format("{} holds {} entries, more than {} are not possible", what, count, most));
  if (!list && count != 0) return contract_error(fmt::format("{} is a null pointer", what));
  return std::span<const T>(list, count);
}

Result<TensorType> read_type(flame_dtype dtype, uint32_t rank, const int64_t *shape) {
  const auto known = dtype_from_abi(dtype);
  if (!known) return contract_error(fmt::format("the element type {:#x} does not exist", dtype));
  FLAME_ASSIGN(const auto sizes, read_list(shape, rank, FLAME_MAX_RANK, "the shape"));
  FLAME_ASSIGN(const Shape checked, Shape::make(sizes));
  return TensorType{*known, checked};
}

Result<AttributeValue> read_value(const flame_attribute &attribute, std::string_view name) {
  const std::string what = fmt::format("the attribute '{}'", printable(name));
  switch (attribute.kind) {
    case FLAME_ATTRIBUTE_INT:
      return AttributeValue(attribute.value.i);
    case FLAME_ATTRIBUTE_FLOAT:
      return AttributeValue(attribute.value.f);
    case FLAME_ATTRIBUTE_BOOL:
      if (attribute.value.i != 0 && attribute.value.i != 1) {
        return contract_error(
            fmt::format("{} is a bool of value {}, expected 0 or 1", what, attribute.value.i));
      }
      return AttributeValue(attribute.value.i == 1);
    case FLAME_ATTRIBUTE_STRING: {
      FLAME_ASSIGN(const std::string_view text, read_text(attribute.value.s, what));
      return AttributeValue(std::string(text));
    }
    case FLAME_ATTRIBUTE_INTS: {
      FLAME_ASSIGN(const auto list,
                   read_list(attribute.value.is, attribute.count, kMaxListLength, what));
      return AttributeValue(std::vector<int64_t>(list.begin(), list.end()));
    }
    case FLAME_ATTRIBUTE_FLOATS: {
      FLAME_ASSIGN(const auto list,
                   read_list(attribute.value.fs, attribute.count, kMaxListLength, what));
      return AttributeValue(std::vector<double>(list.begin(), list.end()));
    }
    case FLAME_ATTRIBUTE_STRINGS: {
      FLAME_ASSIGN(const auto list,
                   read_list(attribute.value.ss, attribute.count, kMaxListLength, what));
      std::vector<std::string> texts;
      for (const flame_str item : list) {
        FLAME_ASSIGN(const std::string_view text, read_text(item, what));
        texts.emplace_back(text);
      }
      return AttributeValue(std::move(texts));
    }
  }
  return contract_error(
      fmt::format("{} is of kind {}, which does not exist", what, attribute.kind));
}

Result<Attributes> read_attributes(const flame_node &node) {
  FLAME_ASSIGN(const auto list, read_list(node.attributes, node.attribute_count, kMaxAttributes,
                                          "the list of attributes"));
  Attributes attributes;
  for (const flame_attribute &attribute : list) {
    FLAME_ASSIGN(const std::string_view name,
                 read_text(attribute.name, "the name of an attribute"));
    if (attributes.find(name))
      return contract_error(fmt::format("the attribute '{}' is given twice", printable(name)));
    FLAME_ASSIGN(AttributeValue value, read_value(attribute, name));
    attributes.set(name, std::move(value));
  }
  return attributes;
}

}  // namespace

// The functions of the table. Each runs its body inside answer(), which makes the status.
struct BuilderCalls {
  static flame_status report(flame_call *call, flame_status status, std::string_view message) {
    if (call && FLAME_HAS(flame_call, call, fail))
      call->fail(call->sink, status, {message.data(), message.size()});
    return status;
  }

  // Runs `body(builder)`, which may fail the builder or return an error, and tells the plugin.
  template <typename Body>
  static flame_status answer(void *self, flame_call *call, const Body &body) noexcept {
    if (!self)
      return report(call, FLAME_ERROR_INVALID_ARGUMENT,
                    "the program builder's `self` is a null pointer");
    try {
      BuilderBridge &bridge = *static_cast<BuilderBridge *>(self);
      if (bridge.builder_.status().ok()) {
        const Status status = body(bridge);
        if (!status.ok()) bridge.builder_.fail(status.error());
      }
      const Status status = bridge.builder_.status();
      if (status.ok()) return FLAME_OK;
      return report(call, FLAME_ERROR_INVALID_ARGUMENT, status.error().text());
    } catch (const std::bad_alloc &) {
      return report(call, FLAME_ERROR_OUT_OF_MEMORY,
                    "there is no memory left to build the program");
    } catch (...) {
      return report(call, FLAME_ERROR_FAILED, "the host failed while it built the program");
    }
  }

  static flame_status input(void *self, flame_call *call, flame_str name, flame_dtype dtype,
                            uint32_t rank, const int64_t *shape, flame_value *out) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      if (!out) return contract_error("the place for the input's value is a null pointer");
      FLAME_ASSIGN(const std::string_view text, read_text(name, "the name of an input"));
      FLAME_ASSIGN(const TensorType type, named(read_type(dtype, rank, shape), "input", text));
      *out = bridge.builder_.input(text, type);
      return {};
    });
  }

  static flame_status parameter(void *self, flame_call *call, flame_str name, uint32_t use,
                                flame_dtype dtype, uint32_t rank, const int64_t *shape,
                                flame_value *out) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      if (!out) return contract_error("the place for the parameter's value is a null pointer");
      FLAME_ASSIGN(const std::string_view text, read_text(name, "the name of a parameter"));
      FLAME_ASSIGN(const TensorType type, named(read_type(dtype, rank, shape), "parameter", text));
      if (use != FLAME_PARAMETER_FROZEN && use != FLAME_PARAMETER_TRAINABLE) {
        return contract_error(fmt::format("the parameter '{}' has the use {}, which does not exist",
                                          printable(text), use));
      }
      *out = bridge.builder_.parameter(text, type, use == FLAME_PARAMETER_TRAINABLE);
      return {};
    });
  }

  static flame_status op(void *self, flame_call *call, const flame_node *node,
                         flame_value *outputs) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      if (!node) return contract_error("the op to add is a null pointer");
      if (!FLAME_COVERS(flame_node, node, line)) {
        return contract_error(
            fmt::format("the op to add has the struct_size {}, too small", node->struct_size));
      }
      FLAME_ASSIGN(const std::string_view file, read_text(node->file, "the source file of an op"));
      bridge.builder_.set_source(file, node->line);
      FLAME_ASSIGN(const std::string_view name, read_text(node->name, "the name of an op"));
      const Status status = add(bridge.builder_, *node, name, outputs);
      if (status.ok()) return {};
      Error error = status.error();
      error.what = fmt::format("op '{}': {}", printable(name), error.what);
      return bridge.builder_.placed(error);
    });
  }

  static flame_status output(void *self, flame_call *call, flame_str name,
                             flame_value value) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      FLAME_ASSIGN(const std::string_view text, read_text(name, "the name of an output"));
      bridge.builder_.output(text, value);
      return {};
    });
  }

  static flame_status describe(void *self, flame_call *call, flame_value value,
                               flame_tensor *out) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      if (!out) return contract_error("the place for the description is a null pointer");
      if (!bridge.builder_.has(value))
        return contract_error(fmt::format("{} is no value of this program", value));
      if (!FLAME_COVERS(flame_tensor, out, buffer_size)) {
        return contract_error(fmt::format(
            "the place for the description has the struct_size {}, too small", out->struct_size));
      }
      const TensorType &type = bridge.builder_.type_of(value);
      auto &known = bridge.described_at_[value];
      if (!known)
        known = &bridge.described_.emplace_back(type.shape, contiguous_strides(type.shape));
      out->dtype = to_abi(type.dtype);
      out->rank = static_cast<uint32_t>(known->first.rank());
      out->device = FLAME_DEVICE_CPU;
      out->shape = known->first.begin();
      out->strides = known->second.data();
      out->data = nullptr;
      out->byte_offset = 0;
      out->buffer_size = static_cast<uint64_t>(type.size_bytes());
      return {};
    });
  }

  static flame_status push_scope(void *self, flame_call *call, flame_str name) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      FLAME_ASSIGN(const std::string_view text, read_text(name, "the name of a scope"));
      bridge.builder_.push_scope(text);
      return {};
    });
  }

  static flame_status pop_scope(void *self, flame_call *call) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      bridge.builder_.pop_scope();
      return {};
    });
  }

  static flame_status start(void *self, flame_call *call, flame_value parameter, uint32_t initial,
                            double scale) noexcept {
    return answer(self, call, [&](BuilderBridge &bridge) -> Status {
      if (initial > FLAME_INITIAL_NORMAL) {
        return contract_error(
            fmt::format("a parameter starts in the way {}, which does not exist", initial));
      }
      bridge.builder_.start(parameter, {static_cast<Initial::Kind>(initial), scale});
      return {};
    });
  }

 private:
  static Result<TensorType> named(Result<TensorType> type, std::string_view what,
                                  std::string_view name) {
    if (type.ok()) return type;
    Error error = type.error();
    error.what = fmt::format("the {} '{}': {}", what, printable(name), error.what);
    return error;
  }

  static Status add(ProgramBuilder &builder, const flame_node &node, std::string_view name,
                    flame_value *outputs) {
    FLAME_ASSIGN(const auto inputs,
                 read_list(node.inputs, node.input_count, kMaxOperands, "the list of inputs"));
    FLAME_ASSIGN(Attributes attributes, read_attributes(node));
    if (!outputs && node.output_count != 0)
      return contract_error("the place for the outputs is a null pointer");
    const std::vector<ValueId> made = builder.add(name, inputs, std::move(attributes));
    if (!builder.status().ok()) return {};
    if (made.size() != node.output_count) {
      return contract_error(
          fmt::format("has {} outputs, but the plugin expects {}", made.size(), node.output_count));
    }
    std::copy(made.begin(), made.end(), outputs);
    return {};
  }
};

BuilderBridge::BuilderBridge(ProgramBuilder &builder) : builder_(builder), table_{} {
  table_.struct_size = sizeof(table_);
  table_.self = this;
  table_.input = BuilderCalls::input;
  table_.parameter = BuilderCalls::parameter;
  table_.op = BuilderCalls::op;
  table_.output = BuilderCalls::output;
  table_.describe = BuilderCalls::describe;
  table_.push_scope = BuilderCalls::push_scope;
  table_.pop_scope = BuilderCalls::pop_scope;
  table_.start = BuilderCalls::start;
}

}  // namespace flame
