# Everything that is not ours, found once. Debian's package names stand in scripts/packages.txt.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON) # the Python module links the same libraries
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(TBB REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost REQUIRED)
find_package(SUNDIALS REQUIRED COMPONENTS arkode cvode nvecserial sunlinsolspgmr)

find_package(hwy REQUIRED)

# Several processes on one run. Without MPI everything works, in one process.
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI QUIET COMPONENTS CXX)
option(STARLING_MPI "Run over ranks under mpirun" ${MPI_CXX_FOUND})
if(STARLING_MPI AND NOT MPI_CXX_FOUND)
  message(FATAL_ERROR "STARLING_MPI needs an MPI (Debian: libopenmpi-dev)")
endif()

# ONNX's package names the target protobuf::libprotobuf and does not find it.
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)

# Random123 is headers only and ships no CMake package.
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)

# The OpenBLAS that locks its scratch memory (the serial variant does not, and products of two threads mix), held to one
# thread in starling/math. Linked statically: no other copy in the process (numpy brings one) is touched.
find_library(OPENBLAS_LIBRARY NAMES libopenblas.a PATH_SUFFIXES openblas-pthread REQUIRED)
find_path(OPENBLAS_INCLUDE_DIR NAMES cblas.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread openblas-pthread
          REQUIRED NO_CMAKE_SYSTEM_PATH PATHS /usr/include /usr/local/include)

# Debian's FFTW ships a CMake package that names files it does not have.
find_library(FFTW_LIBRARY NAMES fftw3 REQUIRED)
find_path(FFTW_INCLUDE_DIR fftw3.h REQUIRED)
