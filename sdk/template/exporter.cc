// An exporter: trained parameters as a safetensors file.
//
// The file is eight bytes with the length of a JSON header, the header (name, type, shape and place
// of each tensor), and the elements. flame::Writer makes it all or nothing: a run that is killed
// while it writes leaves no half file.
#include "flame/plugin.hpp"

namespace {

std::string json_string(std::string_view text) {
  static const char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += flame::text("\\u00", kHex[byte >> 4], kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  return out + '"';
}

class Safetensors : public flame::Exporter {
 public:
  struct Options {
    std::string path;
    std::string precision = "f16";

    void describe(flame::OptionTable &table) {
      table.path("path", path, "The file to write.").required();
      table.choice("precision", precision, {"f16", "bf16", "f32"}, "Type of the numbers.");
    }
  };

  explicit Safetensors(const Options &options) : options_(options) {
    if (options.precision == "f32") dtype_ = FLAME_DTYPE_F32;
    if (options.precision == "bf16") dtype_ = FLAME_DTYPE_BF16;
  }

  void check(const flame::Parameters &parameters) const override {
    for (uint64_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].name != "__metadata__") continue;
      throw flame::unsupported(
          "a parameter is called '__metadata__', which safetensors keeps for "
          "itself; rename it");
    }
  }

  void write(const flame::Parameters &parameters, flame::Attributes facts) override {
    check(parameters);
    flame::Writer file(options_.path);
    std::string header = header_of(parameters, facts);
    header.append((8 - header.size() % 8) % 8, ' ');  // the elements start aligned
    const uint64_t length = header.size();
    char length_bytes[8];
    for (int i = 0; i < 8; ++i) length_bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
    file.write(length_bytes, sizeof length_bytes);
    file.write(header);
    for (uint64_t i = 0; i < parameters.size(); ++i) {
      const std::vector<char> elements = parameters.read(i, dtype_);
      file.write(elements.data(), elements.size());
    }
    file.commit();
    flame::log_info("wrote ", parameters.size(), " tensors to ", options_.path);
  }

 private:
  std::string header_of(const flame::Parameters &parameters, flame::Attributes facts) const {
    std::string out = "{\"__metadata__\":{\"format\":\"pt\"";
    for (const flame_attribute &fact : facts) {
      const std::string_view name = flame::view(fact.name);
      out += flame::text(",", json_string(name), ":", json_string(facts.string(name)));
    }
    out += "}";
    uint64_t begin = 0;
    for (uint64_t i = 0; i < parameters.size(); ++i) {
      const auto [name, dtype, shape] = parameters[i];
      uint64_t end = begin + FLAME_DTYPE_BYTES(dtype_);
      std::string sizes;
      for (const int64_t size : shape) {
        end = begin + (end - begin) * static_cast<uint64_t>(size);
        sizes += flame::text(sizes.empty() ? "" : ",", size);
      }
      out += flame::text(",", json_string(name), ":{\"dtype\":", type_name(), ",\"shape\":[", sizes,
                         "],\"data_offsets\":[", begin, ",", end, "]}");
      begin = end;
    }
    return out + "}";
  }

  std::string_view type_name() const {
    if (dtype_ == FLAME_DTYPE_F32) return "\"F32\"";
    return dtype_ == FLAME_DTYPE_BF16 ? "\"BF16\"" : "\"F16\"";
  }

  Options options_;
  flame_dtype dtype_ = FLAME_DTYPE_F16;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.exporter").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("Writes safetensors files.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<Safetensors>("example-safetensors", "All trained parameters, under their own names.");
}
