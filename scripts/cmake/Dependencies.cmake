# The versions of the libraries come from scripts/dependencies.txt, where the set-up scripts read them too.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/scripts/dependencies.txt)
file(STRINGS ${PROJECT_SOURCE_DIR}/scripts/dependencies.txt _flame_dependencies REGEX "^[^#]")

# flame_version_of(NAME OUT): the version of the dependency NAME: the least one, or for packages from pip the exact one.
function(flame_version_of name out)
  foreach(line IN LISTS _flame_dependencies)
    string(REPLACE "|" ";" columns "${line}")
    list(TRANSFORM columns STRIP)
    list(GET columns 0 candidate)
    if(candidate STREQUAL name)
      list(GET columns 3 version)
      set(${out} ${version} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "scripts/dependencies.txt has no line for '${name}'")
endfunction()

# flame_find(NAME PACKAGE [arguments of find_package]): finds PACKAGE in at least the version of the dependency NAME.
macro(flame_find name package)
  flame_version_of(${name} _flame_least)
  find_package(${package} ${_flame_least} REQUIRED ${ARGN})
endmacro()

flame_find(boost Boost)
find_package(fmt REQUIRED)  # spdlog brings it
flame_find(yaml-cpp yaml-cpp)
flame_find(spdlog spdlog)
flame_find(cli11 CLI11)
flame_find(nlohmann nlohmann_json)
flame_find(openssl OpenSSL COMPONENTS Crypto)
find_package(Threads REQUIRED)

# Linked in, so that packages need no library for it. Debian's package has no CMake files.
add_library(Utf8proc::static STATIC IMPORTED GLOBAL)
find_library(FLAME_UTF8PROC libutf8proc.a REQUIRED)
find_path(FLAME_UTF8PROC_INCLUDE utf8proc.h REQUIRED)
set_target_properties(Utf8proc::static PROPERTIES IMPORTED_LOCATION ${FLAME_UTF8PROC} INTERFACE_COMPILE_DEFINITIONS UTF8PROC_STATIC
                                                  INTERFACE_INCLUDE_DIRECTORIES ${FLAME_UTF8PROC_INCLUDE})

flame_find(zlib ZLIB)

# Only what the exporter png needs. The CMake files of Debian's package ask for its programs too, which are not used.
add_library(OpenImageIO::png INTERFACE IMPORTED GLOBAL)
find_library(FLAME_OPENIMAGEIO OpenImageIO REQUIRED)
find_library(FLAME_OPENIMAGEIO_UTIL OpenImageIO_Util REQUIRED)
find_path(FLAME_OPENIMAGEIO_INCLUDE OpenImageIO/imageio.h REQUIRED)
target_link_libraries(OpenImageIO::png INTERFACE ${FLAME_OPENIMAGEIO} ${FLAME_OPENIMAGEIO_UTIL})
target_include_directories(OpenImageIO::png SYSTEM INTERFACE ${FLAME_OPENIMAGEIO_INCLUDE})

# What comes from pip was unpacked in exactly its version.
foreach(line IN LISTS _flame_dependencies)
  string(REPLACE "|" ";" columns "${line}")
  list(TRANSFORM columns STRIP)
  list(GET columns 1 from)
  list(GET columns 2 package)
  list(GET columns 3 version)
  if(from STREQUAL "pip" AND NOT EXISTS ${PROJECT_SOURCE_DIR}/build/pip/${package}==${version})
    message(FATAL_ERROR "build/pip lacks ${package} ${version}: run scripts/setup")
  endif()
endforeach()
find_package(dnnl REQUIRED CONFIG PATHS ${PROJECT_SOURCE_DIR}/build/pip NO_DEFAULT_PATH)
find_package(OpenMP REQUIRED COMPONENTS CXX)
