# `cmake --install` and `cpack`. Components: runtime (the program, its manual and completions), development (every floor as
# a static library, find_package(starling) and pkg-config), python (cmake puts it in when a wheel is built).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY STARLING_LIBRARIES)
install(TARGETS ${libraries} EXPORT starlingTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT starlingTargets NAMESPACE starling:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/starling
        COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/starling DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" PATTERN "*-inl.h" EXCLUDE)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/starlingConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/starlingConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/starling)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/starlingConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/starlingConfig.cmake ${PROJECT_BINARY_DIR}/starlingConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/starling COMPONENT development)

# Those that stand higher come first; a group, since what a library needs privately is not told apart here.
set(starling_pc_libraries ${libraries})
list(REVERSE starling_pc_libraries)
list(TRANSFORM starling_pc_libraries PREPEND "-l")
list(JOIN starling_pc_libraries " " starling_pc_libraries)
list(TRANSFORM STARLING_ABI_DEFINITIONS PREPEND "-D" OUTPUT_VARIABLE starling_pc_definitions)
list(JOIN starling_pc_definitions " " starling_pc_definitions)
configure_file(${PROJECT_SOURCE_DIR}/cmake/starling.pc.in ${PROJECT_BINARY_DIR}/starling.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/starling.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# The program writes its own manual and completions, so they cannot fall behind it.
if(NOT SKBUILD)
  set(written ${PROJECT_BINARY_DIR}/manual)
  set(starling $<TARGET_FILE:starling_executable>)
  set(pages starling.1 starling-drift.5 starling-students.5 starling-muon.5 starling-depth.5 starling-pinn.5)
  set(commands)
  foreach(page ${pages})
    string(REGEX REPLACE "^(starling-)?(.*)\\.[15]$" "\\2" name ${page})
    list(APPEND commands COMMAND ${starling} manual ${name} > ${written}/${page}
                         COMMAND gzip -9nf ${written}/${page})
    string(REGEX MATCH ".$" section ${page})
    install(FILES ${written}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT runtime)
  endforeach()
  add_custom_command(OUTPUT ${written}/_starling
    COMMAND ${CMAKE_COMMAND} -E make_directory ${written} ${commands}
    COMMAND ${starling} completion bash > ${written}/starling
    COMMAND ${starling} completion zsh > ${written}/_starling
    DEPENDS starling_executable VERBATIM)
  add_custom_target(starling_manual ALL DEPENDS ${written}/_starling)
  install(FILES ${written}/starling DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT runtime)
  install(FILES ${written}/_starling DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT runtime)

  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/starling RENAME copyright COMPONENT runtime)
  install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/starling COMPONENT runtime)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples ${PROJECT_SOURCE_DIR}/data
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/starling COMPONENT runtime)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libstarling-dev RENAME copyright
          COMPONENT development)
endif()

include(StarlingPackages)
