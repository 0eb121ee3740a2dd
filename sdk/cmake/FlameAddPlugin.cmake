# flame_add_plugin(NAME SOURCES file... [LIBRARIES library...]): builds NAME.so, a plugin, and beside it
# NAME.flame.json, from which the host lists the plugin and checks pipelines without running its code. Installs both
# to lib/flamehost/plugins.
#
# LIBRARIES are best static. A shared one that is not the system's is found by its absolute folder, or beside the plugin.
set(FLAME_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)
set(FLAME_PLUGIN_FOLDER lib/flamehost/plugins)

# The host refuses plugins from folders that others may write to, whatever the umask of the one who installs.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

function(flame_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 plugin "" "" "SOURCES;LIBRARIES")
  if(NOT plugin_SOURCES OR plugin_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "flame_add_plugin(${name}): expected NAME SOURCES file... [LIBRARIES library...]")
  endif()

  add_library(${name} MODULE ${plugin_SOURCES})
  target_link_libraries(${name} PRIVATE Flame::sdk ${plugin_LIBRARIES})
  target_compile_features(${name} PRIVATE c_std_11 cxx_std_17)
  # A unique symbol would tie the library to the process, and to other plugins; clang makes none.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE LINKER:--version-script=${FLAME_PLUGIN_MAP} LINKER:--disable-new-dtags)
  if(NOT CMAKE_C_FLAGS MATCHES "-fsanitize" AND NOT FLAME_SANITIZE)
    # Every symbol is found at link time and not in a user's run. A sanitizer's are the program's to give.
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()
  set_target_properties(
    ${name}
    PROPERTIES PREFIX ""
               C_VISIBILITY_PRESET hidden
               CXX_VISIBILITY_PRESET hidden
               VISIBILITY_INLINES_HIDDEN ON
               LINK_DEPENDS ${FLAME_PLUGIN_MAP}
               # The manifest holds the library's SHA-256, so that installing must not change a byte.
               BUILD_WITH_INSTALL_RPATH ON
               INSTALL_RPATH "$ORIGIN"
               INSTALL_RPATH_USE_LINK_PATH ON)

  if(TARGET Flame::flamehost)
    set(program Flame::flamehost)
  else()
    set(program flamehost)  # in the host's own tree, where it is built first
    add_dependencies(${name} flamehost)
  endif()
  add_custom_command(TARGET ${name} POST_BUILD COMMAND ${program} plugins manifest $<TARGET_FILE:${name}> VERBATIM)

  set(modes OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  install(TARGETS ${name} LIBRARY DESTINATION ${FLAME_PLUGIN_FOLDER} PERMISSIONS ${modes} COMPONENT runtime)
  # Written anew: `cmake --install --strip` does change the library.
  set(installed "\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${FLAME_PLUGIN_FOLDER}/${name}")
  install(
    CODE "execute_process(COMMAND \"$<TARGET_FILE:${program}>\" plugins manifest \"${installed}.so\" COMMAND_ERROR_IS_FATAL ANY)
file(CHMOD \"${installed}.flame.json\" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)"
    COMPONENT runtime)
endfunction()
