#include "hostile_plugins.h"

#include <sys/stat.h>

#include <filesystem>

#include "core/plugin/probe.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

void set_byte(InstalledForTest &plugin, size_t offset, char value) {
  std::string bytes = plugin.library_bytes();
  bytes[offset] = value;
  plugin.write_library(bytes);
}

// For plugins that are no variants of the good one: their own table goes into the manifest.
void describe_itself(InstalledForTest &plugin) {
  const Result<DescribedPlugin> described = describe_library(plugin.library());
  if (described.ok()) plugin.manifest.spec = described->spec;
  plugin.write_manifest();
}

void make_wrong_machine(InstalledForTest &plugin) {
  set_byte(plugin, 18, '\xb7');  // e_machine: AArch64
}
void make_wrong_class(InstalledForTest &plugin) {
  set_byte(plugin, 4, 1);  // EI_CLASS: 32 bits
}
void truncate_half(InstalledForTest &plugin) {
  plugin.write_library(plugin.library_bytes().substr(0, plugin.library_bytes().size() / 2));
}
void truncate_header(InstalledForTest &plugin) {
  plugin.write_library(plugin.library_bytes().substr(0, 40));
}
void make_text(InstalledForTest &plugin) {
  plugin.write_library("INPUT(libgood.so)\n");
}
void make_empty(InstalledForTest &plugin) {
  plugin.write_library("");
}
void make_fifo(InstalledForTest &plugin) {
  fs::remove(plugin.library());
  mkfifo(plugin.library().c_str(), 0644);
}
void make_folder(InstalledForTest &plugin) {
  fs::remove(plugin.library());
  fs::create_directory(plugin.library());
}
void make_world_writable(InstalledForTest &plugin) {
  fs::permissions(plugin.library(), fs::perms(0777));
}
void make_folder_writable(InstalledForTest &plugin) {
  fs::permissions(plugin.folder(), fs::perms(0777));
}
void link_out(InstalledForTest &plugin) {
  fs::remove(plugin.library());
  fs::create_symlink(fs::path(FLAME_HOSTILE_PLUGINS) / "good.so", plugin.library());
}
void lie_about_hash(InstalledForTest &plugin) {
  plugin.manifest.sha256 = std::string(64, '0');
  plugin.write_manifest();
}
void lie_about_version(InstalledForTest &plugin) {
  plugin.manifest.spec.version = "9.9.9";
  plugin.write_manifest();
}
void lie_about_options(InstalledForTest &plugin) {
  plugin.manifest.spec.components[0].options.pop_back();
  plugin.write_manifest();
}
void name_another_folder(InstalledForTest &plugin) {
  plugin.manifest.library = "../" + plugin.manifest.library;
  plugin.write_manifest();
}
void name_another_platform(InstalledForTest &plugin) {
  plugin.manifest.platform = "plan9-sparc";
  plugin.write_manifest();
}
void name_newer_major(InstalledForTest &plugin) {
  plugin.manifest.abi_major = FLAME_ABI_MAJOR + 1;
  plugin.write_manifest();
}
void cut_manifest(InstalledForTest &plugin) {
  const std::string text = to_json(plugin.manifest).dump();
  plugin.write_manifest_text(text.substr(0, text.size() / 2));
}
void nest_manifest(InstalledForTest &plugin) {
  plugin.write_manifest_text(std::string(100000, '['));
}

}  // namespace

