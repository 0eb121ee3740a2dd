# Writes OUTPUT, the C++ source with the texts of FILES: cmake -DOUTPUT=… -DFILES=… -P embed_kernels.cmake
set(text "// Made by the build from the files of backends/cuda/kernels.\n#include \"backends/cuda/kernel_files.h\"\n\n")
string(APPEND text "namespace flame::cuda {\n\nconst std::vector<KernelFile> &kernel_files() {\n")
string(APPEND text "  static const std::vector<KernelFile> files = {\n")
foreach(file IN LISTS FILES)
  cmake_path(GET file FILENAME name)
  # As bytes: CMake would read brackets and semicolons of the text as its own.
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  # A string literal for each 8 bytes; the compiler joins them.
  string(REGEX REPLACE "((\\\\x..)(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?)" "\\1\"\n       \"" bytes
                       "${bytes}")
  string(APPEND text "      {\"${name}\",\n       \"${bytes}\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n}  // namespace flame::cuda\n")
file(WRITE ${OUTPUT} "${text}")
