# `cpack -G DEB`: starling (the program) and libstarling-dev (the libraries). scripts/package.sh builds and proves both.
set(CPACK_PACKAGE_VENDOR "Starling")
set(CPACK_PACKAGE_CONTACT "Starling <starling@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME starling)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "trains and studies models as flows of interacting particles
 Generators trained by drifting fields, small networks that fit large ones,
 the Muon optimiser and its flow, attention networks and their limit of
 infinite depth, and differential equations solved by networks: a command line
 that writes one report a run. Needs an x86-64-v3 processor; its kernels take
 AVX-512 where the processor has it.")

# What starlingConfig.cmake and starling.pc ask for.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libstarling-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libeigen3-dev, libtbb-dev, libfmt-dev, nlohmann-json3-dev, libtomlplusplus-dev, libsqlite3-dev, libpng-dev, zlib1g-dev, \
libboost-dev, libboost-math-dev, libsundials-dev, libhwy-dev, libprotobuf-dev, libonnx-dev, libfftw3-dev, libopenblas-pthread-dev, libcli11-dev")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Starling's libraries for C++20
 Headers and static libraries of the floors of Starling, for
 find_package(starling) in CMake and for pkg-config.")
include(CPack)