std::vector<HostilePlugin> hostile_plugins() {
  return {
      // The entry.
      {"no_symbol", "binary.exports-the-entry", "flame_plugin_entry_v1"},
      {"only_v2", "binary.exports-the-entry", "flame_plugin_entry_v2"},
      {"entry_null", "lifecycle.entry-answers", "flame.moon/1"},
      {"entry_null_silent", "lifecycle.entry-answers", "without saying why"},
      {"entry_garbage", "lifecycle.entry-answers", "signal 11"},
      {"crash_in_constructor", "binary.opens", "signal 11"},
      {"crash_in_entry", "lifecycle.entry-answers", "signal 11"},
      {"hang_in_entry", "lifecycle.entry-answers", "did not return"},
      {"exit_in_entry", "lifecycle.entry-answers", "exit code 0"},
      {"writes_in_entry", "process.loading-is-quiet", "COUNTING_WAS_HERE"},
      {"table_changes", "lifecycle.entry-repeats", ""},
      {"slow_constructor", "binary.opens-quickly", ""},
      // The table.
      {"null_functions", "descriptor.functions-present", "start is null"},
      {"size_zero", "lifecycle.entry-answers", "struct_size is 0"},
      {"size_small", "descriptor.struct-sizes", "struct_size"},
      {"size_huge", "descriptor.struct-sizes", "struct_size"},
      {"duplicate_options", "descriptor.keeps-the-rules", "stands twice"},
      {"default_out_of_range", "descriptor.keeps-the-rules", "5000"},
      {"invalid_utf8", "descriptor.keeps-the-rules", "UTF-8"},
      {"null_options", "descriptor.keeps-the-rules", "is null"},
      {"option_huge_count", "descriptor.keeps-the-rules", "options"},
      {"unknown_kind_of_option", "descriptor.keeps-the-rules", "type 77"},
      {"option_without_help", "descriptor.keeps-the-rules", "the help is empty"},
      {"descriptor_differs", "manifest.equals-descriptor", "6.6.6"},
      // Start and stop.
      {"crash_in_start", "lifecycle.start-answers", "signal 11"},
      {"hang_in_start", "lifecycle.start-answers", "did not return"},
      {"exit_in_start", "lifecycle.start-answers", "exit code 0"},
      {"abort_in_start", "lifecycle.start-answers", "signal 6"},
      {"throw_in_start", "lifecycle.start-answers", "signal 6"},
      {"kills_group", "lifecycle.start-answers", "signal 15"},
      {"silent_failure", "lifecycle.start-answers", "without saying why"},
      {"fail_but_ok", "lifecycle.start-answers", "and then returned OK"},
      {"fail_twice", "lifecycle.start-answers", "2 errors in one call"},
      {"fail_other_status", "lifecycle.start-answers", "but reported STORAGE"},
      {"needs_newer_host", "lifecycle.start-answers", "signal 11"},
      {"trusts_host_services", "skew.host-without-services", ""},
      {"crash_in_stop", "lifecycle.start-stop-three-times", "signal 11"},
      {"stop_ends_all", "lifecycle.start-counts", ""},
      {"starts_once", "lifecycle.works-after-restart", ""},
      // Query and interfaces.
      {"crash_in_query", "lifecycle.query-unknown-ids", "signal 11"},
      {"query_answers_everything", "lifecycle.query-unknown-ids", "no-such-interface"},
      {"query_prefix", "lifecycle.query-compares-whole-ids", ""},
      {"query_reads_past", "lifecycle.query-reads-no-further", ""},
      {"query_lacks_kind", "lifecycle.interfaces-are-whole", "gives null"},
      {"interface_small", "lifecycle.interfaces-are-whole", "struct_size 8"},
      {"interface_null_function", "lifecycle.interfaces-are-whole",
       "create of flame.data/1 is null"},
      // Arguments.
      {"accepts_any_component", "errors.unknown-component", ""},
      {"accepts_any_option", "errors.unknown-option", ""},
      {"empty_message", "errors.unknown-component", ""},
      {"crashes_on_bad_component", "errors.unknown-component", ""},
      {"null_handle", "lifecycle.start-stop-three-times", ""},
      // What the kinds promise.
      {"data_count_grows", "data.count-is-fixed", ""},
      {"data_identity_changes", "data.identity-is-stable", ""},
      {"data_fields_never_end", "data.fields-end", ""},
      {"data_reads_nothing", "data.reads-whole", ""},
      {"data_writes_past", "data.reads-whole", ""},
      {"data_repeats_negative", "data.examples-are-sound", ""},
      {"data_draw_changes_shape", "data.draws-are-alike", ""},
      {"data_any_draw", "data.refuses-wrong-draw", ""},
      {"data_notes_never_end", "data.notes-end", ""},
      {"field_overwrites", "skew.field-sizes", ""},
      {"sampler_rises", "sampler.levels-fall", "", "sampler_rises", describe_itself},
      {"optimizer_wrong_shape", "optimizer.builds-a-step", "", "optimizer_wrong_shape",
       describe_itself},
      {"model_fickle", "model.builds-its-programs", "", "model_fickle", describe_itself},
      {"exporter_beside_host", "exporter.only-through-the-host", "", "exporter_beside_host",
       describe_itself},
      {"backend_misaligned", "backend.memory-is-aligned", "", "backend_misaligned",
       describe_itself},
      {"backend_half_written", "backend.runs-what-probe-accepts", "", "backend_half_written",
       describe_itself},
      {"backend_guesses", "backend.probe-refuses-unknown-ops", "", "backend_guesses",
       describe_itself},
      {"backend_speechless", "backend.refuses-too-much-memory", "", "backend_speechless",
       describe_itself},
      // The process.
      {"signal_handler", "process.signals", "signal 2"},
      {"changes_locale", "process.locale", "the locale"},
      {"changes_rounding", "process.arithmetic", "the rounding mode"},
      {"flush_to_zero", "process.arithmetic", "flush to zero"},
      {"changes_environment", "process.environment", "OMP_NUM_THREADS"},
      {"changes_folder", "process.working-directory", "the current folder"},
      {"changes_umask", "process.file-mask", "umask"},
      {"changes_limit", "process.limits", "the limit of open files"},
      {"closes_descriptors", "process.descriptors", "descriptor 1, which is closed"},
      {"leaks_descriptors", "process.leaves-no-descriptors", ""},
      {"prints", "process.prints-nothing", ""},
      {"leaves_thread", "process.leaves-no-threads", ""},
      {"leaves_child", "process.leaves-no-children", ""},
      {"thread_crashes_later", "process.nothing-breaks-later", ""},
      // The library as a file.
      {"exports_more", "binary.exports-nothing-else", ""},
      {"undefined_symbol", "binary.opens", "function_of_another_build"},
      {"missing_library", "binary.opens", "libhostile_absent.so"},
      {"runpath", "binary.no-runpath", ""},
      {"execstack", "binary.no-executable-stack", ""},
      {"wrong_machine", "binary.is-elf", "machine", "good", make_wrong_machine},
      {"wrong_class", "binary.is-elf", "32", "good", make_wrong_class},
      {"truncated", "binary.is-elf", "is truncated", "good", truncate_half},
      {"truncated_header", "binary.is-elf", "is truncated", "good", truncate_header},
      {"text_file", "binary.is-elf", "ELF", "good", make_text},
      {"empty_file", "binary.is-a-plain-file", "the file is empty", "good", make_empty},
      {"fifo", "binary.is-a-plain-file", "regular file", "good", make_fifo},
      {"folder", "binary.is-a-plain-file", "regular file", "good", make_folder},
      {"world_writable", "binary.is-trusted", "chmod go-w", "good", make_world_writable},
      {"folder_writable", "binary.is-trusted", "chmod go-w", "good", make_folder_writable},
      {"link_out", "binary.is-trusted", "symbolic link", "good", link_out},
      // The manifest.
      {"wrong_hash", "manifest.hash-is-right", "SHA-256", "good", lie_about_hash},
      {"wrong_version", "manifest.equals-descriptor", "9.9.9", "good", lie_about_version},
      {"hidden_option", "manifest.equals-descriptor", "components[0].options", "good",
       lie_about_options},
      {"other_folder", "manifest.keeps-the-rules", "without folders", "good", name_another_folder},
      {"other_platform", "manifest.keeps-the-rules", "plan9-sparc", "good", name_another_platform},
      {"newer_major", "manifest.keeps-the-rules", "version 2", "good", name_newer_major},
      {"cut_manifest", "manifest.keeps-the-rules", "syntax error", "good", cut_manifest},
      {"nested_manifest", "manifest.keeps-the-rules", "64 levels", "good", nest_manifest},
  };
}

}  // namespace flame
