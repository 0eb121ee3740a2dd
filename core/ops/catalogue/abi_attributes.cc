#include "core/ops/catalogue/abi_attributes.h"

#include "core/base/flame_text.h"

namespace flame {
namespace {

// Fills the value and, for lists, the count.
struct Filler {
  flame_attribute &out;
  std::deque<std::vector<flame_str>> &texts;

  void operator()(int64_t value) { out.value.i = value; }
  void operator()(double value) { out.value.f = value; }
  void operator()(bool value) { out.value.i = value ? 1 : 0; }
  void operator()(const std::string &value) { out.value.s = flame_text(value); }
  void operator()(const std::vector<int64_t> &value) { list(value, out.value.is); }
  void operator()(const std::vector<double> &value) { list(value, out.value.fs); }
  void operator()(const std::vector<std::string> &value) {
    std::vector<flame_str> &held = texts.emplace_back();
    for (const std::string &text : value) held.push_back(flame_text(text));
    list(held, out.value.ss);
  }

  template <typename T>
  void list(const std::vector<T> &values, const T *&place) {
    out.count = static_cast<uint32_t>(values.size());
    place = values.data();
  }
};

}  // namespace

AbiAttributes::AbiAttributes(const Attributes &attributes) {
  for (const auto &[name, value] : attributes.entries()) {
    flame_attribute &entry = list_.emplace_back();
    entry.kind = static_cast<uint32_t>(value.index()) + FLAME_ATTRIBUTE_INT;
    entry.count = 1;
    entry.name = flame_text(name);
    std::visit(Filler{entry, texts_}, value);
  }
}

}  // namespace flame
