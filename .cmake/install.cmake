# What `cmake --install` writes: the headers, and the package that find_package(weft) finds.
# SPDX-License-Identifier: MIT
#
# A directory, not a FILE_SET: that would need CMake 3.23 and a list of the headers, which goes stale when one is added
# after configuring.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Nothing in it depends on the machine's architecture.
set(WEFT_CMAKE_DIR ${CMAKE_INSTALL_DATADIR}/cmake/weft)

install(DIRECTORY include/weft DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS weft EXPORT weft-targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT weft-targets NAMESPACE weft:: DESTINATION ${WEFT_CMAKE_DIR})
write_basic_package_version_file(weft-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES .cmake/weft-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/weft-config-version.cmake
        DESTINATION ${WEFT_CMAKE_DIR})
