# One set of compiler settings for everything that is built here.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_compile_options(-Wall -Wextra -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of overlapping copies inside std::string where there are none (GCC bug 105651).
  add_compile_options(-Wno-restrict)
endif()

find_program(FLAME_CCACHE ccache)
if(FLAME_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FLAME_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${FLAME_CCACHE})
endif()

option(FLAME_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
if(FLAME_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

option(FLAME_FUZZ "Build the fuzzers of tests/fuzz; needs clang" OFF)
if(FLAME_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # all code, or two inputs look alike to the fuzzer
endif()

# The program finds its libraries and plugins from where it stands. The older tag (DT_RPATH) is not overruled by
# LD_LIBRARY_PATH, so that no planted library is taken.
set(CMAKE_BUILD_WITH_INSTALL_RPATH OFF)
add_link_options(-Wl,--disable-new-dtags)
